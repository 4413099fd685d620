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
