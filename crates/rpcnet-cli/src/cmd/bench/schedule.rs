//! [`Schedule`]: when the calls of an open loop are due.

use std::time::Duration;

use tokio::time::Instant;

/// Arrivals at a constant rate, of which each lane has its share.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    start: Instant,
    rate: f64,
    /// The next arrival, counted over all lanes.
    next: u64,
    /// How many lanes there are.
    step: u64,
    /// From this one on arrivals are measured.
    measured_from: u64,
    /// How many there are in all.
    total: u64,
}

/// A call that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) due: Instant,
    pub(super) is_measured: bool,
}

impl Schedule {
    /// The arrivals from `start` on, of which those within `warm_up` are not measured and
    /// `measured` are.
    pub(super) fn new(start: Instant, rate: f64, warm_up: Duration, measured: u64) -> Self {
        let measured_from = arrivals(rate, warm_up);
        Self {
            start,
            rate,
            next: 0,
            step: 1,
            measured_from,
            total: measured_from.saturating_add(measured),
        }
    }

    /// The share of one of `lanes`.
    pub(super) fn lane(&self, lane: u64, lanes: u64) -> Self {
        Self {
            next: lane,
            step: lanes,
            ..self.clone()
        }
    }

    /// When the next call is due, where there is one.
    pub(super) fn next_due(&self) -> Option<Instant> {
        (self.next < self.total).then(|| self.due(self.next))
    }

    /// Takes the next call if it is due by now.
    pub(super) fn take(&mut self, now: Instant) -> Option<Arrival> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let is_measured = self.next >= self.measured_from;
        self.next += self.step;
        Some(Arrival { due, is_measured })
    }

    /// When the last of the arrivals, of all lanes, is over.
    pub(super) fn end(&self) -> Instant {
        self.due(self.total)
    }

    /// Gives up what is left, and returns how many measured calls that were.
    pub(super) fn give_up(&mut self) -> u64 {
        let left = self.left();
        self.next = self.total;
        left
    }

    fn left(&self) -> u64 {
        if self.next >= self.total {
            return 0;
        }
        let all = (self.total - self.next).div_ceil(self.step);
        let skipped = self.measured_from.saturating_sub(self.next);
        all.saturating_sub(skipped.div_ceil(self.step))
    }

    fn due(&self, arrival: u64) -> Instant {
        let seconds = arrival as f64 / self.rate;
        let after = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        // So far ahead that nobody waits for it.
        let far = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        self.start + after.min(far)
    }
}

/// How many arrivals there are within this time.
pub(super) fn arrivals(rate: f64, time: Duration) -> u64 {
    // Rounded, because 0.1 s times 10/s is 1 and a little more.
    let count = rate * time.as_secs_f64();
    let nearest = count.round();
    if (count - nearest).abs() < 1e-6 {
        nearest as u64
    } else {
        count.ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn a_call_is_due_at_its_time_and_not_before() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 100.0, Duration::ZERO, 3);
        assert_eq!(schedule.take(start).map(|it| it.due), Some(start));
        assert_eq!(schedule.take(start + 9 * MS), None);
        assert_eq!(schedule.next_due(), Some(start + 10 * MS));
        let second = schedule.take(start + 10 * MS);
        assert_eq!(second.map(|it| it.due), Some(start + 10 * MS));
        // However late it is taken, it was due when it was due.
        let third = schedule.take(start + 500 * MS);
        assert_eq!(third.map(|it| it.due), Some(start + 20 * MS));
        assert_eq!(schedule.take(start + 900 * MS), None);
        assert_eq!(schedule.next_due(), None);
        assert_eq!(schedule.end(), start + 30 * MS);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_the_warm_up_are_not_measured() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 10.0, 200 * MS, 2);
        let all = std::iter::from_fn(|| schedule.take(start + 1000 * MS));
        let measured: Vec<bool> = all.map(|it| it.is_measured).collect();
        assert_eq!(measured, [false, false, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_share_the_arrivals_without_gap_or_overlap() {
        let start = Instant::now();
        let whole = Schedule::new(start, 1000.0, 5 * MS, 95);
        for lanes in [1, 2, 3, 7] {
            let mut dues = Vec::new();
            for lane in 0..lanes {
                let mut schedule = whole.lane(lane, lanes);
                while let Some(arrival) = schedule.take(start + 1000 * MS) {
                    dues.push(arrival.due);
                }
            }
            dues.sort_unstable();
            dues.dedup();
            assert_eq!(dues.len(), 100, "{lanes} lanes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_are_measured_calls_only() {
        let start = Instant::now();
        let whole = Schedule::new(start, 1000.0, 10 * MS, 90);
        for lanes in [1, 3, 4] {
            for taken in [0, 1, 5, 20, 100] {
                let mut left = 0;
                let mut expected = 90;
                for lane in 0..lanes {
                    let mut schedule = whole.lane(lane, lanes);
                    for _ in 0..taken {
                        let arrival = schedule.take(start + 1000 * MS);
                        expected -= u64::from(arrival.is_some_and(|it| it.is_measured));
                    }
                    left += schedule.give_up();
                    assert_eq!(schedule.next_due(), None);
                }
                assert_eq!(left, expected, "{lanes} lanes, {taken} taken");
            }
        }
    }

    #[test]
    fn arrivals_of_a_time_are_whole() {
        assert_eq!(arrivals(1000.0, Duration::from_secs(2)), 2000);
        assert_eq!(arrivals(10.0, 100 * MS), 1);
        assert_eq!(arrivals(3.0, 500 * MS), 2);
        assert_eq!(arrivals(0.5, Duration::from_secs(1)), 1);
        assert_eq!(arrivals(7.0, Duration::ZERO), 0);
    }
}
