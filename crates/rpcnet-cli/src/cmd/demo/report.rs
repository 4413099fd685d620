//! What is printed: a heading per stage, its findings, a verdict.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::tolerate_closed_pipe;

/// The findings of a stage that behaved, a line each.
pub(super) type StageReport = Vec<String>;

/// What did not behave in a stage.
#[derive(Debug)]
pub(super) struct StageFailure(String);

impl StageFailure {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for StageFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Any error fails a stage; its chain of causes is told.
impl<E: Error + 'static> From<E> for StageFailure {
    fn from(error: E) -> Self {
        Self(crate::chain(&error))
    }
}

/// Plain lines; in colour where somebody watches.
pub(super) struct Report {
    is_colored: bool,
    stages: usize,
}

impl Report {
    /// Prints to standard output; coloured on a terminal unless `NO_COLOR` is set.
    pub(super) fn stdout() -> Self {
        let is_colored = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            is_colored,
            stages: 0,
        }
    }

    /// Prints the heading of the next stage.
    pub(super) fn begin(&mut self, title: &str) -> io::Result<()> {
        self.stages += 1;
        let heading = self.paint(BOLD, &format!("{}. {title}", self.stages));
        write(&format!("{heading}\n"))
    }

    /// Prints what came of a stage; returns whether it behaved.
    pub(super) fn ended(&self, outcome: &Result<StageReport, StageFailure>) -> io::Result<bool> {
        match outcome {
            Ok(lines) => self.passed(lines).map(|()| true),
            Err(failure) => self.failed(failure).map(|()| false),
        }
    }

    /// Prints what a stage found.
    pub(super) fn passed(&self, lines: &[String]) -> io::Result<()> {
        let verdict = self.paint(GREEN, "ok");
        let findings: String = lines
            .iter()
            .map(|line| format!("   {verdict}  {line}\n"))
            .collect();
        write(&(findings + "\n"))
    }

    /// Prints what went wrong in a stage.
    fn failed(&self, failure: &StageFailure) -> io::Result<()> {
        let verdict = self.paint(RED, "FAILED");
        write(&format!("   {verdict}  {failure}\n\n"))
    }

    /// Prints the last line.
    pub(super) fn summary(&self, failed: usize, took: Duration) -> io::Result<()> {
        let (stages, seconds) = (self.stages, took.as_secs_f64());
        let (color, text) = match failed {
            0 => (
                GREEN,
                format!("all {stages} stages behaved, in {seconds:.1} s"),
            ),
            _ => (
                RED,
                format!("{failed} of {stages} stages failed, in {seconds:.1} s"),
            ),
        };
        write(&format!("{}\n", self.paint(color, &text)))
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.is_colored {
            format!("{color}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }
}

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Writes to standard output.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    tolerate_closed_pipe(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// How long each of a number of calls took.
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn new(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    /// The time within which `percent` of the calls were done; zero if there were none.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        write!(f, "p50 {}, p99 {}", milliseconds(p50), milliseconds(p99))
    }
}

/// A duration in milliseconds, as exact as is of interest.
pub(super) fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    if milliseconds < 10.0 {
        format!("{milliseconds:.2} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let latencies = Latencies::new((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(latencies.percentile(50), Duration::from_millis(100));
        assert_eq!(latencies.percentile(99), Duration::from_millis(198));
        assert_eq!(latencies.percentile(100), Duration::from_millis(200));
        assert_eq!(Latencies::new(vec![]).percentile(99), Duration::ZERO);
    }

    #[test]
    fn a_failure_tells_its_causes() {
        let error = rpcnet::RpcError::from(io::Error::other("disk on fire"));
        let failure = StageFailure::from(error);
        assert_eq!(failure.to_string(), "input or output failed: disk on fire");
    }
}
