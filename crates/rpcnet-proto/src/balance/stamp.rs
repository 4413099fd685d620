//! Times in 32 bits, beside which a value fits into one atomic.

use std::time::Duration;

use crate::swim::Time;

/// A time in units of the user's choice, which wraps around.
///
/// The difference of two is right for almost the whole range. Only what is longer than all
/// of it but [`BACKWARDS_MAX`] units is taken for the work of a thread that read the clock
/// before another one did: no time at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(pub(super) u32);

impl Stamp {
    pub(super) fn of(now: Time, unit: Duration) -> Self {
        let unit = u64::try_from(unit.as_micros()).unwrap_or(u64::MAX).max(1);
        // The low half is meant: that is how it wraps.
        Self((now.as_micros() / unit) as u32)
    }

    /// The units from `earlier` to `self`.
    pub(super) const fn since(self, earlier: Self) -> u32 {
        let units = self.0.wrapping_sub(earlier.0);
        if units > u32::MAX - BACKWARDS_MAX {
            0
        } else {
            units
        }
    }
}

/// A minute of milliseconds. Short, as a cell that was left alone for a whole range looks
/// like this too, and stands still until it is over.
const BACKWARDS_MAX: u32 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_difference_is_right_where_the_stamp_wraps_around() {
        let round = 1_u64 << 32;
        for start in [0, 5, round - 3, round, 7 * round - 1] {
            let at = |ms: u64| Stamp::of(Time::from_micros((start + ms) * 1_000), MS);
            assert_eq!(at(10).since(at(0)), 10);
            assert_eq!(at(0).since(at(0)), 0);
            assert_eq!(at(0).since(at(10)), 0, "never backwards");
            assert_eq!(at(0).since(at(60_000)), 0);
            let longest = u32::MAX - BACKWARDS_MAX;
            assert_eq!(at(u64::from(longest)).since(at(0)), longest);
            assert_eq!(at(u64::from(longest) + 1).since(at(0)), 0);
        }
    }

    #[test]
    fn no_unit_and_no_time_is_too_large() {
        let end = Time::from_micros(u64::MAX);
        assert_eq!(Stamp::of(end, Duration::ZERO), Stamp(u32::MAX));
        assert_eq!(Stamp::of(end, Duration::MAX), Stamp(1));
        assert_eq!(Stamp::of(Time::default(), Duration::MAX), Stamp(0));
    }
}
