//! [`Summary`]: what a run came to, as it is printed, saved and compared.

use hdrhistogram::{Counter, Histogram};
use serde::{Deserialize, Serialize};

use super::plan::{Amount, Load, Plan};
use super::run::Measured;
use super::series::Interval;

/// Of the saved form; one that reads another says so.
pub(super) const VERSION: u32 = 1;
/// Buckets of the histogram for every factor of ten.
const BUCKETS_PER_DECADE: f64 = 20.0;

/// The result of a run. Times are in microseconds, or in seconds where the name ends in `_s`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) version: u32,
    /// When it ended, in UTC.
    pub(super) at: String,
    pub(super) address: String,
    pub(super) method: String,
    pub(super) plan: PlanSummary,
    pub(super) interrupted: bool,
    /// The time over which the measured calls ended.
    pub(super) elapsed_s: f64,
    pub(super) calls: Calls,
    /// Calls that succeeded, per second.
    pub(super) rate: f64,
    pub(super) reply_bytes: u64,
    /// Of the calls that succeeded, where there are any.
    pub(super) latency: Option<Latency>,
    /// How late calls of an open loop were sent, by this process alone.
    pub(super) lag: Option<Latency>,
    pub(super) errors: Vec<ErrorCount>,
    pub(super) series: Vec<Point>,
    pub(super) histogram: Vec<Bucket>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlanSummary {
    #[serde(flatten)]
    pub(super) load: LoadSummary,
    pub(super) connections: u32,
    pub(super) own_sockets: bool,
    pub(super) payload_bytes: u64,
    pub(super) warm_up_s: f64,
    pub(super) duration_s: Option<f64>,
    pub(super) calls: Option<u64>,
    pub(super) deadline_s: f64,
}

/// How calls were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loop", rename_all = "snake_case")]
pub(super) enum LoadSummary {
    Closed { in_flight: u32 },
    Open { rate: f64, max_outstanding: u32 },
}

/// What became of the calls. The measured ones are those that succeeded, failed, or could not be
/// sent; the others the server saw besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calls {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) unsent: u64,
    /// Of those that were sent: late, because too many were outstanding.
    pub(super) overdue: u64,
    pub(super) warm_up: u64,
    pub(super) after_end: u64,
}

/// How long calls took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) min_us: f64,
    pub(super) mean_us: f64,
    pub(super) stdev_us: f64,
    pub(super) p50_us: f64,
    pub(super) p75_us: f64,
    pub(super) p90_us: f64,
    pub(super) p95_us: f64,
    pub(super) p99_us: f64,
    pub(super) p99_9_us: f64,
    pub(super) p99_99_us: f64,
    pub(super) max_us: f64,
}

/// Calls that failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorCount {
    pub(super) code: String,
    pub(super) count: u64,
    pub(super) example: String,
}

/// An interval of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) at_s: f64,
    pub(super) width_s: f64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Calls that succeeded, per second.
    pub(super) rate: f64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) max_us: Option<f64>,
}

/// Calls that took longer than the bucket below, and no longer than this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) up_to_us: f64,
    pub(super) count: u64,
}

/// What a run was about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) at: String,
    pub(super) address: String,
    pub(super) method: String,
    pub(super) payload_bytes: u64,
}

impl Summary {
    pub(super) fn new(subject: Subject, plan: &Plan, measured: Measured) -> Self {
        let Measured {
            tally,
            elapsed,
            is_interrupted,
        } = measured;
        let elapsed_s = elapsed.as_secs_f64();
        let succeeded = tally.latencies.len();
        let errors = tally.failures.into_sorted().into_iter();
        let errors: Vec<ErrorCount> = errors
            .map(|(code, failure)| ErrorCount {
                code: code.to_owned(),
                count: failure.count,
                example: failure.example,
            })
            .collect();
        Self {
            version: VERSION,
            at: subject.at,
            address: subject.address,
            method: subject.method,
            plan: PlanSummary::new(plan, subject.payload_bytes),
            interrupted: is_interrupted,
            elapsed_s,
            calls: Calls {
                succeeded,
                failed: errors.iter().map(|error| error.count).sum(),
                unsent: tally.counts.unsent,
                overdue: tally.counts.overdue,
                warm_up: tally.counts.warm_up,
                after_end: tally.counts.after_end,
            },
            rate: per_second(succeeded, elapsed_s),
            reply_bytes: tally.counts.reply_bytes,
            latency: Latency::of(&tally.latencies),
            lag: Latency::of(&tally.lags),
            errors,
            series: points(
                tally.series.intervals(),
                tally.series.width().as_secs_f64(),
                elapsed_s,
            ),
            histogram: buckets(&tally.latencies),
        }
    }

