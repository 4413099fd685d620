//! A point in time that whoever drives the core may invent.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on a monotonic clock, in microseconds since an origin of the driver's choice.
///
/// The standard library's `Instant` cannot be made up, and a simulator has to
/// make time up. Only differences mean anything; arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The point that lies `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, or zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = Time::from_micros(u64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(Time::default().since(end), Duration::ZERO);
        assert_eq!(Time::default() - Duration::MAX, Time::default());
        let later = Time::default() + Duration::from_millis(3);
        assert_eq!(later.since(Time::default()), Duration::from_millis(3));
        assert_eq!(later - Duration::from_millis(3), Time::default());
    }
}
