//! The pauses between attempts: doubling, with jitter, up to a ceiling.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Exponential backoff that shortens each pause at random by up to a half.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// The next pause; each is up to twice as long as the one before.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.longest);
        full.mul_f64(0.5 + chance() / 2.0)
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A number in `0.0..1.0` that differs from process to process and call to call.
///
/// Jitter needs no more than the standard library's randomly keyed hasher.
pub(crate) fn chance() -> f64 {
    let draw = RandomState::new().build_hasher().finish() >> 11;
    draw as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_keep_half_of_their_length() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_millis(120));
        let mut backoff = Backoff::new(first, longest);
        for full in [50, 100, 120, 120].map(Duration::from_millis) {
            let pause = backoff.next_pause();
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.next_pause() <= first);
    }

    #[test]
    fn jitter_spreads() {
        let draws: Vec<f64> = (0..64).map(|_| chance()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert!(draws.iter().any(|draw| *draw < 0.5) && draws.iter().any(|draw| *draw > 0.5));
    }
}
