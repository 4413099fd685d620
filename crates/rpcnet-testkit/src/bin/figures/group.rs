//! Groups of scenarios: what they measure, and how it is printed.

use crate::figure::{self, Figure, Goal};
use std::error::Error;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How a scenario fails that could not be measured at all.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What a scenario comes to.
pub(crate) type Outcome = Result<Measured, BoxError>;

/// The amounts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Those that the goals are about.
    Full,
    /// Some per cent of them, for a look within three minutes.
    Quick,
}

impl Scale {
    /// Returns the amount that belongs to this scale.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// One thing that is measured; yields one or several figures.
pub(crate) struct Scenario {
    /// What its figures' names begin with.
    pub(crate) name: &'static str,
    /// Measures it.
    pub(crate) run: fn(Scale) -> Pin<Box<dyn Future<Output = Outcome>>>,
}

/// The figures of a scenario, and remarks on them.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Measured {
    /// Adds a figure that must not exceed `most`.
    pub(crate) fn at_most(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        most: f64,
    ) {
        self.add(name.into(), value, unit, Goal::AtMost(most));
    }

    /// Adds a figure that must reach `least`.
    pub(crate) fn at_least(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        least: f64,
    ) {
        self.add(name.into(), value, unit, Goal::AtLeast(least));
    }

    /// Adds a remark, printed as a comment above the figures.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn add(&mut self, name: String, value: f64, unit: &'static str, goal: Goal) {
        self.figures.push(Figure {
            name,
            value,
            unit,
            goal,
        });
    }
}

/// Runs the scenarios whose names begin with one of `only`, or all where it is empty, and prints their
/// figures. Returns whether every goal was met, which is not so where nothing was measured.
pub(crate) async fn run(scenarios: &[Scenario], only: &[String], scale: Scale) -> io::Result<bool> {
    let hang = scale.pick(HANG_FULL, HANG_QUICK);
    let is_wanted =
        |name: &str| only.is_empty() || only.iter().any(|wanted| name.starts_with(wanted.as_str()));
    let mut measured = 0;
    let mut is_short = false;
    print(&figure::header())?;
    for scenario in scenarios.iter().filter(|scenario| is_wanted(scenario.name)) {
        let began = Instant::now();
        // A scenario that hangs is a finding like any other.
        let outcome = timeout(hang, (scenario.run)(scale))
            .await
            .unwrap_or_else(|_| Err(format!("not done after {hang:?}").into()));
        match outcome {
            Ok(result) => {
                let took = began.elapsed().as_secs_f64();
                print(&format!("# {} took {took:.1} s", scenario.name))?;
                for line in result.notes.iter().flat_map(|note| note.lines()) {
                    print(&format!("# {}: {line}", scenario.name))?;
                }
                for figure in &result.figures {
                    print(&figure.to_string())?;
                    is_short |= !figure.is_met();
                    measured += 1;
                }
            }
            Err(error) => {
                print(&format!("# {} failed: {error}", scenario.name))?;
                let failed = Figure {
                    name: format!("{}-failed", scenario.name),
                    value: 1.0,
                    unit: "runs",
                    goal: Goal::AtMost(0.0),
                };
                print(&failed.to_string())?;
                is_short = true;
            }
        }
    }
    Ok(measured > 0 && !is_short)
}

/// No scenario takes longer; one that does hangs.
const HANG_FULL: Duration = Duration::from_secs(60 * 60);
const HANG_QUICK: Duration = Duration::from_secs(90);

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
