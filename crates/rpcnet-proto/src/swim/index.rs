//! From a name to its row.

use super::members::Id;

/// An open-addressed table of row numbers, three bytes each: eight bits of the
/// name's hash beside 16 of the row, so that a look-up rarely reads a record in vain.
/// Rows beyond 16 bits make it four bytes each, 24 of the row.
///
/// Names themselves lie in the records; whoever asks brings the comparison.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Slots,
    used: usize,
}

/// 0 is empty; otherwise row + 1 below the fingerprint.
#[derive(Debug)]
enum Slots {
    /// The fingerprint, then the row.
    Narrow(Vec<[u8; 3]>),
    Wide(Vec<u32>),
}

impl Index {
    /// The largest row number that fits, and then some.
    pub(super) const ROWS_MAX: usize = (1 << 24) - 2;

    pub(super) fn find(&self, hash: u64, is_it: impl Fn(Id) -> bool) -> Option<Id> {
        self.slot_of(hash, is_it).map(|(_, id)| id)
    }

    /// Adds a row that is not there yet. `hash_of` tells the hash of any row, for
    /// when the table grows.
    pub(super) fn insert(&mut self, hash: u64, id: Id, hash_of: impl Fn(Id) -> u64) {
        // Four fifths full at most: linear probing slows down beyond.
        if (self.used + 1) * 5 > self.slots.len() * 4 {
            self.resize(self.slots.len() * 5 / 4 + 16, hash_of);
        }
        if id >= WIDE_FROM {
            self.slots.widen();
        }
        self.place(hash, id);
        self.used += 1;
    }

    /// Makes room for so many more rows.
    pub(super) fn reserve(&mut self, more: usize, hash_of: impl Fn(Id) -> u64) {
        let len = self.used.saturating_add(more).saturating_mul(5) / 4 + 16;
        if len > self.slots.len() {
            self.resize(len, hash_of);
        }
    }

    fn resize(&mut self, len: usize, hash_of: impl Fn(Id) -> u64) {
        let emptied = self.slots.emptied(len);
        let old = std::mem::replace(&mut self.slots, emptied);
        for slot in (0..old.len()).map(|at| old.get(at)) {
            if slot != 0 {
                let id = id_of(slot);
                self.place(hash_of(id), id);
            }
        }
    }

    pub(super) fn remove(&mut self, hash: u64, id: Id, hash_of: impl Fn(Id) -> u64) {
        let Some((mut hole, _)) = self.slot_of(hash, |other| other == id) else {
            return;
        };
        self.used -= 1;
        // Whoever was pushed beyond the hole moves back into it.
        let mut at = hole;
        loop {
            at = self.after(at);
            let slot = self.slot(at);
            if slot == 0 || at == hole {
                break;
            }
            let home = self.home(hash_of(id_of(slot)));
            if self.distance(home, at) >= self.distance(hole, at) {
                self.put(hole, slot);
                hole = at;
            }
        }
        self.put(hole, 0);
    }

    fn slot_of(&self, hash: u64, is_it: impl Fn(Id) -> bool) -> Option<(usize, Id)> {
        if self.slots.len() == 0 {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let slot = self.slot(at);
            if slot == 0 {
                return None;
            }
            if slot >> 24 == fingerprint(hash) && is_it(id_of(slot)) {
                return Some((at, id_of(slot)));
            }
            at = self.after(at);
        }
    }

    fn place(&mut self, hash: u64, id: Id) {
        let mut at = self.home(hash);
        while self.slot(at) != 0 {
            at = self.after(at);
        }
        self.put(at, fingerprint(hash) << 24 | (id + 1));
    }

    /// Multiplication instead of a remainder: any length will do.
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    const fn after(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    const fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.slots.len() - from
        }
    }

    fn slot(&self, at: usize) -> u32 {
        self.slots.get(at)
    }

    fn put(&mut self, at: usize, value: u32) {
        self.slots.put(at, value);
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Slots {
    const fn len(&self) -> usize {
        match self {
            Self::Narrow(slots) => slots.len(),
            Self::Wide(slots) => slots.len(),
        }
    }

    fn get(&self, at: usize) -> u32 {
        match self {
            Self::Narrow(slots) => slots.get(at).map_or(0, |slot| spread(*slot)),
            Self::Wide(slots) => slots.get(at).copied().unwrap_or_default(),
        }
    }

    fn put(&mut self, at: usize, value: u32) {
        match self {
            Self::Narrow(slots) => {
                if let Some(slot) = slots.get_mut(at) {
                    let [fingerprint, _, high, low] = value.to_be_bytes();
                    *slot = [fingerprint, high, low];
                }
            }
            Self::Wide(slots) => {
                if let Some(slot) = slots.get_mut(at) {
                    *slot = value;
                }
            }
        }
    }

    /// So many empty slots, as wide as these.
    fn emptied(&self, len: usize) -> Self {
        match self {
            Self::Narrow(_) => Self::Narrow(vec![[0; 3]; len]),
            Self::Wide(_) => Self::Wide(vec![0; len]),
        }
    }

    fn widen(&mut self) {
        if let Self::Narrow(slots) = self {
            *self = Self::Wide(slots.iter().copied().map(spread).collect());
        }
    }
}

const fn spread([fingerprint, high, low]: [u8; 3]) -> u32 {
    u32::from_be_bytes([fingerprint, 0, high, low])
}

/// From there on a row, counted from one, does not fit into 16 bits.
const WIDE_FROM: Id = 0xffff;

/// Bits of the hash that did not choose the slot.
const fn fingerprint(hash: u64) -> u32 {
    (hash & 0xff) as u32
}

const fn id_of(slot: u32) -> Id {
    (slot & 0x00ff_ffff).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::chance::Chance;

    /// Few different hashes, so that chains are long and wrap around.
    fn hash_of(id: Id) -> u64 {
        [0, 1, u64::MAX, u64::MAX / 2, 5][id as usize % 5]
    }

    #[test]
    fn rows_are_found_after_any_sequence_of_inserts_and_removes() {
        let mut chance = Chance::new(1);
        let mut index = Index::default();
        let mut expected = BTreeMap::new();
        for _ in 0..20_000 {
            let id = chance.below(60) as Id;
            if expected.remove(&id).is_some() {
                index.remove(hash_of(id), id, hash_of);
            } else {
                expected.insert(id, ());
                index.insert(hash_of(id), id, hash_of);
            }
            assert_eq!(index.used, expected.len());
            let id = chance.below(60) as Id;
            let found = index.find(hash_of(id), |other| other == id);
            assert_eq!(found.is_some(), expected.contains_key(&id));
        }
    }

    #[test]
    fn rows_beyond_sixteen_bits_widen_the_slots_and_keep_what_was_there() {
        let mix = |id: Id| u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut index = Index::default();
        index.reserve(4, mix);
        for id in [0, 1, 65_534] {
            index.insert(mix(id), id, mix);
        }
        assert!(
            matches!(index.slots, Slots::Narrow(_)),
            "the last that fits"
        );
        index.insert(mix(65_535), 65_535, mix);
        assert!(matches!(index.slots, Slots::Wide(_)));
        index.remove(mix(1), 1, mix);
        index.insert(mix(16_000_000), 16_000_000, mix);
        for (id, is_there) in [
            (0, true),
            (1, false),
            (65_534, true),
            (65_535, true),
            (16_000_000, true),
        ] {
            let found = index.find(mix(id), |other| other == id);
            assert_eq!(found, is_there.then_some(id));
        }
    }
}
