//! [`Outcomes`]: how the calls to one worker ended.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::ejection::EjectionConfig;
use crate::swim::Time;

/// Successes and failures of one worker's calls: in all, in a row, and of about the last
/// two seconds.
///
/// Whoever sees a call end says so, from any thread. What is a failure is the caller's to
/// say; it should be what another worker might have done better.
#[derive(Debug)]
pub struct Outcomes {
    config: EjectionConfig,
    successes: AtomicU64,
    failures: AtomicU64,
    failures_in_a_row: AtomicU32,
    window: [AtomicU64; PIECES],
    /// The tenth of a second, counted from 1, in which the ejector was last called for.
    called_in: AtomicU64,
    /// Whether every outcome is of interest: the worker is being probed.
    is_probed: AtomicBool,
}

impl Outcomes {
    /// Without an outcome, for an ejector of the default configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::for_config(EjectionConfig::default())
    }

    /// Without an outcome, for an ejector of that configuration.
    #[must_use]
    pub fn for_config(config: EjectionConfig) -> Self {
        Self {
            config,
            successes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            failures_in_a_row: AtomicU32::new(0),
            window: Default::default(),
            called_in: AtomicU64::new(0),
            is_probed: AtomicBool::new(false),
        }
    }

    /// Says that a call went well, and hears whether the ejector should look: while the
    /// worker is probed, it should.
    pub fn succeeded(&self, now: Time) -> bool {
        self.successes.fetch_add(1, Ordering::Relaxed);
        if self.failures_in_a_row.load(Ordering::Relaxed) != 0 {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
        }
        self.count(now, 0);
        self.is_probed.load(Ordering::Relaxed)
    }

    /// Says that a call failed, and hears whether the ejector should look: while the worker
    /// is probed, and where it fails as the configuration says. While it goes on failing,
    /// that is said ten times a second at most.
    pub fn failed(&self, now: Time) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let _ =
            self.failures_in_a_row
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                    count.checked_add(1)
                });
        self.count(now, 1);
        if self.is_probed.load(Ordering::Relaxed) {
            return true;
        }
        let (calls, failures) = self.window(now);
        self.config
            .is_failing(self.failures_in_a_row(), calls, failures)
            && self.is_first_call_in_a_while(now)
    }

    /// Calls that ended, in all.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.successes().saturating_add(self.failures())
    }

    /// Calls that went well, in all.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// Calls that failed, in all.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How many of the last calls failed, since the last success or the last verdict.
    #[must_use]
    pub fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row.load(Ordering::Relaxed)
    }

    /// Calls and failures of the last one and a half to two seconds, since the last
    /// verdict.
    #[must_use]
    pub fn window(&self, now: Time) -> (u32, u32) {
        let period = period_of(now);
        let pieces = self
            .window
            .iter()
            .map(|piece| piece.load(Ordering::Relaxed));
        pieces
            .map(Piece::read)
            .filter(|piece| period.wrapping_sub(piece.period) & PERIOD_MASK < PIECES as u64)
            .fold((0, 0), |(calls, failures), piece| {
                (calls + piece.calls, failures + piece.failures)
            })
    }

    /// Forgets what led to a verdict, so that it leads to no second one.
    pub(super) fn start_over(&self, is_probed: bool) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
        for piece in &self.window {
            piece.store(0, Ordering::Relaxed);
        }
        self.called_in.store(0, Ordering::Relaxed);
        self.is_probed.store(is_probed, Ordering::Relaxed);
    }

    fn count(&self, now: Time, failures: u32) {
        let period = period_of(now);
        let Some(piece) = self.window.get(period as usize % PIECES) else {
            return;
        };
        // Declined where the piece is of a later time, or full.
        let _ = piece.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            Piece::read(word).with(period, failures).map(Piece::write)
        });
    }

    fn is_first_call_in_a_while(&self, now: Time) -> bool {
        let tenth = now.as_micros() / CALL_INTERVAL_US + 1;
        self.called_in.swap(tenth, Ordering::Relaxed) != tenth
    }
}

impl Default for Outcomes {
    fn default() -> Self {
        Self::new()
    }
}

/// What ended in one half second: 24 bits for which one, 20 each for the counts.
#[derive(Clone, Copy, Debug)]
struct Piece {
    period: u64,
    calls: u32,
    failures: u32,
}

impl Piece {
    const fn read(word: u64) -> Self {
        Self {
            period: word >> (2 * COUNT_BITS),
            calls: (word >> COUNT_BITS) as u32 & COUNT_MAX,
            failures: word as u32 & COUNT_MAX,
        }
    }

    fn write(self) -> u64 {
        self.period << (2 * COUNT_BITS)
            | u64::from(self.calls) << COUNT_BITS
            | u64::from(self.failures)
    }

    /// With one more call of that period, or of that period alone where it is a later one.
    fn with(self, period: u64, failures: u32) -> Option<Self> {
        if period == self.period {
            return (self.calls < COUNT_MAX).then(|| Self {
                calls: self.calls + 1,
                failures: self.failures + failures,
                ..self
            });
        }
        let is_past = self.period.wrapping_sub(period) & PERIOD_MASK <= PAST_PERIODS;
        (!is_past || self.calls == 0).then_some(Self {
            period,
            calls: 1,
            failures,
        })
    }
}

