//! Points in time that processes of one machine can compare.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 by the machine's clock. It can be set while it is measured by, so
/// [`Steadiness`] says whether it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_micros() as u64))
    }

    /// Returns how long after `earlier` this is; zero if it is not.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Watches whether the clock of [`Moment`] is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steadiness {
    moment: Moment,
    began: std::time::Instant,
}

impl Steadiness {
    pub(crate) fn watch() -> Self {
        Self {
            moment: Moment::now(),
            began: std::time::Instant::now(),
        }
    }

    /// Says whether the clock ran on since the watch began, within what adjusting a clock without a
    /// step comes to.
    pub(crate) fn holds(&self) -> bool {
        let by_clock = Moment::now().since(self.moment);
        let elapsed = self.began.elapsed();
        let slack = Duration::from_millis(50) + elapsed / 1_000;
        by_clock.abs_diff(elapsed) <= slack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_subtracted_without_going_below_zero() {
        assert_eq!(Moment(7).since(Moment(5)), Duration::from_micros(2));
        assert_eq!(Moment(5).since(Moment(7)), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let mut watch = Steadiness::watch();
        assert!(watch.holds());
        watch.moment.0 -= 1_000_000;
        assert!(!watch.holds());
    }
}
