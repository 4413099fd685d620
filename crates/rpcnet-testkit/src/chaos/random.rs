//! The seeded generator behind every chance the proxy takes.

/// A small seeded generator (SplitMix64), fixed for ever.
///
/// It lives here and not in a dependency because a seed printed by a failing run must mean the same
/// datagrams after every upgrade. Statistically good, cryptographically worthless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Creates the generator for one of the many independent uses of a seed.
    ///
    /// The same `(seed, lane)` always yields the same numbers; two lanes of one seed share none.
    #[must_use]
    pub fn new(seed: u64, lane: u64) -> Self {
        // Two rounds of mixing keep lanes 0, 1, 2… from being shifted copies of one another.
        let mut lanes = Self { state: lane };
        let mut root = Self {
            state: seed ^ lanes.next_u64(),
        };
        Self {
            state: root.next_u64(),
        }
    }

    /// Returns the next number, uniform over all of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns the next number, uniform in `0.0..1.0`; never 1.
    pub fn next_unit(&mut self) -> f64 {
        // 53 bits are what an f64 holds exactly, so the quotient cannot round up to 1.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The odd constant of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The reference sequence for state 0, so that a seed keeps its meaning.
        let mut random = Random { state: 0 };
        assert_eq!(random.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next_u64(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(random.next_u64(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn lanes_of_one_seed_are_not_shifted_copies() {
        let numbers = |lane| {
            let mut random = Random::new(7, lane);
            (0..64).map(|_| random.next_u64()).collect::<Vec<_>>()
        };
        let first = numbers(0);
        assert!(numbers(1).iter().all(|number| !first.contains(number)));
        assert_eq!(first, numbers(0));
    }

    #[test]
    fn units_fill_their_range_and_never_reach_one() {
        let mut random = Random::new(1, 1);
        let units: Vec<f64> = (0..10_000).map(|_| random.next_unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let mean = units.iter().sum::<f64>() / units.len() as f64;
        assert!((0.48..0.52).contains(&mean), "mean {mean}");
    }
}
