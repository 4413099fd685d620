//! [`ClusterClientConfig`]: how far a client goes for a call.

use std::time::Duration;

use crate::config::RpcConfig;
use crate::error::RpcError;

/// How a [`ClusterClient`](super::ClusterClient) connects, and how far it goes for a call.
///
/// An [`RpcConfig`] converts, with the defaults that are named at each setting.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use rpcnet::RpcConfig;
/// use rpcnet::cluster::ClusterClientConfig;
///
/// let config = ClusterClientConfig::new(RpcConfig::new("certs/ca.pem", "0.0.0.0:0"))
///     .with_attempts_max(3)
///     .with_hedge_after(Duration::from_millis(50));
/// config.validate()?;
/// # Ok::<(), rpcnet::RpcError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterClientConfig {
    pub(super) rpc: RpcConfig,
    pub(super) attempts_max: u32,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) retry_budget: (f64, u32),
    pub(super) retry_backoff: (Duration, Duration),
    pub(super) hedge_after: Option<Duration>,
    pub(super) waiting_max: usize,
}

impl ClusterClientConfig {
    /// The defaults, over connections made like this. Its server name does not count: each
    /// worker is verified as its node name. Where it sets no keep-alive, connections are
    /// kept alive every 10 seconds.
    pub fn new(rpc: RpcConfig) -> Self {
        Self {
            rpc,
            attempts_max: 4,
            attempt_timeout: None,
            retry_budget: (0.2, 10),
            retry_backoff: (Duration::from_millis(5), Duration::from_millis(500)),
            hedge_after: None,
            waiting_max: 1_024,
        }
    }

    /// The most workers that one call is sent to, the first included, 1 to 16. Default 4.
    pub fn with_attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// How long one attempt of an idempotent call may take before another worker is asked,
    /// from 1 ms. Default: as long as the call has.
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How many retries there may be: `ratio` for each call, 0 to 1, and `per_second` on top,
    /// at most 1,000,000. What is not used adds up for ten seconds. Default 0.2 and 10.
    pub fn with_retry_budget(mut self, ratio: f64, per_second: u32) -> Self {
        self.retry_budget = (ratio, per_second);
        self
    }

    /// The pause before a worker is asked that was asked already, which doubles from `first`
    /// to `longest` and is shortened at random by up to a half; from 1 ms. Another worker is
    /// asked without a pause. A call that was refused for overload is not sent to a worker
    /// that has refused calls just now: it fails at once. Default 5 ms and 500 ms.
    pub fn with_retry_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.retry_backoff = (first, longest);
        self
    }

    /// After this time without an answer, sends an idempotent call to a second worker as
    /// well, takes the answer that comes first and cancels the other; from 1 ms. It counts
    /// as a retry. Default: never.
    pub fn with_hedge_after(mut self, after: Duration) -> Self {
        self.hedge_after = Some(after);
        self
    }

    /// The most calls that wait for a worker because they said
    /// [`wait_for_ready`](crate::CallOptions::wait_for_ready). Default 1,024. Beyond: they
    /// fail at once with [`WorkerError::TooManyWaiting`](crate::cluster::WorkerError).
    pub fn with_waiting_max(mut self, calls: usize) -> Self {
        self.waiting_max = calls;
        self
    }

    /// Says what is out of its range.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] names the value and its range.
    pub fn validate(&self) -> Result<(), RpcError> {
        if !(1..=ATTEMPTS_CEILING).contains(&self.attempts_max) {
            return Err(RpcError::config(format!(
                "attempts_max is {}, it must lie between 1 and {ATTEMPTS_CEILING}",
                self.attempts_max
            )));
        }
        let (ratio, per_second) = self.retry_budget;
        if !(0.0..=1.0).contains(&ratio) || per_second > PER_SECOND_CEILING {
            return Err(RpcError::config(format!(
                "a retry budget of {ratio} and {per_second} a second: the ratio must lie \
                 between 0 and 1, and at most {PER_SECOND_CEILING} a second are possible"
            )));
        }
        let (first, longest) = self.retry_backoff;
        let times = [
            Some(first),
            Some(longest),
            self.attempt_timeout,
            self.hedge_after,
        ];
        if times.iter().flatten().any(|time| *time < SHORTEST) || longest < first {
            return Err(RpcError::config(
                "attempt timeout, hedging and retry backoff must be at least 1 ms, and the \
                 longest pause no shorter than the first",
            ));
        }
        Ok(())
    }

    /// The same with every value inside its range.
    pub(super) fn in_range(mut self) -> Self {
        if let Err(error) = self.validate() {
            tracing::warn!(error = %error, "cluster client configuration brought into range");
        }
        self.attempts_max = self.attempts_max.clamp(1, ATTEMPTS_CEILING);
        let (ratio, per_second) = self.retry_budget;
        let ratio = if ratio.is_nan() { 0.2 } else { ratio };
        self.retry_budget = (ratio.clamp(0.0, 1.0), per_second.min(PER_SECOND_CEILING));
        let first = self.retry_backoff.0.max(SHORTEST);
        self.retry_backoff = (first, self.retry_backoff.1.max(first));
        self.attempt_timeout = self.attempt_timeout.map(|time| time.max(SHORTEST));
        self.hedge_after = self.hedge_after.map(|time| time.max(SHORTEST));
        self.rpc.keep_alive.get_or_insert(KEEP_ALIVE);
        self
    }
}

impl From<RpcConfig> for ClusterClientConfig {
    fn from(rpc: RpcConfig) -> Self {
        Self::new(rpc)
    }
}

const ATTEMPTS_CEILING: u32 = 16;
const PER_SECOND_CEILING: u32 = 1_000_000;
const SHORTEST: Duration = Duration::from_millis(1);

/// Keeps an idle connection to a worker from timing out.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ClusterClientConfig {
        RpcConfig::new("ca.pem", "127.0.0.1:0").into()
    }

    #[test]
    fn each_bound_is_refused_just_beyond_it_and_brought_into_range() {
        let ms = Duration::from_millis;
        for (config, is_legal) in [
            (config(), true),
            (config().with_attempts_max(1), true),
            (config().with_attempts_max(16), true),
            (config().with_attempts_max(0), false),
            (config().with_attempts_max(17), false),
            (config().with_retry_budget(1.0, 1_000_000), true),
            (config().with_retry_budget(1.01, 0), false),
            (config().with_retry_budget(f64::NAN, 0), false),
            (config().with_retry_budget(0.0, 1_000_001), false),
            (config().with_hedge_after(ms(1)), true),
            (config().with_hedge_after(Duration::ZERO), false),
            (config().with_attempt_timeout(Duration::ZERO), false),
            (config().with_retry_backoff(ms(2), ms(1)), false),
        ] {
            assert_eq!(config.validate().is_ok(), is_legal, "{config:?}");
            config.in_range().validate().expect("brought into range");
        }
    }
}
