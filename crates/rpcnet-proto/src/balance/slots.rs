//! [`SlotTable`]: which candidate a key belongs to.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::Candidate;
use crate::mix::finalise;

/// A fixed number of slots, each owned by the candidate with the highest hash of both.
///
/// Keys are hashed to slots. A slot's owner depends on the candidates there are and on
/// nothing else, neither on their order nor on who was there before: every node has the
/// same table.
#[derive(Debug)]
pub(super) struct SlotTable {
    ids: Box<[u64]>,
    owners: Box<[u32]>,
}

impl SlotTable {
    /// A hash per slot and candidate.
    pub(super) fn new<C: Candidate>(candidates: &[C]) -> Self {
        let none = Self {
            ids: Box::default(),
            owners: vec![NOBODY; SLOTS].into(),
        };
        none.succeed(candidates)
    }

    /// For the next set: a joiner takes the slots that it wins, and what a leaver had is
    /// shared out. A hash per slot and joiner, and per candidate and slot without an owner.
    pub(super) fn succeed<C: Candidate>(&self, candidates: &[C]) -> Self {
        let ids: Box<[u64]> = candidates.iter().map(Candidate::id).collect();
        let places: BTreeMap<u64, u32> = ids.iter().copied().zip(0..).collect();
        let known: BTreeSet<u64> = self.ids.iter().copied().collect();
        let moved: Vec<u32> = self
            .ids
            .iter()
            .map(|id| places.get(id).copied().unwrap_or(NOBODY))
            .collect();
        let joiners: Vec<(u64, u32)> = places
            .iter()
            .filter(|(id, _)| !known.contains(*id))
            .map(|(id, at)| (*id, *at))
            .collect();
        let everybody: Vec<(u64, u32)> = places.iter().map(|(id, at)| (*id, *at)).collect();
        let owners = self.owners.iter().zip(0..).map(|(owner, slot)| {
            let owner = moved.get(*owner as usize).copied().unwrap_or(NOBODY);
            match ids.get(owner as usize) {
                Some(id) => highest(slot, (*id, owner), &joiners),
                None => highest(slot, (0, NOBODY), &everybody),
            }
        });
        let owners = owners.collect();
        Self { ids, owners }
    }

    /// The owner of a key's slots, one after another.
    pub(super) fn owners(&self, key: u64) -> impl Iterator<Item = usize> {
        (0..TRIES_MAX).filter_map(move |attempt| {
            let slot = finalise(key.wrapping_add(attempt.wrapping_mul(STEP))) >> (64 - SLOT_BITS);
            self.owners.get(slot as usize).map(|owner| *owner as usize)
        })
    }
}

/// Who of `held` and the others has the highest hash with the slot.
fn highest(slot: u64, held: (u64, u32), others: &[(u64, u32)]) -> u32 {
    let salt = finalise(slot.wrapping_mul(STEP) ^ SLOT_SALT);
    let rank = |id: u64| finalise(id ^ salt);
    let (mut best, mut owner) = held;
    let mut height = if owner == NOBODY { 0 } else { rank(best) };
    for (id, at) in others {
        let rank = rank(*id);
        if rank > height || owner == NOBODY || (rank == height && *id > best) {
            (best, owner, height) = (*id, *at, rank);
        }
    }
    owner
}

/// The highest hash of an id and a key, for where the table leads nowhere.
pub(super) fn height(id: u64, key: u64) -> u64 {
    finalise(id ^ finalise(key))
}

const SLOT_BITS: u32 = 14;
const SLOTS: usize = 1 << SLOT_BITS;

/// How many slots of a key are looked at.
const TRIES_MAX: u64 = 8;

/// 2^64 over the golden ratio: multiples of it lie far apart.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// So that slots and keys are hashed differently.
const SLOT_SALT: u64 = 0x534c_4f54;

/// No index: a set is shorter.
const NOBODY: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, fakes};
    use super::*;

    /// The owner of each slot, by id.
    fn by_id(table: &SlotTable) -> Vec<u64> {
        let owner = |at: &u32| table.ids[*at as usize];
        table.owners.iter().map(owner).collect()
    }

    fn owned(table: &SlotTable, at: u32) -> usize {
        table.owners.iter().filter(|owner| **owner == at).count()
    }

    #[test]
    fn a_leaver_moves_its_own_slots_alone_and_they_are_few() {
        for count in [2, 8, 20, 32] {
            let all = fakes(count);
            let before = SlotTable::new(&all);
            for leaver in 0..count as usize {
                let mut rest = all.clone();
                let gone = rest.remove(leaver).id;
                let after = by_id(&before.succeed(&rest));
                let moved = by_id(&before)
                    .iter()
                    .zip(&after)
                    .filter(|(was, is)| {
                        assert!(was == is || **was == gone, "it was not the leaver's");
                        was != is
                    })
                    .count();
                assert_eq!(moved, owned(&before, leaver as u32));
                let share = moved as f64 / SLOTS as f64;
                assert!(share <= 1.2 / count as f64, "{share} of {count}");
            }
        }
    }

    #[test]
    fn a_joiner_takes_slots_and_nobody_else_does() {
        let all = fakes(9);
        let before = SlotTable::new(&all[1..]);
        let after = before.succeed(&all);
        for (was, is) in by_id(&before).iter().zip(by_id(&after)) {
            assert!(*was == is || is == all[0].id);
        }
        assert!(owned(&after, 0) as f64 <= 1.2 / 9.0 * SLOTS as f64);
    }

    #[test]
    fn the_owners_depend_on_who_is_there_and_not_on_the_way_there() {
        let all = fakes(30);
        let steps = [&all[..10], &all[5..25], &all[20..], &all[..0], &all[3..12]];
        let mut table = SlotTable::new(&all);
        for step in steps {
            table = table.succeed(step);
            let mut shuffled: Vec<Fake> = step.to_vec();
            shuffled.reverse();
            if step.is_empty() {
                assert!(table.owners.iter().all(|owner| *owner == NOBODY));
            } else {
                assert_eq!(by_id(&table), by_id(&SlotTable::new(&shuffled)));
            }
        }
    }

    #[test]
    fn two_by_one_name_do_not_share_what_is_theirs() {
        let twins = [Fake::new(1), Fake::new(1), Fake::new(2)];
        let table = SlotTable::new(&twins);
        assert_eq!(owned(&table, 0), 0);
        assert!(owned(&table, 1) > SLOTS / 3 && owned(&table, 2) > SLOTS / 3);
    }

    #[test]
    fn a_key_has_several_owners_one_after_another() {
        let table = SlotTable::new(&fakes(50));
        let owners: BTreeSet<usize> = table.owners(7).collect();
        assert!(owners.len() > 4, "{owners:?}");
        assert_eq!(table.owners(7).count(), TRIES_MAX as usize);
        assert!(table.owners(7).eq(table.owners(7)));
    }
}
