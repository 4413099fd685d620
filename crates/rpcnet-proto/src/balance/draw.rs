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
