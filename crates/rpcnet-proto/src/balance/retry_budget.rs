//! [`RetryBudget`]: how much may be tried again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stamp::Stamp;
use crate::swim::Time;

/// Retries that are paid for by calls: a share of them, and a few per second on top.
///
/// Without one, every caller of a failing service calls it several times, just when it can
/// bear that least. Each call deposits `ratio` of a retry, time deposits `per_second`, and
/// what is not withdrawn fades with a time constant of 10 s. So the balance without calls
/// settles at ten seconds' worth of `per_second`, which is also what it begins with; and
/// over any time at most that, plus `ratio` of the calls of that time and of what is left
/// of earlier ones, plus `per_second` times its length, is withdrawn.
///
/// Balance and time share one atomic; no thread waits for another.
#[derive(Debug)]
pub struct RetryBudget {
    /// Parts of a retry in the upper half, the time of the last change in the lower one.
    state: AtomicU64,
    deposit: u32,
    reserve: f64,
}

impl RetryBudget {
    /// How long what was deposited is kept, as a time constant.
    pub const TTL: Duration = Duration::from_secs(10);

    /// The most retries that a balance holds. More deposits are lost.
    pub const BALANCE_MAX: u32 = u32::MAX >> PART_BITS;

    /// A budget of `ratio` retries per call, 0 to 100, and `per_second`, 0 to 100,000; what
    /// lies outside counts as the nearer end. 0.2 and 10 are a good choice: 20 % more
    /// load at most on a service that fails.
    #[must_use]
    pub fn new(ratio: f64, per_second: u32) -> Self {
        let ratio = if ratio.is_nan() { 0.0 } else { ratio };
        let per_second = per_second.min(PER_SECOND_MAX);
        let reserve = f64::from(per_second) * Self::TTL.as_secs_f64() * PARTS;
        Self {
            state: AtomicU64::new(pack(reserve, Stamp(0))),
            deposit: (ratio.clamp(0.0, RATIO_MAX) * PARTS) as u32,
            reserve,
        }
    }

    /// Says that a call was made: the first attempt, not its retries.
    pub fn deposit(&self, now: Time) {
        self.update(now, |parts| Some(parts.saturating_add(self.deposit)));
    }

    /// Takes one retry out, or says that there is none.
    #[must_use]
    pub fn withdraw(&self, now: Time) -> bool {
        self.update(now, |parts| parts.checked_sub(1 << PART_BITS))
    }

    /// How many retries there are.
    #[must_use]
    pub fn balance(&self, now: Time) -> f64 {
        let (parts, _) = self.at(self.state.load(Ordering::Relaxed), now);
        f64::from(parts) / PARTS
    }

    /// Changes the balance of `now`, unless `change` declines.
    fn update(&self, now: Time, change: impl Fn(u32) -> Option<u32>) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let (parts, at) = self.at(state, now);
            let Some(changed) = change(parts) else {
                return false;
            };
            let next = u64::from(changed) << 32 | u64::from(at.0);
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(current) => state = current,
            }
        }
    }

    /// A state as it is at `now`: what faded is gone, and what time deposited is there.
    fn at(&self, state: u64, now: Time) -> (u32, Stamp) {
        let (parts, at) = ((state >> 32) as u32, Stamp(state as u32));
        let now = Stamp::of(now, TICK);
        let elapsed = now.since(at);
        if elapsed == 0 {
            return (parts, at);
        }
        let kept = (-f64::from(elapsed) * TICK.as_secs_f64() / Self::TTL.as_secs_f64()).exp();
        // Rounded down, so that rounding never makes a retry.
        let settled = self.reserve + (f64::from(parts) - self.reserve) * kept;
        (settled as u32, now)
    }
}

impl Default for RetryBudget {
    /// 20 % of the calls, and 10 per second.
    fn default() -> Self {
        Self::new(0.2, 10)
    }
}

fn pack(parts: f64, at: Stamp) -> u64 {
    u64::from(parts as u32) << 32 | u64::from(at.0)
}

/// How finely time is told: a finer one would lose more by rounding.
const TICK: Duration = Duration::from_millis(10);

/// A retry has 2^12 parts.
const PART_BITS: u32 = 12;
const PARTS: f64 = (1_u32 << PART_BITS) as f64;

const RATIO_MAX: f64 = 100.0;
const PER_SECOND_MAX: u32 = 100_000;
