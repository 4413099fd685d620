//! [`WorkerConfig`]: who is a worker, and how one is chosen.

use rpcnet_proto::balance::{EjectionConfig, Strategy};

use crate::cluster::filter::TagFilter;
use crate::cluster::health::HealthConfig;
use crate::error::RpcError;

/// Who is a worker, and how one is chosen among them.
///
/// Made of a strategy alone, as [`WorkerRegistry::new`](super::WorkerRegistry::new) takes
/// it, it has the defaults that are named at each setting.
///
/// # Examples
///
/// ```
/// use rpcnet::cluster::{LoadBalancingStrategy, WorkerConfig};
///
/// let config = WorkerConfig::new(LoadBalancingStrategy::PeakEwma)
///     .with_filter("role=worker,gpu".parse()?)
///     .with_zone("eu-1");
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct WorkerConfig {
    pub(super) strategy: Strategy,
    pub(super) filter: TagFilter,
    pub(super) zone: Option<Box<str>>,
    pub(super) health: HealthConfig,
    pub(super) in_flight_max: u32,
    pub(super) workers_max: usize,
    pub(super) ejection: EjectionConfig,
}

impl WorkerConfig {
    /// Workers are the members that are tagged `role=worker`; this strategy chooses.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            filter: default_filter(),
            zone: None,
            health: HealthConfig::lan(),
            in_flight_max: IN_FLIGHT_MAX,
            workers_max: WORKERS_MAX,
            ejection: EjectionConfig::default(),
        }
    }

    /// Takes the live members that pass this filter for workers. Default: `role=worker`.
    pub fn with_filter(mut self, filter: TagFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Prefers workers whose tag `zone` has this value, unless they are twice as busy as
    /// the others. Default: all zones are alike.
    pub fn with_zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into().into_boxed_str());
        self
    }

    /// How closely the workers' heartbeats are watched; the filter in it does not count,
    /// since it is the workers that are watched. Default: [`HealthConfig::lan`].
    pub fn with_health(mut self, health: HealthConfig) -> Self {
        self.health = health;
        self
    }

    /// The most calls that this process has in flight on one worker, 1 to 1,000,000.
    /// Default 1,024. A worker that has them is passed over; where all have them, a call
    /// fails at once, or waits where it was told to.
    pub fn with_in_flight_max(mut self, calls: usize) -> Self {
        self.in_flight_max = u32::try_from(calls).unwrap_or(u32::MAX);
        self
    }

    /// The most workers that are kept, 1 to 16,384. Default 1,024. Of more, each node keeps
    /// those whose names hash highest together with its own, so that nodes differ in their
    /// choice and every worker is chosen by some.
    pub fn with_workers_max(mut self, workers: usize) -> Self {
        self.workers_max = workers;
        self
    }

    /// When a worker that fails calls is left out for a while, and when it is tried again.
    pub fn with_ejection(mut self, ejection: EjectionConfig) -> Self {
        self.ejection = ejection;
        self
    }

    /// Says what is out of its range.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] names the value and its range.
    pub fn validate(&self) -> Result<(), RpcError> {
        if !(1..=1_000_000).contains(&self.in_flight_max) {
            return Err(RpcError::config(format!(
                "in_flight_max is {}, it must lie between 1 and 1,000,000",
                self.in_flight_max
            )));
        }
        if !(1..=WORKERS_CEILING).contains(&self.workers_max) {
            return Err(RpcError::config(format!(
                "workers_max is {}, it must lie between 1 and {WORKERS_CEILING}",
                self.workers_max
            )));
        }
        self.health.validate()?;
        self.ejection
            .validate()
            .map_err(|error| RpcError::config(error.to_string()))
    }

    /// The same with every value inside its range.
    pub(super) fn in_range(mut self) -> Self {
        self.in_flight_max = self.in_flight_max.clamp(1, 1_000_000);
        self.workers_max = self.workers_max.clamp(1, WORKERS_CEILING);
        if self.ejection.validate().is_err() {
            self.ejection = EjectionConfig::default();
        }
        self
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self::new(Strategy::default())
    }
}

impl From<Strategy> for WorkerConfig {
    fn from(strategy: Strategy) -> Self {
        Self::new(strategy)
    }
}

fn default_filter() -> TagFilter {
    // A test holds that it is a filter; the empty one would take everybody.
    TagFilter::new(WORKER_FILTER).unwrap_or_default()
}

/// Who is a worker, where nothing else is said.
const WORKER_FILTER: &str = "role=worker";

const IN_FLIGHT_MAX: u32 = 1_024;
const WORKERS_MAX: usize = 1_024;
const WORKERS_CEILING: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_alone_means_members_tagged_as_workers() {
        let config = WorkerConfig::from(Strategy::RoundRobin);
        config.validate().expect("defaults lie within their ranges");
        assert_eq!(config.filter.to_string(), WORKER_FILTER);
        assert_eq!(config.strategy, Strategy::RoundRobin);
    }

    #[test]
    fn each_bound_is_refused_just_beyond_it() {
        for (in_flight, workers, is_legal) in [
            (1, 1, true),
            (1_000_000, WORKERS_CEILING, true),
            (0, 1, false),
            (1_000_001, 1, false),
            (1, 0, false),
            (1, WORKERS_CEILING + 1, false),
        ] {
            let config = WorkerConfig::default()
                .with_in_flight_max(in_flight)
                .with_workers_max(workers);
            assert_eq!(config.validate().is_ok(), is_legal, "{in_flight} {workers}");
            config.in_range().validate().expect("brought into range");
        }
    }
}