const fn period_of(now: Time) -> u64 {
    (now.as_micros() / PERIOD_US) & PERIOD_MASK
}

const PIECES: usize = 4;
const PERIOD_US: u64 = 500_000;

/// Periods wrap around after 97 days.
const PERIOD_MASK: u64 = 0xff_ffff;

/// How far back a time may lie without being taken for one of the next round.
const PAST_PERIODS: u64 = 120;

const COUNT_BITS: u32 = 20;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

const CALL_INTERVAL_US: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn the_window_is_that_of_the_last_two_seconds() {
        let outcomes = Outcomes::new();
        for half in 0..4 {
            outcomes.succeeded(at(half * 500));
            outcomes.failed(at(half * 500 + 499));
        }
        assert_eq!(outcomes.window(at(1_999)), (8, 4));
        assert_eq!(outcomes.window(at(2_000)), (6, 3));
        assert_eq!(outcomes.window(at(3_499)), (2, 1));
        assert_eq!(outcomes.window(at(3_500)), (0, 0));
        outcomes.failed(at(2_000));
        assert_eq!(outcomes.window(at(2_000)), (7, 4));
        assert_eq!((outcomes.calls(), outcomes.failures()), (9, 5));
    }

    #[test]
    fn failures_count_in_a_row_until_a_success() {
        let outcomes = Outcomes::new();
        (0..4).for_each(|turn| assert!(!outcomes.failed(at(turn))));
        outcomes.succeeded(at(4));
        assert_eq!(outcomes.failures_in_a_row(), 0);
        (0..4).for_each(|turn| assert!(!outcomes.failed(at(10_000 + turn))));
        assert!(outcomes.failed(at(10_004)), "the fifth");
        assert_eq!(outcomes.failures_in_a_row(), 5);
    }

    #[test]
    fn the_ejector_is_called_for_when_a_share_of_the_calls_fails() {
        let outcomes = Outcomes::new();
        for turn in 0..5 {
            assert!(!outcomes.succeeded(at(turn)));
            assert_eq!(outcomes.failed(at(turn)), turn == 4, "from ten calls on");
        }
        let all_good = Outcomes::new();
        (0..100).for_each(|_| assert!(!all_good.succeeded(at(0))));
        (0..4).for_each(|_| assert!(!all_good.failed(at(0))));
    }

    #[test]
    fn while_it_goes_on_failing_the_ejector_is_called_for_ten_times_a_second() {
        let outcomes = Outcomes::new();
        let calls = (0..10_000).filter(|ms| outcomes.failed(at(*ms))).count();
        assert_eq!(calls, 100);
    }

    #[test]
    fn a_worker_that_is_probed_calls_for_the_ejector_each_time() {
        let outcomes = Outcomes::new();
        for _ in 0..20 {
            outcomes.failed(at(0));
        }
        outcomes.start_over(true);
        assert_eq!(outcomes.window(at(0)), (0, 0));
        assert_eq!(outcomes.failures_in_a_row(), 0);
        assert!(outcomes.succeeded(at(1)) && outcomes.failed(at(1)));
        outcomes.start_over(false);
        assert!(!outcomes.succeeded(at(1)) && !outcomes.failed(at(1)));
        assert_eq!(outcomes.calls(), 24, "the totals are kept");
    }

    #[test]
    fn other_limits_than_the_default_are_kept() {
        let config = EjectionConfig::default()
            .with_consecutive_failures(2)
            .with_failure_ratio(1.0, 100);
        let outcomes = Outcomes::for_config(config);
        assert!(!outcomes.failed(at(0)) && outcomes.failed(at(0)));
    }

    #[test]
    fn a_piece_of_the_window_is_full_at_a_million_calls() {
        let full = Piece {
            period: 7,
            calls: COUNT_MAX,
            failures: COUNT_MAX,
        };
        assert!(full.with(7, 1).is_none());
        let read = Piece::read(full.write());
        assert_eq!(
            (read.period, read.calls, read.failures),
            (7, COUNT_MAX, COUNT_MAX)
        );
        let next = full.with(8, 1).expect("a later period begins anew");
        assert_eq!((next.period, next.calls, next.failures), (8, 1, 1));
        assert!(full.with(6, 1).is_none(), "an earlier one is over");
    }

    #[test]
    fn periods_wrap_around_and_times_go_backwards_without_harm() {
        let round = (PERIOD_MASK + 1) * PERIOD_US;
        let outcomes = Outcomes::new();
        outcomes.failed(Time::from_micros(round - 1));
        outcomes.failed(Time::from_micros(round));
        assert_eq!(outcomes.window(Time::from_micros(round)), (2, 2));
        outcomes.failed(Time::from_micros(0));
        outcomes.failed(Time::from_micros(u64::MAX));
        assert_eq!(outcomes.failures(), 4);
    }
}
