//! Groups of scenarios: what they measure, and how it is printed.

use crate::figure::{self, Figure, Goal};
use rpcnet_testkit::netns::NetnsUnavailable;
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
    /// Some per cent of them, for a look within minutes.
    Quick,
}

/// What a run is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) scale: Scale,
    /// Of what is random, for groups that print it.
    pub(crate) seed: u64,
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
    pub(crate) run: fn(Plan) -> Pin<Box<dyn Future<Output = Outcome>>>,
}

/// The figures of a scenario, and remarks on them.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Measured {
    /// Begins with the seed of what is random in it.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let mut measured = Self::default();
        measured.note(format!("seed {seed}"));
        measured
    }

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

    /// Adds a figure that is there to be known.
    pub(crate) fn known(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.add(name.into(), value, unit, Goal::Any);
    }

    /// Adds the number of things that must not happen, and remarks on the first of them.
    pub(crate) fn none(&mut self, name: impl Into<String>, found: &[String], unit: &'static str) {
        self.notes.extend(found.iter().take(REMARKS_MAX).cloned());
        self.at_most(name, found.len() as f64, unit, 0.0);
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

/// Things that must not happen which are remarked on; the others are only counted.
const REMARKS_MAX: usize = 10;

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every goal was met.
    Met,
    /// A goal was missed, a scenario failed, or nothing was asked for.
    Short,
    /// What was measured meets its goals, but something cannot be measured on this machine.
    Skipped,
}

/// Whether a scenario of that name is asked for.
pub(crate) fn is_wanted(only: &[String], name: &str) -> bool {
    only.is_empty() || only.iter().any(|wanted| name.starts_with(wanted.as_str()))
}

/// Runs the scenarios whose names begin with one of `only`, or all where it is empty, and prints their
/// figures.
pub(crate) async fn run(
    scenarios: &[Scenario],
    only: &[String],
    plan: Plan,
) -> io::Result<Verdict> {
    let hang = plan.scale.pick(HANG_FULL, HANG_QUICK);
    let mut tally = Tally::default();
    print(&figure::header())?;
    for scenario in scenarios.iter().filter(|it| is_wanted(only, it.name)) {
        let began = Instant::now();
        // A scenario that hangs is a finding like any other.
        let outcome = timeout(hang, (scenario.run)(plan))
            .await
            .unwrap_or_else(|_| Err(format!("not done after {hang:?}").into()));
        tally.print(scenario.name, outcome, began.elapsed())?;
    }
    Ok(tally.verdict())
}

#[derive(Debug, Default)]
struct Tally {
    figures: usize,
    is_short: bool,
    is_skipped: bool,
}

impl Tally {
    fn print(&mut self, name: &str, outcome: Outcome, took: Duration) -> io::Result<()> {
        match outcome {
            Ok(result) => {
                print(&format!("# {name} took {:.1} s", took.as_secs_f64()))?;
                for line in result.notes.iter().flat_map(|note| note.lines()) {
                    print(&format!("# {name}: {line}"))?;
                }
                for figure in &result.figures {
                    print(&figure.to_string())?;
                    self.is_short |= !figure.is_met();
                    self.figures += 1;
                }
            }
            Err(error) if error.is::<NetnsUnavailable>() => {
                print(&format!("# {name} skipped: {error}"))?;
                print(&figure::skipped(name))?;
                self.is_skipped = true;
            }
            Err(error) => {
                print(&format!("# {name} failed: {error}"))?;
                let failed = Figure {
                    name: format!("{name}-failed"),
                    value: 1.0,
                    unit: "runs",
                    goal: Goal::AtMost(0.0),
                };
                print(&failed.to_string())?;
                self.is_short = true;
            }
        }
        Ok(())
    }

    fn verdict(&self) -> Verdict {
        match (self.is_short, self.is_skipped) {
            (false, true) => Verdict::Skipped,
            (false, false) if self.figures > 0 => Verdict::Met,
            _ => Verdict::Short,
        }
    }
}

/// No scenario takes longer; one that does hangs.
const HANG_FULL: Duration = Duration::from_secs(60 * 60);
const HANG_QUICK: Duration = Duration::from_secs(150);

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(outcomes: Vec<Outcome>) -> Verdict {
        let mut tally = Tally::default();
        for outcome in outcomes {
            tally
                .print("a", outcome, Duration::ZERO)
                .expect("the output is open");
        }
        tally.verdict()
    }

    fn measured(value: f64) -> Outcome {
        let mut measured = Measured::default();
        measured.at_most("a", value, "s", 1.0);
        Ok(measured)
    }

    async fn skipped() -> Outcome {
        let too_many = rpcnet_testkit::netns::NODES_MAX + 1;
        let refused = rpcnet_testkit::netns::Network::new(too_many).await;
        Err(refused.expect_err("there are not so many").into())
    }

    #[tokio::test]
    async fn only_goals_that_are_all_met_are_met() {
        assert_eq!(verdict(vec![measured(1.0)]), Verdict::Met);
        assert_eq!(verdict(vec![measured(1.0), measured(2.0)]), Verdict::Short);
        assert_eq!(verdict(vec![Err("no".into())]), Verdict::Short);
        assert_eq!(verdict(Vec::new()), Verdict::Short);
    }

    #[tokio::test]
    async fn what_cannot_be_measured_here_is_neither_met_nor_short() {
        let met = vec![measured(1.0), skipped().await];
        assert_eq!(verdict(met), Verdict::Skipped);
        assert_eq!(verdict(vec![skipped().await]), Verdict::Skipped);
        let short = vec![measured(2.0), skipped().await];
        assert_eq!(verdict(short), Verdict::Short);
    }
}
