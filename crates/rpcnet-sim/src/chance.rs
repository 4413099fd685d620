//! Randomness, in streams that do not disturb each other.
//!
//! Every purpose (latency, loss, an engine's seed, a scenario) draws from a stream of its own,
//! named by the seed, the purpose and a node. So a fault that makes one node draw more often
//! leaves what every other node draws as it was.

/// What a stream is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// How long a message travels.
    Latency,
    /// Whether a message is lost.
    Loss,
    /// Whether a message arrives twice.
    Duplicate,
    /// Whether a message is overtaken.
    Reorder,
    /// The seed of a node's engine.
    Engine,
    /// When a node starts, and what its clock shows.
    Start,
    /// Which faults a random scenario has.
    Scenario,
}

/// A stream of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Stream(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Stream {
    /// The stream of `seed` for `purpose`, the `index`-th of its kind.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let purpose = (purpose as u64 + 1).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(scramble(
            scramble(seed ^ purpose).wrapping_add(index.wrapping_mul(STEP)),
        ))
    }

    /// The next number, any of 2^64.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        scramble(self.0)
    }

    /// A number below `limit`; zero if `limit` is.
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number of `low..=high`.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits, so that every value is exact.
        let unit = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
#[must_use]
pub fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_by_purpose_and_index() {
        let first = |purpose, index| Stream::new(7, purpose, index).draw();
        let mut seen = vec![
            first(Purpose::Latency, 0),
            first(Purpose::Latency, 1),
            first(Purpose::Loss, 0),
            first(Purpose::Loss, 1),
        ];
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn chances_come_out_as_often_as_they_should() {
        let mut stream = Stream::new(1, Purpose::Loss, 0);
        let hits = (0..100_000).filter(|_| stream.chance(0.1)).count();
        assert!((9_500..10_500).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| stream.chance(0.0)));
        assert!((0..1000).all(|_| stream.chance(1.0)));
    }

    #[test]
    fn a_range_is_reached_at_both_ends_and_not_left() {
        let mut stream = Stream::new(1, Purpose::Scenario, 0);
        let drawn: Vec<u64> = (0..1000).map(|_| stream.within(3, 7)).collect();
        assert!((3..=7).all(|value| drawn.contains(&value)));
        assert!(drawn.iter().all(|value| (3..=7).contains(value)));
    }
}
