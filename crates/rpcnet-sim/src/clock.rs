//! Virtual time, and the clocks of nodes that do not agree with it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// An instant of the simulation: microseconds since it began.
///
/// Two kinds of instant use this type: the simulator's own, and what a node's clock
/// shows ([`LocalClock`] converts). Engines only ever see the second kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The beginning.
    pub const ZERO: Self = Self(0);
    /// Later than everything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `micros` microseconds after the beginning.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the beginning.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this instant, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(micros(later)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(micros(earlier)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Microseconds of `duration`; what does not fit is as good as for ever.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A node's clock: started at some offset, running a little fast or slow.
#[derive(Debug, Clone, Copy)]
pub struct LocalClock {
    true_base: u64,
    local_base: u64,
    drift_ppm: i32,
}

const MILLION: u128 = 1_000_000;

impl LocalClock {
    /// A clock that shows `skew` at the beginning and runs exactly.
    #[must_use]
    pub fn new(skew: Duration) -> Self {
        Self {
            true_base: 0,
            local_base: micros(skew),
            drift_ppm: 0,
        }
    }

    /// Makes the clock run `ppm` parts per million fast (or slow, if negative) from `now` on.
    pub fn set_drift(&mut self, now: Time, ppm: i32) {
        self.local_base = self.local(now).0;
        self.true_base = now.0;
        self.drift_ppm = ppm;
    }

    /// What the clock shows at the true instant `now`.
    #[must_use]
    pub fn local(&self, now: Time) -> Time {
        let elapsed = u128::from(now.0.saturating_sub(self.true_base));
        let shown = if self.drift_ppm == 0 {
            elapsed
        } else {
            elapsed * self.rate() / MILLION
        };
        Time(self.local_base.saturating_add(saturate(shown)))
    }

    /// The first true instant at which the clock shows at least `local`.
    #[must_use]
    pub fn truth(&self, local: Time) -> Time {
        let elapsed = u128::from(local.0.saturating_sub(self.local_base));
        let needed = if self.drift_ppm == 0 {
            elapsed
        } else {
            (elapsed * MILLION).div_ceil(self.rate())
        };
        Time(self.true_base.saturating_add(saturate(needed)))
    }

    fn rate(&self) -> u128 {
        let rate = 1_000_000_i64 + i64::from(self.drift_ppm);
        u128::try_from(rate.max(1)).unwrap_or(1)
    }
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drifting_clock_never_shows_a_timer_before_it_is_due() {
        for ppm in [-900, -1, 0, 1, 250, 900] {
            let mut clock = LocalClock::new(Duration::from_secs(7));
            clock.set_drift(Time(1_000_003), ppm);
            for due in (8_100_000..9_000_000).step_by(77_777).map(Time) {
                let at = clock.truth(due);
                assert!(clock.local(at) >= due, "{ppm} ppm, due {due}");
                assert!(clock.local(at - Duration::from_micros(2)) < due);
            }
        }
    }

    #[test]
    fn a_change_of_drift_does_not_move_the_clock() {
        let mut clock = LocalClock::new(Duration::ZERO);
        clock.set_drift(Time::ZERO, 500);
        let now = Time(60_000_000);
        let shown = clock.local(now);
        clock.set_drift(now, -500);
        assert_eq!(clock.local(now), shown);
        assert_eq!(shown, Time(60_030_000));
    }
}
