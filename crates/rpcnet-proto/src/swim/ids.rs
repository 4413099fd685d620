//! Rows, two bytes each while they fit.

use super::members::Id;

/// A list of row numbers. Most clusters have fewer rows than fit into 16 bits, and
/// of all that a node keeps these lists are what there is most of: they take four
/// bytes a row only once there are that many.
#[derive(Debug)]
pub(super) enum Ids {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Default for Ids {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Ids {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Narrow(ids) => ids.len(),
            Self::Wide(ids) => ids.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Id> {
        match self {
            Self::Narrow(ids) => ids.get(at).copied().map(Id::from),
            Self::Wide(ids) => ids.get(at).copied(),
        }
    }

    pub(super) fn push(&mut self, id: Id) {
        self.make_room_for(id);
        match self {
            Self::Narrow(ids) => {
                grow(ids);
                ids.push(narrow(id));
            }
            Self::Wide(ids) => {
                grow(ids);
                ids.push(id);
            }
        }
    }

    /// Replaces what is at `at`, where anything is.
    pub(super) fn set(&mut self, at: usize, id: Id) {
        self.make_room_for(id);
        match self {
            Self::Narrow(ids) => {
                if let Some(held) = ids.get_mut(at) {
                    *held = narrow(id);
                }
            }
            Self::Wide(ids) => {
                if let Some(held) = ids.get_mut(at) {
                    *held = id;
                }
            }
        }
    }

    pub(super) fn reserve(&mut self, more: usize) {
        match self {
            Self::Narrow(ids) => ids.reserve_exact(more),
            Self::Wide(ids) => ids.reserve_exact(more),
        }
    }

    fn make_room_for(&mut self, id: Id) {
        if let Self::Narrow(ids) = self
            && id > Id::from(u16::MAX)
        {
            *self = Self::Wide(ids.iter().copied().map(Id::from).collect());
        }
    }
}

/// Whoever calls has made room for what is wider.
fn narrow(id: Id) -> u16 {
    u16::try_from(id).unwrap_or(u16::MAX)
}

/// Grows by an eighth where full: doubling would waste half of the largest table.
pub(super) fn grow<T>(rows: &mut Vec<T>) {
    if rows.len() == rows.capacity() {
        rows.reserve_exact(rows.len() / 8 + 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_beyond_sixteen_bits_widen_the_list_and_keep_what_was_there() {
        let mut ids = Ids::default();
        for id in [0, 7, 65_535] {
            ids.push(id);
        }
        assert!(matches!(ids, Ids::Narrow(_)), "the largest that fits");
        ids.push(65_536);
        assert!(matches!(ids, Ids::Wide(_)));
        let held: Vec<_> = (0..5).map(|at| ids.get(at)).collect();
        let expected = [Some(0), Some(7), Some(65_535), Some(65_536), None];
        assert_eq!(held, expected);
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn replacing_widens_as_well_and_beyond_the_end_does_nothing() {
        let mut ids = Ids::default();
        ids.push(1);
        ids.set(0, 70_000);
        ids.set(1, 5);
        assert_eq!((ids.get(0), ids.get(1)), (Some(70_000), None));
    }
}
