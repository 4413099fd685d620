//! [`Comparison`]: a run beside an earlier one, and whether the difference means anything.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::summary::{LoadSummary, PlanSummary, Point, Summary, VERSION};

/// The largest file that is read as a run; a saved one has some hundred kilobytes at most.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Whole intervals that a run must have for its noise to be known.
const POINTS_MIN: usize = 3;
/// Deviations that two runs may be apart without a cause.
const DEVIATIONS: f64 = 2.0;
/// The least that two runs of the same are taken to differ by.
const NOISE_MIN: f64 = 0.01;

/// A run beside an earlier one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Comparison {
    /// When the earlier one was.
    pub(super) before_at: String,
    /// What was not the same: then the rows have no verdict.
    pub(super) differences: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One figure of both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) before: f64,
    pub(super) now: f64,
    /// The figure now, as a multiple of the one before.
    pub(super) ratio: f64,
    /// By what share the figure differs within the runs themselves, where that is known.
    pub(super) noise: Option<f64>,
    pub(super) verdict: Judgement,
}

/// What a ratio says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Judgement {
    Better,
    Worse,
    /// The difference is no larger than those within the runs.
    WithinNoise,
    /// The runs are too short, or not of the same load.
    Unknown,
    /// The load was given, and so was this.
    Given,
}

impl Judgement {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Better => "better, beyond the noise",
            Self::Worse => "worse, beyond the noise",
            Self::WithinNoise => "within the noise",
            Self::Unknown => "no verdict",
            Self::Given => "as was asked for",
        }
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    More,
    Less,
}

/// Reads a run that was saved.
///
/// # Errors
///
/// The file cannot be read, or holds something else.
pub(super) fn load(path: &Path) -> Result<Summary, String> {
    let failed = |error: String| format!("--compare {}: {error}", path.display());
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(failed("it is too long for a saved run".into()));
    }
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| failed(format!("it is no run saved by --save: {error}")))?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            return Err(failed(format!(
                "it is of version {version}, this command reads version {VERSION}"
            )));
        }
        None => return Err(failed("it is no run saved by --save".into())),
    }
    serde_json::from_value(value)
        .map_err(|error| failed(format!("it is no run saved by --save: {error}")))
}

impl Comparison {
    pub(super) fn new(before: &Summary, now: &Summary) -> Self {
        let differences = differences(before, now);
        let is_same = differences.is_empty();
        let mut rows = Vec::new();
        let rates = noise(before, now, |point| Some(point.rate));
        let mut rate = row("rate", before.rate, now.rate, rates, Aim::More);
        if let LoadSummary::Open { .. } = now.plan.load {
            rate.verdict = Judgement::Given;
        }
        rows.push(rate);
        if let (Some(old), Some(new)) = (&before.latency, &now.latency) {
            let p50 = noise(before, now, |point| point.p50_us);
            let p99 = noise(before, now, |point| point.p99_us);
            rows.push(row("p50", old.p50_us, new.p50_us, p50, Aim::Less));
            rows.push(row("p99", old.p99_us, new.p99_us, p99, Aim::Less));
            // There are too few of these in an interval to tell how they vary.
            rows.push(row("p99.9", old.p99_9_us, new.p99_9_us, None, Aim::Less));
            rows.push(row("max", old.max_us, new.max_us, None, Aim::Less));
        }
        if !is_same {
            for row in &mut rows {
                row.verdict = Judgement::Unknown;
            }
        }
        Self {
            before_at: before.at.clone(),
            differences,
            rows,
        }
    }
}

fn row(name: &'static str, before: f64, now: f64, noise: Option<f64>, aim: Aim) -> Row {
    let ratio = now / before;
    let verdict = match noise {
        Some(noise) if ratio.is_finite() => {
            let is_more = ratio > 1.0;
            if (ratio - 1.0).abs() <= noise {
                Judgement::WithinNoise
            } else if is_more == (aim == Aim::More) {
                Judgement::Better
            } else {
                Judgement::Worse
            }
        }
        _ => Judgement::Unknown,
    };
    Row {
        name,
        before,
        now,
        ratio,
        noise,
        verdict,
    }
}

/// By what share a figure of two such runs may differ without a cause: by twice what it differs from
/// interval to interval within them. That is more than their means differ by on a machine that
/// stays as it is, and about what they do on one that does not.
fn noise(before: &Summary, now: &Summary, of: impl Fn(&Point) -> Option<f64>) -> Option<f64> {
    let spread = |run: &Summary| {
        let values: Vec<f64> = run.whole_points().filter_map(&of).collect();
        relative_deviation(&values)
    };
    let (before, now) = (spread(before)?, spread(now)?);
    Some((DEVIATIONS * before.hypot(now)).max(NOISE_MIN))
}

