//! When a call must have ended.

use std::time::{Duration, Instant};

/// The instant by which a call must have ended.
///
/// In memory a deadline is an instant of the local monotonic clock; on the wire
/// it is the time that remains, so that no two clocks are ever compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `timeout` from `now`.
    ///
    /// Saturates: a timeout that the clock cannot represent becomes 30 years,
    /// which stands for *no deadline that matters*.
    #[must_use]
    pub fn after(now: Instant, timeout: Duration) -> Self {
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
        let at = now.checked_add(timeout).or_else(|| now.checked_add(FAR));
        // A clock that cannot count 30 years ahead is broken; expiring at once
        // is the answer that leaves nothing waiting.
        Self(at.unwrap_or(now))
    }

    /// The time left at `now`, never zero; `None` once the deadline has passed.
    #[must_use]
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        self.0
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }

    /// The earlier of two deadlines: what bounds a nested call.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// The instant itself, for a timer.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_passed_at_its_own_instant() {
        let now = Instant::now();
        let deadline = Deadline::after(now, Duration::from_secs(2));
        assert_eq!(deadline.remaining(now), Some(Duration::from_secs(2)));
        assert_eq!(
            deadline.remaining(now + Duration::from_millis(1999)),
            Some(Duration::from_millis(1))
        );
        assert_eq!(deadline.remaining(deadline.instant()), None);
        assert_eq!(deadline.remaining(now + Duration::from_secs(9)), None);
    }

    #[test]
    fn a_zero_timeout_has_expired_already() {
        let now = Instant::now();
        assert_eq!(Deadline::after(now, Duration::ZERO).remaining(now), None);
    }

    #[test]
    fn the_longest_timeout_saturates_instead_of_wrapping() {
        let now = Instant::now();
        let deadline = Deadline::after(now, Duration::MAX);
        assert!(deadline.remaining(now) >= Some(Duration::from_secs(60 * 60 * 24 * 365)));
    }

    #[test]
    fn the_earlier_deadline_bounds_a_nested_call() {
        let now = Instant::now();
        let short = Deadline::after(now, Duration::from_secs(1));
        let long = Deadline::after(now, Duration::from_secs(2));
        assert_eq!(short.earlier(long), short);
        assert_eq!(long.earlier(short), short);
    }
}
