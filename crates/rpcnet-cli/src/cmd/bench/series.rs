//! [`Series`]: what became of the calls, second by second.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::histogram;

/// Intervals that are kept. A run that has more gets longer ones: two become one.
const INTERVALS_MAX: usize = 600;
/// How long an interval is to begin with.
const INTERVAL: Duration = Duration::from_secs(1);

/// Intervals of the same length, from the beginning of what is measured.
#[derive(Debug)]
pub(super) struct Series {
    width: Duration,
    intervals: Vec<Interval>,
}

/// The calls that ended in an interval.
#[derive(Debug, Default)]
pub(super) struct Interval {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) latencies: Option<Histogram<u32>>,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            width: INTERVAL,
            intervals: Vec::new(),
        }
    }

    pub(super) fn width(&self) -> Duration {
        self.width
    }

    pub(super) fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Adds calls that ended `at` this time since the beginning, or before within its interval.
    pub(super) fn add(&mut self, at: Duration, latencies_ns: &[u64], failed: u64) {
        let interval = self.interval(at);
        interval.failed += failed;
        interval.succeeded += latencies_ns.len() as u64;
        if latencies_ns.is_empty() {
            return;
        }
        let histogram = interval.latencies.get_or_insert_with(histogram::coarse);
        for latency in latencies_ns {
            histogram.saturating_record(*latency);
        }
    }

    /// When the interval ends that `at` is in.
    pub(super) fn end_of(&self, at: Duration) -> Duration {
        let index = u32::try_from(self.index(at)).unwrap_or(u32::MAX - 1);
        self.width.saturating_mul(index + 1)
    }

    fn index(&self, at: Duration) -> usize {
        let index = at.as_nanos() / self.width.as_nanos();
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    fn interval(&mut self, at: Duration) -> &mut Interval {
        while self.index(at) >= INTERVALS_MAX {
            self.widen();
        }
        let index = self.index(at);
        while self.intervals.len() <= index {
            self.intervals.push(Interval::default());
        }
        &mut self.intervals[index]
    }

    /// Makes one interval of every two.
    fn widen(&mut self) {
        self.width *= 2;
        let mut pairs = std::mem::take(&mut self.intervals).into_iter();
        while let Some(mut first) = pairs.next() {
            if let Some(second) = pairs.next() {
                first.absorb(second);
            }
            self.intervals.push(first);
        }
    }
}

impl Interval {
    fn absorb(&mut self, other: Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        match (&mut self.latencies, other.latencies) {
            (Some(own), Some(others)) => {
                own.add(others).expect("both have the same bounds");
            }
            (own @ None, others) => *own = others,
            (Some(_), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn calls_are_in_the_interval_in_which_they_ended() {
        let mut series = Series::new();
        series.add(Duration::from_millis(999), &[5_000, 7_000], 0);
        series.add(at_s(1), &[9_000], 1);
        series.add(at_s(3), &[], 2);
        let counts = series
            .intervals()
            .iter()
            .map(|it| (it.succeeded, it.failed));
        let counts: Vec<_> = counts.collect();
        assert_eq!(counts, [(2, 0), (1, 1), (0, 0), (0, 2)]);
        assert!(series.intervals()[3].latencies.is_none());
    }

    #[test]
    fn an_interval_ends_where_the_next_begins() {
        let series = Series::new();
        assert_eq!(series.end_of(Duration::ZERO), at_s(1));
        assert_eq!(series.end_of(Duration::from_millis(999)), at_s(1));
        assert_eq!(series.end_of(at_s(1)), at_s(2));
    }

    #[test]
    fn a_long_run_has_longer_intervals_and_loses_no_call() {
        let mut series = Series::new();
        let last = INTERVALS_MAX as u64 - 1;
        for second in 0..=last {
            series.add(at_s(second), &[1_000 * (second + 1)], 1);
        }
        assert_eq!(series.width(), INTERVAL);
        assert_eq!(series.intervals().len(), INTERVALS_MAX);
        series.add(at_s(last + 1), &[1_000], 0);
        assert_eq!(series.width(), 2 * INTERVAL);
        assert_eq!(series.intervals().len(), INTERVALS_MAX / 2 + 1);
        let kept: u64 = series.intervals().iter().map(|it| it.succeeded).sum();
        assert_eq!(kept, last + 2);
        let first = series.intervals()[0].latencies.as_ref();
        assert_eq!(first.map(|latencies| latencies.len()), Some(2));
    }

    #[test]
    fn a_leap_far_ahead_takes_no_memory_for_what_is_between() {
        let mut series = Series::new();
        series.add(at_s(0), &[1_000], 0);
        series.add(at_s(1_000_000), &[1_000], 0);
        assert!(series.intervals().len() <= INTERVALS_MAX);
        let kept: u64 = series.intervals().iter().map(|it| it.succeeded).sum();
        assert_eq!(kept, 2);
    }
}
