//! [`EjectionConfig`]: when a worker is left alone, and for how long.

use std::time::Duration;

use thiserror::Error;

/// When an [`Ejector`](super::Ejector) takes a worker out, and when it lets it back.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EjectionConfig {
    /// Failures in a row from which a worker is ejected, 1 and up. Default 5.
    pub consecutive_failures: u32,
    /// Share of failures in the window of about two seconds from which a worker is ejected,
    /// above 0.0 up to 1.0. Default 0.3.
    pub failure_ratio: f64,
    /// Calls that have to be in the window for the share to say anything, 1 to 1,000,000.
    /// Default 10.
    pub calls_min: u32,
    /// How long the first ejection lasts, 1 ms up to `longest`. Each further one lasts twice
    /// as long as the one before, until the worker was trusted for as long as `longest`.
    /// Default 1 s.
    pub base: Duration,
    /// The longest ejection, `base` up to an hour. Default 8 s: a worker that recovers is
    /// back within ten.
    pub longest: Duration,
    /// The share of workers that may be out at once, 0.0 to 1.0, but at least one of them;
    /// 0.0 ejects none. Beyond: who fails worst is ejected first, the others stay.
    /// Default 1/3.
    pub share_max: f64,
    /// The share of workers below which so few are usable that ejections are ignored, 0.0
    /// to 1.0. Default 0.5: the fault is then more likely to lie elsewhere, and the rest
    /// would be overrun.
    pub panic_threshold: f64,
    /// Successes in a row, one call at a time, after which an ejected worker is trusted
    /// again, 1 to 1,000. Default 5.
    pub probes: u32,
}

/// A setting of an [`EjectionConfig`] that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`{setting}` has to be {range}")]
pub struct EjectionConfigError {
    /// The name of the setting.
    pub setting: &'static str,
    /// What it may be.
    pub range: &'static str,
}

impl EjectionConfig {
    /// Whether all settings are in range.
    ///
    /// # Errors
    ///
    /// Names the first that is not. An [`Ejector`](super::Ejector) works with any settings,
    /// if not usefully.
    pub fn validate(&self) -> Result<(), EjectionConfigError> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let rules = [
            (
                self.consecutive_failures >= 1,
                "consecutive_failures",
                "1 or more",
            ),
            (
                share(self.failure_ratio) && self.failure_ratio > 0.0,
                "failure_ratio",
                "above 0.0 and at most 1.0",
            ),
            (
                (1..=CALLS_MIN_MAX).contains(&self.calls_min),
                "calls_min",
                "1 to 1,000,000",
            ),
            (
                self.base >= BASE_MIN && self.base <= self.longest,
                "base",
                "1 ms up to `longest`",
            ),
            (self.longest <= LONGEST_MAX, "longest", "at most an hour"),
            (share(self.share_max), "share_max", "0.0 to 1.0"),
            (share(self.panic_threshold), "panic_threshold", "0.0 to 1.0"),
            (
                (1..=PROBES_MAX).contains(&self.probes),
                "probes",
                "1 to 1,000",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            None => Ok(()),
            Some((_, setting, range)) => Err(EjectionConfigError { setting, range }),
        }
    }

    /// Whether so few of `all` workers are usable that ejections are to be ignored.
    #[must_use]
    pub fn panics(&self, usable: usize, all: usize) -> bool {
        (usable as f64) < all as f64 * self.panic_threshold
    }

    /// How many of `all` workers may be out at once.
    #[must_use]
    pub fn out_max(&self, all: usize) -> usize {
        if self.share_max > 0.0 {
            ((all as f64 * self.share_max) as usize).clamp(1, all.max(1))
        } else {
            0
        }
    }

    /// Whether a worker with these outcomes is failing.
    pub(super) fn is_failing(&self, in_a_row: u32, calls: u32, failures: u32) -> bool {
        let ratio = f64::from(failures) / f64::from(calls.max(1));
        in_a_row >= self.consecutive_failures.max(1)
            || (failures > 0 && calls >= self.calls_min && ratio >= self.failure_ratio)
    }

    /// How long the ejection lasts that is the `nth` of its worker, counted from 1.
    pub(super) fn lasts(&self, nth: u32) -> Duration {
        let times = 2_u32.saturating_pow(nth.saturating_sub(1));
        self.base.saturating_mul(times).min(self.longest)
    }

