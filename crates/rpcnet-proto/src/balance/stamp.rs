//! Times in 32 bits, beside which a value fits into one atomic.

use std::time::Duration;

use crate::swim::Time;

/// A time in units of the user's choice, which wraps around.
///
/// The difference of two is right while it is shorter than 15/16 of the whole range. What
/// looks longer is taken for a clock that was read before another's: no time at all.
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
        if units > BACKWARDS_FROM { 0 } else { units }
    }
}

const BACKWARDS_FROM: u32 = u32::MAX / 16 * 15;
