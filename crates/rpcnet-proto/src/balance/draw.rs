//! [`Draw`]: the chance that a pick is given.

use crate::chance::Chance;

/// A small generator of random numbers, determined by its seed.
///
/// SplitMix64: enough to spread calls by, and nothing to keep a secret with. One per
/// thread, or one per call from a seed that differs, serves alike.
#[derive(Clone, Debug)]
pub struct Draw(Chance);

impl Draw {
    /// A generator that draws what `seed` determines.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Chance::new(seed))
    }

    /// A number below `bound`, or 0 where there is none.
    pub const fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    /// A number from 0 up to 1.
    pub fn fraction(&mut self) -> f64 {
        self.0.fraction()
    }

    /// 64 random bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_what_is_drawn_and_another_one_draws_otherwise() {
        let drawn = |seed| {
            let mut draw = Draw::new(seed);
            [draw.below(1_000), draw.below(1_000), draw.below(0)]
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2), "seeds that differ by one bit do");
        assert!((0.0..1.0).contains(&Draw::new(3).fraction()));
    }
}
