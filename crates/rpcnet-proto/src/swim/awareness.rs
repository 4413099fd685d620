//! How much this node trusts its own senses.

use std::time::Duration;

/// Lifeguard's local health multiplier: 0 is healthy, each step slows this
/// node's probing down by one period (M-15).
#[derive(Clone, Copy, Debug)]
pub(super) struct Awareness {
    score: u32,
    max: u32,
}

impl Awareness {
    pub(super) const fn new(max: u32) -> Self {
        Self { score: 0, max }
    }

    pub(super) fn worsen(&mut self, by: u32) {
        self.score = self.score.saturating_add(by).min(self.max);
    }

    pub(super) const fn improve(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    pub(super) const fn score(&self) -> u32 {
        self.score
    }

    pub(super) const fn scale(&self, span: Duration) -> Duration {
        span.saturating_mul(self.score.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M-15.
    #[test]
    fn the_score_stays_between_zero_and_its_maximum() {
        let mut awareness = Awareness::new(8);
        awareness.improve();
        assert_eq!(awareness.score(), 0);
        awareness.worsen(3);
        let second = Duration::from_secs(1);
        assert_eq!(awareness.scale(second), 4 * second);
        awareness.worsen(u32::MAX);
        assert_eq!(
            (awareness.score(), awareness.scale(second)),
            (8, 9 * second)
        );
        awareness.improve();
        assert_eq!(awareness.score(), 7);
    }

    #[test]
    fn a_maximum_of_zero_switches_it_off() {
        let mut awareness = Awareness::new(0);
        awareness.worsen(5);
        assert_eq!(awareness.score(), 0);
    }
}
