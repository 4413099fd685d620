//! [`LoadCell`]: the load that a worker reported last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::swim::Time;

/// The last reported utilization and when it came, in one atomic.
///
/// A report counts for [`MAX_AGE`](Self::MAX_AGE).
#[derive(Debug, Default)]
pub struct LoadCell(AtomicU64);

impl LoadCell {
    /// How long a report counts.
    pub const MAX_AGE: Duration = Duration::from_secs(10);

    /// Without a report.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Takes up a report: 0.0 is idle, 1.0 is full, what lies beyond counts as the nearer
    /// of them, and what is no number is left out. Of two reports that arrive at once
    /// either may stay.
    pub fn report(&self, now: Time, utilization: f32) {
        if utilization.is_nan() {
            return;
        }
        let load = (utilization.clamp(0.0, 1.0) * LOAD_STEPS).round() as u64 + 1;
        self.0.store(millis(now) << 16 | load, Ordering::Relaxed);
    }

    /// The last report, in steps of 1/65,534, if it still counts.
    #[must_use]
    pub fn utilization(&self, now: Time) -> Option<f32> {
        let word = self.0.load(Ordering::Relaxed);
        let load = (word & 0xffff).checked_sub(1)?;
        let age = millis(now).saturating_sub(word >> 16);
        (u128::from(age) <= Self::MAX_AGE.as_millis()).then(|| load as f32 / LOAD_STEPS)
    }
}

/// In 48 bits, which are enough for 8,900 years.
const fn millis(now: Time) -> u64 {
    (now.as_micros() / 1_000) & 0xffff_ffff_ffff
}

/// With one more for "nothing was reported", 16 bits.
const LOAD_STEPS: f32 = 65_534.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn a_report_counts_for_ten_seconds_and_then_nothing_is_known() {
        let load = LoadCell::new();
        assert_eq!(load.utilization(at(0)), None);
        load.report(at(5), 0.25);
        let read = load.utilization(at(5)).expect("it was reported");
        assert!((read - 0.25).abs() < 1e-4);
        assert!(load.utilization(at(10_005)).is_some());
        assert_eq!(load.utilization(at(10_006)), None);
        assert_eq!(load.utilization(at(5 + (1 << 32))), None, "nor much later");
        assert!(load.utilization(at(0)).is_some(), "a clock read before");
        load.report(at(20_000), 1.0);
        assert_eq!(load.utilization(at(20_000)), Some(1.0));
    }

    #[test]
    fn what_is_beyond_the_ends_counts_as_them() {
        let load = LoadCell::new();
        load.report(at(0), f32::NAN);
        assert_eq!(load.utilization(at(0)), None);
        for (reported, read) in [(-1.0, 0.0), (7.5, 1.0), (f32::INFINITY, 1.0)] {
            load.report(at(0), reported);
            assert_eq!(load.utilization(at(0)), Some(read));
        }
        let end = Time::from_micros(u64::MAX);
        load.report(end, 0.0);
        assert_eq!(load.utilization(end), Some(0.0));
    }
}
