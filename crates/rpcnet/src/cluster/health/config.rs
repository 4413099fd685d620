//! [`HealthConfig`]: how closely members are watched, and which.

use std::time::Duration;

use rpcnet_proto::phi::Config as PhiConfig;

use crate::cluster::filter::TagFilter;
use crate::error::RpcError;

/// How closely a [`HealthChecker`](super::HealthChecker) watches members, and which.
///
/// The presets differ in their rhythm only: [`lan`](Self::lan) (also `new` and `Default`)
/// for one data centre, [`wan`](Self::wan) for nodes continents apart. A value out of its
/// range is brought into it by the checker; [`validate`](Self::validate) tells.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use rpcnet::cluster::HealthConfig;
///
/// let config = HealthConfig::lan()
///     .with_heartbeat_interval(Duration::from_millis(250))
///     .with_filter("role=worker".parse()?);
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct HealthConfig {
    pub(super) phi: PhiConfig,
    pub(super) filter: TagFilter,
}

impl HealthConfig {
    /// As [`lan`](Self::lan).
    pub fn new() -> Self {
        Self::lan()
    }

    /// For one data centre: heartbeats every 500 ms, a silent node is unreachable after
    /// about 1.8 s, and one whose port is closed after half a second at most.
    pub fn lan() -> Self {
        Self {
            phi: PhiConfig::lan(),
            filter: TagFilter::default(),
        }
    }

    /// For nodes that are continents apart: heartbeats every second, a silent node is
    /// unreachable after about 5.4 s.
    pub fn wan() -> Self {
        Self {
            phi: PhiConfig::wan(),
            filter: TagFilter::default(),
        }
    }

    /// Sets the time between two heartbeats of one member, 10 ms to 10 min. Default 500 ms,
    /// `wan` 1 s. A heartbeat and its answer are two small packets and their
    /// acknowledgements.
    pub fn with_heartbeat_interval(mut self, interval: Duration) -> Self {
        self.phi.heartbeat_interval = interval;
        self
    }

    /// Sets the phi from which a member is unreachable, 0.5 to 300. Default 8, `wan` 12.
    ///
    /// A phi of *k* is reached by one in 10^k intervals of a healthy member, if they vary
    /// as the ones before did.
    pub fn with_threshold(mut self, phi: f64) -> Self {
        self.phi.threshold = phi;
        self
    }

    /// Sets the phi from which the membership is asked to probe the member at once, 0.1 up
    /// to the threshold. Default 5.
    pub fn with_probe_threshold(mut self, phi: f64) -> Self {
        self.phi.probe_threshold = phi;
        self
    }

    /// Sets the silence beyond the usual that is no reason to doubt, such as a pause of the
    /// other's allocator or scheduler, up to 10 min. Default 1 s, `wan` 3 s.
    pub fn with_acceptable_pause(mut self, pause: Duration) -> Self {
        self.phi.acceptable_pause = pause;
        self
    }

    /// Sets the least standard deviation that is reckoned with, 1 ms to 10 min. Default
    /// 50 ms, `wan` 200 ms.
    pub fn with_min_std_deviation(mut self, deviation: Duration) -> Self {
        self.phi.min_std_deviation = deviation;
        self
    }

    /// Sets the longest interval between answers that is learnt from, from the heartbeat
    /// interval up to an hour. Default 10 s, `wan` 30 s.
    pub fn with_max_interval(mut self, interval: Duration) -> Self {
        self.phi.interval_max = interval;
        self
    }

    /// Sets of how many intervals the estimate is made, 2 to 16,384. Default 128.
    pub fn with_window(mut self, intervals: usize) -> Self {
        self.phi.window = intervals;
        self
    }

    /// Sets how much longer than later ones the first answer of a member may take, up to
    /// 10 min: there may have to be a connection first. Default 3 s, `wan` 5 s.
    pub fn with_first_answer_after(mut self, grace: Duration) -> Self {
        self.phi.first_answer_after = grace;
        self
    }

    /// Sets how long a member may be silent after something was sent to it until its port is
    /// knocked at, 1 ms up to the heartbeat interval. Default 20 ms, `wan` 300 ms. It should
    /// be above the round trip.
    pub fn with_knock_after(mut self, overdue: Duration) -> Self {
        self.phi.knock_after = overdue;
        self
    }

    /// Sets how many members are watched at most, 1 to 4,096. Default 128. Beyond: see
    /// [`HealthChecker`](super::HealthChecker).
    pub fn with_edges_max(mut self, edges: usize) -> Self {
        self.phi.edges_max = edges;
        self
    }

    /// Watches only members whose tags pass the filter. Default: all.
    pub fn with_filter(mut self, filter: TagFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] names the first value that is not, and what it would be
    /// brought to.
    pub fn validate(&self) -> Result<(), RpcError> {
        let (set, used) = (&self.phi, self.phi.checked());
        let spans = [
            (
                "heartbeat_interval",
                set.heartbeat_interval,
                used.heartbeat_interval,
            ),
            (
                "acceptable_pause",
                set.acceptable_pause,
                used.acceptable_pause,
            ),
            (
                "min_std_deviation",
                set.min_std_deviation,
                used.min_std_deviation,
            ),
            ("max_interval", set.interval_max, used.interval_max),
            (
                "first_answer_after",
                set.first_answer_after,
                used.first_answer_after,
            ),
            ("knock_after", set.knock_after, used.knock_after),
        ];
        for (name, set, used) in spans {
            require(name, &set, &used)?;
        }
        require("threshold", &set.threshold, &used.threshold)?;
        require(
            "probe_threshold",
            &set.probe_threshold,
            &used.probe_threshold,
        )?;
        require("window", &set.window, &used.window)?;
        require("edges_max", &set.edges_max, &used.edges_max)
    }
}

fn require<T: PartialEq + std::fmt::Debug>(name: &str, set: &T, used: &T) -> Result<(), RpcError> {
    if set == used {
        return Ok(());
    }
    Err(RpcError::config(format!(
        "HealthConfig: `{name}` is {set:?}, the nearest value in range is {used:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_every_value_out_of_range_is_named() {
        for preset in [
            HealthConfig::new(),
            HealthConfig::wan(),
            HealthConfig::default(),
        ] {
            assert!(preset.validate().is_ok());
        }
        let (zero, forever) = (Duration::ZERO, Duration::MAX);
        let lan = HealthConfig::lan;
        for (name, config) in [
            ("heartbeat_interval", lan().with_heartbeat_interval(zero)),
            ("acceptable_pause", lan().with_acceptable_pause(forever)),
            ("min_std_deviation", lan().with_min_std_deviation(zero)),
            ("max_interval", lan().with_max_interval(zero)),
            ("first_answer_after", lan().with_first_answer_after(forever)),
            ("knock_after", lan().with_knock_after(forever)),
            ("threshold", lan().with_threshold(f64::NAN)),
            ("probe_threshold", lan().with_probe_threshold(9.0)),
            ("window", lan().with_window(1)),
            ("edges_max", lan().with_edges_max(1 << 20)),
        ] {
            let refused = config.validate().expect_err(name).to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
    }
}
