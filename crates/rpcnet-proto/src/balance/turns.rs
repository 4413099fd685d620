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

#[cfg(test)]
mod tests {
    use super::super::fake::fakes;
    use super::*;

    #[test]
    fn who_is_next_stays_next_when_others_come_and_go() {
        let all = fakes(6);
        let turns = Turns::new(&all);
        let taken: Vec<usize> = (0..8).map(|_| turns.take(6)).collect();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 0, 1]);
        // Candidate 2 is next: without 0 it has index 1, with a seventh at the end index 2.
        assert_eq!(turns.succeed(&all[1..]).take(5), 1);
        assert_eq!(turns.succeed(&fakes(7)).take(7), 2);
        // Where it is gone, the one after it is.
        assert_eq!(turns.succeed(&all[3..]).take(3), 0);
        assert_eq!(
            turns.succeed(&all[..2]).take(2),
            0,
            "those after are gone too"
        );
    }

    #[test]
    fn no_candidates_have_no_turns_and_the_next_set_begins_anew() {
        let none = Turns::new(&fakes(0));
        assert_eq!(none.take(0), 0);
        let all = fakes(3);
        assert_eq!(none.succeed(&all).take(3), 0);
        assert_eq!(Turns::new(&all).succeed(&fakes(0)).take(0), 0);
    }
}
