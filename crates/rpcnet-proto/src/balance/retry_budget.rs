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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    fn withdraw_all(budget: &RetryBudget, now: Time) -> usize {
        (0..).take_while(|_| budget.withdraw(now)).count()
    }

    #[test]
    fn it_begins_with_ten_seconds_of_its_reserve_and_gets_no_more_without_calls() {
        let budget = RetryBudget::default();
        assert_eq!(budget.balance(at(0)), 100.0);
        assert!(budget.balance(at(3_600_000)) <= 100.0);
        assert_eq!(withdraw_all(&budget, at(3_600_000)), 100);
        assert!(!budget.withdraw(at(3_600_000)));
        // Ten per second come back, fewer as the balance nears what it settles at.
        assert_eq!(withdraw_all(&budget, at(3_601_000)), 9);
        assert!(budget.balance(at(3_700_000)) > 99.0);
    }

    #[test]
    fn a_fifth_of_the_calls_may_be_tried_again() {
        let budget = RetryBudget::new(0.2, 0);
        assert_eq!(withdraw_all(&budget, at(0)), 0);
        (0..1_000).for_each(|_| budget.deposit(at(0)));
        assert_eq!(withdraw_all(&budget, at(0)), 199, "rounded down");
        // In step with the calls, for a minute.
        let mut retries = 0;
        for ms in 0..60_000 {
            budget.deposit(at(ms));
            retries += usize::from(budget.withdraw(at(ms)));
        }
        assert!((11_900..=12_000).contains(&retries), "{retries}");
    }

    #[test]
    fn what_is_not_withdrawn_fades_in_ten_seconds() {
        let budget = RetryBudget::new(1.0, 0);
        (0..1_000).for_each(|_| budget.deposit(at(0)));
        assert_eq!(budget.balance(at(0)), 1_000.0);
        let left = budget.balance(at(10_000));
        assert!((left - 367.9).abs() < 0.1, "{left}");
        assert!(budget.balance(at(200_000)) < 0.01);
    }

    #[test]
    fn settings_beyond_their_ends_count_as_them_and_the_balance_has_a_limit() {
        assert_eq!(RetryBudget::new(f64::NAN, 1).deposit, 0);
        assert_eq!(RetryBudget::new(-1.0, 1).deposit, 0);
        let most = RetryBudget::new(f64::INFINITY, u32::MAX);
        assert_eq!(most.balance(at(0)), 1_000_000.0);
        (0..10_000).for_each(|_| most.deposit(at(0)));
        assert_eq!(most.balance(at(0)) as u32, RetryBudget::BALANCE_MAX);
        assert!(most.withdraw(at(0)));
    }

    /// Ten milliseconds wrap around in 497 days.
    #[test]
    fn no_time_makes_a_retry_out_of_nothing() {
        let budget = RetryBudget::new(0.2, 1);
        let wrap = 10 * (1_u64 << 32);
        assert_eq!(withdraw_all(&budget, at(wrap / 2)), 10);
        assert_eq!(withdraw_all(&budget, at(wrap / 2 - 60_000)), 0, "backwards");
        assert!(withdraw_all(&budget, at(wrap - 5_000)) <= 10);
        assert_eq!(withdraw_all(&budget, at(wrap + 5_000)), 6);
        assert!(budget.balance(Time::from_micros(u64::MAX)) <= 10.0);
    }

    #[test]
    fn threads_share_one_balance() {
        let budget = RetryBudget::new(0.0, 100);
        let withdrawn: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| withdraw_all(&budget, at(0))))
                .collect();
            let counts = threads.into_iter().map(|thread| thread.join());
            counts.map(|count| count.expect("it ends")).sum()
        });
        assert_eq!(withdrawn, 1_000);
    }
}
