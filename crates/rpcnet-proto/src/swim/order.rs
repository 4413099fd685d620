//! Who is to be probed next, and who is where: one permutation in five regions.

use super::ids::Ids;
use super::members::Id;

/// The regions, in the order in which they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Region {
    /// Live, and probed in this round.
    Probed,
    /// Live, and not yet probed in this round.
    Unprobed,
    /// Failed.
    Failed,
    /// Left.
    Left,
    /// No member: the row is free.
    Free,
}

/// A permutation of all rows but this node's own. Moving a row between regions
/// swaps it across their borders, so every operation takes constant time, a
/// random member of a region is one draw, and a new round is one assignment.
#[derive(Debug, Default)]
pub(super) struct Order {
    ids: Ids,
    /// The position of row `id` in `ids`, at `id`.
    positions: Ids,
    /// Where each region but the last ends.
    ends: [usize; 4],
}

impl Order {
    /// Adds the next row, free: ids count up from 1; 0 is this node.
    pub(super) fn push(&mut self) -> Id {
        let id = self.ids.len().saturating_add(1) as Id;
        if self.positions.len() == 0 {
            self.positions.push(0);
        }
        self.positions.push(self.ids.len() as Id);
        self.ids.push(id);
        id
    }

    /// Makes room for so many more rows.
    pub(super) fn reserve(&mut self, more: usize) {
        self.ids.reserve(more);
        self.positions.reserve(more.saturating_add(1));
    }

    pub(super) fn len(&self, region: Region) -> usize {
        let (from, to) = self.bounds(region);
        to - from
    }

    /// The row that is `offset` rows into the region.
    pub(super) fn at(&self, region: Region, offset: usize) -> Option<Id> {
        let (from, to) = self.bounds(region);
        let at = from.checked_add(offset).filter(|at| *at < to)?;
        self.ids.get(at)
    }

    /// The row that is `offset` rows into the live regions together.
    pub(super) fn live_at(&self, offset: usize) -> Option<Id> {
        if offset >= self.live() {
            return None;
        }
        self.ids.get(offset)
    }

    pub(super) const fn live(&self) -> usize {
        let [_, live, ..] = self.ends;
        live
    }

    pub(super) fn region(&self, id: Id) -> Option<Region> {
        let position = self.positions.get(id as usize).filter(|_| id != 0)? as usize;
        let region = match self.ends.iter().position(|end| position < *end) {
            Some(0) => Region::Probed,
            Some(1) => Region::Unprobed,
            Some(2) => Region::Failed,
            Some(_) => Region::Left,
            None => Region::Free,
        };
        Some(region)
    }

    /// Moves the row to the region.
    pub(super) fn shift(&mut self, id: Id, to: Region) {
        let Some(from) = self.region(id) else {
            return;
        };
        let (mut at, to) = (from as usize, to as usize);
        while at < to {
            // To the end of its region, which then ends before it.
            let Some(end) = self.ends.get_mut(at) else {
                return;
            };
            *end = end.saturating_sub(1);
            let border = *end;
            self.swap_to(id, border);
            at += 1;
        }
        while at > to {
            at -= 1;
            let Some(end) = self.ends.get_mut(at) else {
                return;
            };
            let border = *end;
            *end += 1;
            self.swap_to(id, border);
        }
    }

    /// Makes everybody live unprobed.
    pub(super) const fn begin_round(&mut self) {
        let [probed, ..] = &mut self.ends;
        *probed = 0;
    }

    fn swap_to(&mut self, id: Id, to: usize) {
        let Some(from) = self.positions.get(id as usize) else {
            return;
        };
        let Some(other) = self.ids.get(to) else {
            return;
        };
        self.ids.set(from as usize, other);
        self.ids.set(to, id);
        self.positions.set(other as usize, from);
        self.positions.set(id as usize, to as Id);
    }

    fn bounds(&self, region: Region) -> (usize, usize) {
        let region = region as usize;
        let from = match region.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
            None => 0,
        };
        (
            from,
            self.ends.get(region).copied().unwrap_or(self.ids.len()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    const REGIONS: [Region; 5] = [
        Region::Probed,
        Region::Unprobed,
        Region::Failed,
        Region::Left,
        Region::Free,
    ];

    #[test]
    fn rows_stay_where_they_were_moved_whatever_moves_around_them() {
        let mut chance = Chance::new(3);
        let mut order = Order::default();
        let mut expected = [Region::Free; 41];
        for id in 1..=40 {
            assert_eq!(order.push(), id);
        }
        for _ in 0..5_000 {
            let id = chance.below(40) + 1;
            let to = REGIONS[chance.below(5)];
            order.shift(id as Id, to);
            expected[id] = to;
            for (id, region) in expected.iter().enumerate().skip(1) {
                assert_eq!(order.region(id as Id), Some(*region));
            }
            for region in REGIONS {
                let count = expected.iter().skip(1).filter(|r| **r == region).count();
                assert_eq!(order.len(region), count);
                for offset in 0..count {
                    let id = order.at(region, offset).expect("within the region");
                    assert_eq!(expected[id as usize], region);
                }
                assert_eq!(order.at(region, count), None);
            }
        }
        order.begin_round();
        assert_eq!(order.len(Region::Probed), 0);
        assert_eq!(order.region(0), None, "row 0 is this node's own");
        assert_eq!(order.region(41), None);
    }
}