    /// The share of the calls that were due which failed or could not be sent.
    pub(super) fn error_share(&self) -> f64 {
        let bad = self.calls.failed + self.calls.unsent;
        bad as f64 / (self.calls.due().max(1)) as f64
    }

    /// The points that are whole intervals, which can be compared with each other.
    pub(super) fn whole_points(&self) -> impl Iterator<Item = &Point> {
        let width = self.series.first().map_or(0.0, |point| point.width_s);
        let is_whole = move |point: &&Point| point.width_s >= width * 0.999;
        self.series.iter().filter(is_whole)
    }
}

impl Calls {
    /// Calls that were to be measured.
    pub(super) fn due(&self) -> u64 {
        self.succeeded + self.failed + self.unsent
    }
}

impl PlanSummary {
    fn new(plan: &Plan, payload_bytes: u64) -> Self {
        let load = match plan.load {
            Load::Closed { in_flight } => LoadSummary::Closed { in_flight },
            Load::Open {
                rate,
                outstanding_max,
            } => LoadSummary::Open {
                rate,
                max_outstanding: outstanding_max,
            },
        };
        let (duration_s, calls) = match plan.amount {
            Amount::Time(duration) => (Some(duration.as_secs_f64()), None),
            Amount::Calls(calls) => (None, Some(calls)),
        };
        Self {
            load,
            connections: plan.connections,
            own_sockets: plan.has_own_sockets,
            payload_bytes,
            warm_up_s: plan.warm_up.as_secs_f64(),
            duration_s,
            calls,
            deadline_s: plan.deadline.as_secs_f64(),
        }
    }
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| quantile_us(histogram, quantile);
        (!histogram.is_empty()).then(|| Self {
            min_us: us(histogram.min()),
            mean_us: histogram.mean() / 1e3,
            stdev_us: histogram.stdev() / 1e3,
            p50_us: at(0.5),
            p75_us: at(0.75),
            p90_us: at(0.9),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p99_9_us: at(0.999),
            p99_99_us: at(0.9999),
            max_us: us(histogram.max()),
        })
    }

    /// Names and values, from the shortest to the longest.
    pub(super) fn rows(&self) -> [(&'static str, f64); 9] {
        [
            ("min", self.min_us),
            ("p50", self.p50_us),
            ("p75", self.p75_us),
            ("p90", self.p90_us),
            ("p95", self.p95_us),
            ("p99", self.p99_us),
            ("p99.9", self.p99_9_us),
            ("p99.99", self.p99_99_us),
            ("max", self.max_us),
        ]
    }
}

fn points(intervals: &[Interval], width_s: f64, elapsed_s: f64) -> Vec<Point> {
    let point = |(at, interval): (usize, &Interval)| {
        let at_s = at as f64 * width_s;
        let latencies = interval.latencies.as_ref();
        let width_s = (elapsed_s - at_s).clamp(0.0, width_s);
        Point {
            at_s,
            width_s,
            succeeded: interval.succeeded,
            failed: interval.failed,
            rate: per_second(interval.succeeded, width_s),
            p50_us: latencies.map(|it| quantile_us(it, 0.5)),
            p99_us: latencies.map(|it| quantile_us(it, 0.99)),
            max_us: latencies.map(|it| us(it.max())),
        }
    };
    intervals.iter().enumerate().map(point).collect()
}

fn buckets(latencies: &Histogram<u64>) -> Vec<Bucket> {
    let mut buckets: Vec<(i32, u64)> = Vec::new();
    for value in latencies.iter_recorded() {
        let ns = latencies.median_equivalent(value.value_iterated_to());
        let step = (us(ns).log10() * BUCKETS_PER_DECADE).ceil() as i32;
        match buckets.last_mut() {
            Some((last, count)) if *last == step => *count += value.count_at_value(),
            _ => buckets.push((step, value.count_at_value())),
        }
    }
    let bucket = |(step, count): (i32, u64)| Bucket {
        up_to_us: 10f64.powf(f64::from(step) / BUCKETS_PER_DECADE),
        count,
    };
    buckets.into_iter().map(bucket).collect()
}

fn quantile_us<C: Counter>(histogram: &Histogram<C>, quantile: f64) -> f64 {
    us(histogram.value_at_quantile(quantile))
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1e3
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}
