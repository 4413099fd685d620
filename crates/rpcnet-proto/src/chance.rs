//! Random numbers that a seed determines.

use crate::mix::finalise;

/// SplitMix64: enough for shuffling, and the same on every machine.
///
/// Nonces come from here as well. They have to differ and not to be guessed by
/// who did not receive them; the driver seeds from the operating system.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(finalise(seed ^ 0x5357_494d))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        finalise(self.0)
    }

    /// A number below `bound`, or 0 where there is none.
    pub(crate) const fn below(&mut self, bound: usize) -> usize {
        // The high half of the product is uniform but for a bias below 2^-40.
        ((self.next() as u128 * bound as u128) >> 64) as usize
    }

    /// A number from 0 up to 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_numbers_within_their_bounds() {
        let (mut a, mut b) = (Chance::new(7), Chance::new(7));
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            let drawn = a.below(10);
            assert_eq!(drawn, b.below(10));
            counts[drawn] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
        assert_eq!(a.below(0), 0);
        assert_eq!(a.below(1), 0);
        assert!((0.0..1.0).contains(&a.fraction()));
    }
}
