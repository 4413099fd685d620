//! The rhythm and the thresholds of phi.

use std::time::Duration;

use super::window::{INTERVAL_CEILING, LEN_CEILING};

/// How edges are watched. [`Config::lan`] suits one data centre.
///
/// What is out of range is brought into it where it is used; [`checked`](Self::checked)
/// shows the result.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Time between two questions on one edge, 10 ms to 10 min. LAN 500 ms.
    pub heartbeat_interval: Duration,
    /// Phi from which a node is unreachable, 0.5 to 300. LAN 8.
    pub threshold: f64,
    /// Phi from which the membership is asked for a probe, 0.1 up to `threshold`. LAN 5.
    pub probe_threshold: f64,
    /// Silence beyond the usual that is no reason to doubt, up to 10 min: it is added to
    /// the mean. LAN 1 s.
    pub acceptable_pause: Duration,
    /// The least standard deviation, 1 ms to 10 min. Without one, a very regular edge
    /// would be doubted for a millisecond. LAN 50 ms.
    pub min_std_deviation: Duration,
    /// The longest interval that becomes a sample, at most an hour. LAN 10 s.
    pub interval_max: Duration,
    /// How many intervals the estimate is made of, 2 to 16,384. LAN 128.
    pub window: usize,
    /// Time that the first answer of an edge may take on top of what later ones may: a
    /// connection has to be made. Up to 10 min. LAN 3 s.
    pub first_answer_after: Duration,
    /// How long the node may be silent after something was sent to it until its port is
    /// knocked at, 1 ms up to `heartbeat_interval`. LAN 20 ms: a host answers only a few
    /// packets to closed ports, and the transport repeats what is lost after about 30 ms.
    pub knock_after: Duration,
    /// The most edges, 1 to 4,096. Beyond: the nodes that follow this one on the ring of
    /// name hashes are watched. LAN 128.
    pub edges_max: usize,
}

impl Config {
    /// For nodes in one data centre: a silent node is unreachable after about 1.8 s.
    #[must_use]
    pub const fn lan() -> Self {
        Self {
            heartbeat_interval: Duration::from_millis(500),
            threshold: 8.0,
            probe_threshold: 5.0,
            acceptable_pause: Duration::from_secs(1),
            min_std_deviation: Duration::from_millis(50),
            interval_max: Duration::from_secs(10),
            window: 128,
            first_answer_after: Duration::from_secs(3),
            knock_after: Duration::from_millis(20),
            edges_max: 128,
        }
    }

    /// For nodes that are continents apart: a silent node is unreachable after about 5.4 s.
    #[must_use]
    pub const fn wan() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(1),
            threshold: 12.0,
            acceptable_pause: Duration::from_secs(3),
            min_std_deviation: Duration::from_millis(200),
            interval_max: Duration::from_secs(30),
            first_answer_after: Duration::from_secs(5),
            knock_after: Duration::from_millis(300),
            ..Self::lan()
        }
    }

    /// The same with what is out of range brought into it. A threshold that is no number
    /// becomes that of [`lan`](Self::lan).
    #[must_use]
    pub fn checked(mut self) -> Self {
        let lan = Self::lan();
        self.heartbeat_interval = self.heartbeat_interval.clamp(TEN_MS, TEN_MINUTES);
        self.threshold = number(self.threshold, lan.threshold).clamp(0.5, 300.0);
        self.probe_threshold =
            number(self.probe_threshold, lan.probe_threshold).clamp(0.1, self.threshold);
        self.acceptable_pause = self.acceptable_pause.min(TEN_MINUTES);
        self.min_std_deviation = self.min_std_deviation.clamp(MILLISECOND, TEN_MINUTES);
        self.interval_max = self
            .interval_max
            .clamp(self.heartbeat_interval, INTERVAL_CEILING);
        self.window = self.window.clamp(2, LEN_CEILING);
        self.first_answer_after = self.first_answer_after.min(TEN_MINUTES);
        self.knock_after = self.knock_after.clamp(MILLISECOND, self.heartbeat_interval);
        self.edges_max = self.edges_max.clamp(1, EDGES_CEILING);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::lan()
    }
}

fn number(value: f64, otherwise: f64) -> f64 {
    if value.is_nan() { otherwise } else { value }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const TEN_MS: Duration = Duration::from_millis(10);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const EDGES_CEILING: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_in_range() {
        for preset in [Config::lan(), Config::wan(), Config::default()] {
            assert_eq!(preset.checked(), preset);
        }
    }

    #[test]
    fn what_cannot_work_is_brought_into_range() {
        let none = Config {
            heartbeat_interval: Duration::ZERO,
            threshold: f64::NAN,
            probe_threshold: f64::INFINITY,
            acceptable_pause: Duration::MAX,
            min_std_deviation: Duration::ZERO,
            interval_max: Duration::ZERO,
            window: 0,
            first_answer_after: Duration::MAX,
            knock_after: Duration::MAX,
            edges_max: 0,
        };
        let checked = none.checked();
        assert_eq!(checked.heartbeat_interval, TEN_MS);
        assert_eq!((checked.threshold, checked.probe_threshold), (8.0, 8.0));
        assert_eq!(checked.interval_max, TEN_MS);
        assert_eq!((checked.window, checked.edges_max), (2, 1));
        assert_eq!(checked.knock_after, TEN_MS);
        assert_eq!(checked.checked(), checked);
    }
}
