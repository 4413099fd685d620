//! [`Tally`]: all that became of the calls of a run.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::failures::Failures;
use super::histogram;
use super::series::Series;

/// Sums over all calls.
#[derive(Debug)]
pub(super) struct Tally {
    /// Of the measured calls that succeeded.
    pub(super) latencies: Histogram<u64>,
    /// How late calls were sent, where nothing but this process delayed them.
    pub(super) lags: Histogram<u64>,
    pub(super) failures: Failures,
    pub(super) series: Series,
    pub(super) counts: Counts,
    /// When the last measured call ended, since the beginning of what is measured.
    pub(super) last_end: Duration,
}

/// What is only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Bytes of the replies to measured calls.
    pub(super) reply_bytes: u64,
    /// Calls before the measured ones.
    pub(super) warm_up: u64,
    /// Calls that ended after the measured time.
    pub(super) after_end: u64,
    /// Measured calls that were sent late because too many were outstanding.
    pub(super) overdue: u64,
    /// Calls that were due within the measured time and could not be sent.
    pub(super) unsent: u64,
}

/// What one recorder gathered since it last handed over; all calls ended in one interval.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) latencies_ns: Vec<u64>,
    pub(super) lags_ns: Vec<u64>,
    pub(super) failures: Failures,
    pub(super) counts: Counts,
    /// When the last of the calls ended.
    pub(super) last_end: Duration,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            latencies: histogram::fine(),
            lags: histogram::fine(),
            failures: Failures::default(),
            series: Series::new(),
            counts: Counts::default(),
            last_end: Duration::ZERO,
        }
    }

    /// Takes what was gathered; the batch is empty then, and keeps its memory.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        let failures = std::mem::take(&mut batch.failures);
        let failed = failures.count();
        if failed > 0 || !batch.latencies_ns.is_empty() {
            self.series.add(batch.last_end, &batch.latencies_ns, failed);
            self.last_end = self.last_end.max(batch.last_end);
        }
        for latency in batch.latencies_ns.drain(..) {
            self.latencies.saturating_record(latency);
        }
        for lag in batch.lags_ns.drain(..) {
            self.lags.saturating_record(lag);
        }
        self.failures.append(failures);
        self.counts.add(std::mem::take(&mut batch.counts));
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.reply_bytes += other.reply_bytes;
        self.warm_up += other.warm_up;
        self.after_end += other.after_end;
        self.overdue += other.overdue;
        self.unsent += other.unsent;
    }
}
