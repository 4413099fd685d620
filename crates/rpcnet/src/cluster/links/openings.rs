//! Streams that were accepted and are no link yet, or never will be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Streams of one certificate at once. Beyond: the stream is refused.
pub(super) const OPENINGS_PER_PEER_MAX: usize = 32;

/// Streams at once. Beyond: the stream is refused.
pub(super) const OPENINGS_MAX: usize = 1024;

/// Counts them, by the fingerprint of the peer's certificate, so that no peer takes the
/// places of the others.
#[derive(Debug, Default)]
pub(super) struct Openings(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_peer: HashMap<[u8; 32], usize>,
}

impl Openings {
    /// Takes a place, if there is one.
    pub(super) fn enter(self: &Arc<Self>, peer: [u8; 32]) -> Option<Opening> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = counts.by_peer.get(&peer).copied().unwrap_or(0);
        if counts.all >= OPENINGS_MAX || of_peer >= OPENINGS_PER_PEER_MAX {
            return None;
        }
        counts.all += 1;
        counts.by_peer.insert(peer, of_peer + 1);
        drop(counts);
        Some(Opening {
            openings: self.clone(),
            peer,
        })
    }
}

/// A place, given back on drop.
#[derive(Debug)]
pub(super) struct Opening {
    openings: Arc<Openings>,
    peer: [u8; 32],
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut counts = self
            .openings
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(of_peer) = counts.by_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                counts.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_takes_its_places_and_leaves_the_others() {
        let openings = Arc::new(Openings::default());
        let mut held: Vec<_> = (0..OPENINGS_PER_PEER_MAX)
            .map(|_| openings.enter([1; 32]).expect("there is room"))
            .collect();
        assert!(openings.enter([1; 32]).is_none());
        assert!(openings.enter([2; 32]).is_some());
        held.pop();
        assert!(openings.enter([1; 32]).is_some());
    }

    #[test]
    fn all_places_are_bounded_and_given_back() {
        let openings = Arc::new(Openings::default());
        let peer = |index: usize| [u8::try_from(index / OPENINGS_PER_PEER_MAX).expect("few"); 32];
        let held: Vec<_> = (0..OPENINGS_MAX)
            .map(|index| openings.enter(peer(index)).expect("there is room"))
            .collect();
        assert!(openings.enter([255; 32]).is_none());
        drop(held);
        let counts = openings.0.lock().expect("nobody panicked");
        assert_eq!((counts.all, counts.by_peer.len()), (0, 0));
    }
}
