//! [`Turns`]: whose turn it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::candidate::Candidate;

/// A count of turns that all threads take from, each turn being taken once.
#[derive(Debug)]
pub(super) struct Turns {
    next: AtomicU64,
    ids: Box<[u64]>,
}

impl Turns {
    pub(super) fn new<C: Candidate>(candidates: &[C]) -> Self {
        Self {
            next: AtomicU64::new(0),
            ids: candidates.iter().map(Candidate::id).collect(),
        }
    }

    /// For the next set, of which the first in turn is whoever of them would have been.
    pub(super) fn succeed<C: Candidate>(&self, candidates: &[C]) -> Self {
        let next = Self::new(candidates);
        let places: BTreeMap<u64, usize> = next.ids.iter().copied().zip(0..).collect();
        let turn = turn_of(self.next.load(Ordering::Relaxed), self.ids.len());
        let from = self.ids.iter().cycle().skip(turn).take(self.ids.len());
        let place = from.filter_map(|id| places.get(id)).next();
        next.next
            .store(place.map_or(0, |at| *at as u64), Ordering::Relaxed);
        next
    }

    /// Takes the next turn among `len`.
    pub(super) fn take(&self, len: usize) -> usize {
        turn_of(self.next.fetch_add(1, Ordering::Relaxed), len)
    }
}

const fn turn_of(count: u64, len: usize) -> usize {
    match count.checked_rem(len as u64) {
        Some(turn) => turn as usize,
        None => 0,
    }
}