/// The standard deviation as a share of the mean.
fn relative_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < POINTS_MIN {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    let variance = squares.sum::<f64>() / (values.len() - 1) as f64;
    (mean > 0.0).then(|| variance.sqrt() / mean)
}

/// What makes two runs different experiments. How long they were is none of it.
fn differences(before: &Summary, now: &Summary) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, old: String, new: String| {
        if old != new {
            found.push(format!("{what}: {old} before, {new} now"));
        }
    };
    let (old, new) = (&before.plan, &now.plan);
    compare("method", before.method.clone(), now.method.clone());
    compare("load", load_words(&old.load), load_words(&new.load));
    let connections = |plan: &PlanSummary| {
        let sockets = if plan.own_sockets {
            ", own sockets"
        } else {
            ""
        };
        format!("{}{sockets}", plan.connections)
    };
    compare("connections", connections(old), connections(new));
    let payload = |bytes: u64| format!("{bytes} bytes");
    compare(
        "payload",
        payload(old.payload_bytes),
        payload(new.payload_bytes),
    );
    found
}

/// How calls were sent, in words.
pub(super) fn load_words(load: &LoadSummary) -> String {
    match load {
        LoadSummary::Closed { in_flight } => format!("closed loop, {in_flight} in flight"),
        LoadSummary::Open {
            rate,
            max_outstanding,
        } => format!("open loop, {rate} calls/s, at most {max_outstanding} outstanding"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    fn verdicts(before: &Summary, now: &Summary) -> Vec<(&'static str, Judgement)> {
        let rows = Comparison::new(before, now).rows.into_iter();
        rows.map(|row| (row.name, row.verdict)).collect()
    }

    #[test]
    fn a_run_is_within_the_noise_of_itself() {
        let run = run(&[1000.0, 1010.0, 990.0, 1005.0]);
        let comparison = Comparison::new(&run, &run);
        assert_eq!(comparison.differences, Vec::<String>::new());
        assert!(comparison.rows.iter().all(|row| row.ratio == 1.0));
        assert_eq!(comparison.rows[0].verdict, Judgement::WithinNoise);
    }

    #[test]
    fn a_difference_counts_where_it_is_larger_than_those_within_the_runs() {
        let steady = run(&[1000.0, 1010.0, 990.0, 1005.0]);
        let faster = run(&[1100.0, 1110.0, 1090.0, 1105.0]);
        assert_eq!(verdicts(&steady, &faster)[0], ("rate", Judgement::Better));
        assert_eq!(verdicts(&faster, &steady)[0], ("rate", Judgement::Worse));
        let wild = run(&[600.0, 1600.0, 900.0, 1300.0]);
        assert_eq!(verdicts(&steady, &wild)[0].1, Judgement::WithinNoise);
    }

    #[test]
    fn less_latency_is_better() {
        let slow = run(&[1000.0, 1000.0, 1000.0]);
        let mut fast = slow.clone();
        let latency = fast.latency.as_mut().expect("it has one");
        latency.p50_us /= 2.0;
        assert_eq!(verdicts(&slow, &fast)[1], ("p50", Judgement::Better));
        assert_eq!(verdicts(&fast, &slow)[1], ("p50", Judgement::Worse));
    }

    #[test]
    fn short_runs_and_other_loads_get_no_verdict() {
        let short = run(&[1000.0, 1000.0]);
        assert_eq!(verdicts(&short, &short)[0].1, Judgement::Unknown);
        let long = run(&[1000.0, 1000.0, 1000.0]);
        let mut other = long.clone();
        other.plan.payload_bytes = 1024;
        let comparison = Comparison::new(&long, &other);
        assert_eq!(
            comparison.differences,
            ["payload: 64 bytes before, 1024 bytes now"]
        );
        assert!(
            verdicts(&long, &other)
                .iter()
                .all(|it| it.1 == Judgement::Unknown)
        );
    }

    #[test]
    fn the_rate_of_an_open_loop_is_no_merit() {
        let mut open = run(&[1000.0, 1000.0, 1000.0]);
        open.plan.load = LoadSummary::Open {
            rate: 1000.0,
            max_outstanding: 10,
        };
        assert_eq!(verdicts(&open, &open)[0], ("rate", Judgement::Given));
    }
}