    /// The same with another [`consecutive_failures`](Self::consecutive_failures).
    #[must_use]
    pub const fn with_consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = failures;
        self
    }

    /// The same with another [`failure_ratio`](Self::failure_ratio), and the
    /// [`calls_min`](Self::calls_min) that it is judged from.
    #[must_use]
    pub const fn with_failure_ratio(mut self, ratio: f64, calls_min: u32) -> Self {
        self.failure_ratio = ratio;
        self.calls_min = calls_min;
        self
    }

    /// The same with other durations: [`base`](Self::base) and [`longest`](Self::longest).
    #[must_use]
    pub const fn with_durations(mut self, base: Duration, longest: Duration) -> Self {
        self.base = base;
        self.longest = longest;
        self
    }

    /// The same with another [`share_max`](Self::share_max).
    #[must_use]
    pub const fn with_share_max(mut self, share: f64) -> Self {
        self.share_max = share;
        self
    }

    /// The same with another [`panic_threshold`](Self::panic_threshold).
    #[must_use]
    pub const fn with_panic_threshold(mut self, share: f64) -> Self {
        self.panic_threshold = share;
        self
    }

    /// The same with another number of [`probes`](Self::probes).
    #[must_use]
    pub const fn with_probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }
}

impl Default for EjectionConfig {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_ratio: 0.3,
            calls_min: 10,
            base: Duration::from_secs(1),
            longest: Duration::from_secs(8),
            share_max: 1.0 / 3.0,
            panic_threshold: 0.5,
            probes: 5,
        }
    }
}

/// As many as a piece of the window counts.
const CALLS_MIN_MAX: u32 = 1_000_000;
const BASE_MIN: Duration = Duration::from_millis(1);
const LONGEST_MAX: Duration = Duration::from_secs(3_600);
const PROBES_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_default_is_in_range_and_what_is_not_is_named() {
        let good = EjectionConfig::default();
        assert_eq!(good.validate(), Ok(()));
        for (setting, bad) in [
            ("consecutive_failures", good.with_consecutive_failures(0)),
            ("failure_ratio", good.with_failure_ratio(0.0, 10)),
            ("failure_ratio", good.with_failure_ratio(1.01, 10)),
            ("failure_ratio", good.with_failure_ratio(f64::NAN, 10)),
            ("calls_min", good.with_failure_ratio(0.5, 0)),
            ("calls_min", good.with_failure_ratio(0.5, 1_000_001)),
            ("base", good.with_durations(Duration::ZERO, S)),
            ("base", good.with_durations(2 * S, S)),
            ("longest", good.with_durations(S, 3_601 * S)),
            ("share_max", good.with_share_max(-0.1)),
            ("panic_threshold", good.with_panic_threshold(1.1)),
            ("probes", good.with_probes(0)),
            ("probes", good.with_probes(1_001)),
        ] {
            let error = bad.validate().expect_err(setting);
            assert_eq!(error.setting, setting);
            assert!(error.to_string().contains(setting));
        }
        for good in [
            good.with_consecutive_failures(1),
            good.with_failure_ratio(1.0, 1_000_000),
            good.with_durations(BASE_MIN, LONGEST_MAX),
            good.with_durations(S, S),
            good.with_share_max(0.0).with_panic_threshold(1.0),
            good.with_share_max(1.0).with_panic_threshold(0.0),
            good.with_probes(1_000),
        ] {
            assert_eq!(good.validate(), Ok(()));
        }
    }

    #[test]
    fn a_third_may_be_out_but_always_one() {
        let config = EjectionConfig::default();
        let out_max: Vec<usize> = [0, 1, 2, 3, 5, 6, 8, 100]
            .map(|all| config.out_max(all))
            .to_vec();
        assert_eq!(out_max, [1, 1, 1, 1, 1, 2, 2, 33]);
        assert_eq!(config.with_share_max(0.0).out_max(100), 0);
        assert_eq!(config.with_share_max(1.0).out_max(7), 7);
        assert_eq!(config.with_share_max(9.0).out_max(7), 7);
        assert_eq!(config.with_share_max(f64::NAN).out_max(7), 0);
    }

    #[test]
    fn below_half_of_them_usable_ejections_are_ignored() {
        let config = EjectionConfig::default();
        assert!(!config.panics(4, 8) && config.panics(3, 8));
        assert!(!config.panics(1, 2) && config.panics(0, 1));
        assert!(!config.panics(0, 0));
        assert!(!config.with_panic_threshold(0.0).panics(0, 8));
    }

    #[test]
    fn each_ejection_lasts_twice_as_long_up_to_the_longest() {
        let config = EjectionConfig::default();
        let lasts = [1, 2, 3, 4, 5, u32::MAX].map(|nth| config.lasts(nth).as_secs());
        assert_eq!(lasts, [1, 2, 4, 8, 8, 8]);
    }

    #[test]
    fn a_worker_is_failing_from_the_limits_on() {
        let config = EjectionConfig::default();
        assert!(!config.is_failing(4, 4, 4) && config.is_failing(5, 5, 5));
        assert!(!config.is_failing(0, 9, 9) && config.is_failing(0, 10, 3));
        assert!(!config.is_failing(0, 10, 2) && !config.is_failing(0, 1_000, 299));
        let strange = config
            .with_consecutive_failures(0)
            .with_failure_ratio(0.0, 0);
        assert!(
            !strange.is_failing(0, 0, 0),
            "who did not fail is not failing"
        );
    }
}
