//! What the core has to achieve, measured.
//!
//! Every goal is a function of an engine, so that the baseline goes through the same scenarios.

pub mod attack;
mod cut;
mod detect;
mod join;
mod load;
mod loss;
mod partition;
mod scale;
mod slow;
mod spread;

use std::time::{Duration, Instant};

use crate::cluster::Plan;
use crate::engine::foca::Baseline;
use crate::engine::swim::Core;
use crate::engine::{Engine, Wire};
use crate::figure::Figure;

/// How much is run.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Everything within five minutes of one core: fewer seeds, smaller clusters, shorter times.
    pub quick: bool,
    /// Whether this is for the baseline's column, which takes no more than it needs.
    pub baseline: bool,
    /// How large what nodes send is.
    pub wire: Wire,
}

impl Size {
    /// `full` of something, or fewer.
    #[must_use]
    pub fn pick<T>(self, full: T, quick: T, baseline: T) -> T {
        match (self.baseline, self.quick) {
            (true, _) => baseline,
            (_, true) => quick,
            _ => full,
        }
    }

    /// A formed cluster of `nodes`, whose chances come from `seed`.
    fn plan(self, seed: u64, nodes: u32) -> Plan {
        let mut plan = Plan::new(seed, nodes);
        plan.wire = self.wire;
        plan
    }
}

type Measure = fn(Size) -> Vec<Figure>;

/// A goal: its name, how it is measured, and how for the baseline.
struct Entry {
    name: &'static str,
    what: &'static str,
    measure: Measure,
    baseline: Option<Measure>,
}

/// A goal that the baseline goes through too.
macro_rules! both {
    ($name:literal, $what:literal, $($measure:ident)::+) => {
        Entry {
            name: $name,
            what: $what,
            measure: $($measure)::+::<Core>,
            baseline: Some($($measure)::+::<Baseline>),
        }
    };
}

// What takes most memory comes last, so that the figure is its own.
const ENTRIES: [Entry; 11] = [
    both!("C1", "a crash is detected", detect::measure),
    both!("C3", "news spread", spread::measure),
    both!("C4", "everybody learns everything", spread::completeness),
    both!("C5", "joining is quick and complete", join::measure),
    both!("C6", "the load is flat", load::measure),
    both!("C7", "loss is no failure", loss::measure),
    both!("C8", "the slow do not accuse the quick", slow::measure),
    both!("C9", "a partition is seen, and heals", partition::measure),
    both!("C16", "all restart at once", join::restart),
    Entry {
        name: "C15",
        what: "one member of 64 lies",
        measure: attack::measure,
        baseline: None,
    },
    Entry {
        name: "C10",
        what: "ten thousand nodes",
        measure: scale::measure::<Core>,
        baseline: None,
    },
];

/// Whose values are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// The core's, beside the baseline's.
    Both,
    /// The core's.
    Core,
    /// The baseline's.
    Baseline,
}

/// Measures the goals that are named in `only`, or all; hands every line to `print` as soon as it is
/// known. Returns how many values fall short.
pub fn run(
    quick: bool,
    wire: Wire,
    only: &[String],
    columns: Columns,
    print: &mut dyn FnMut(&str),
) -> usize {
    let mut short = 0;
    for entry in entries().filter(|entry| is_wanted(entry.name, only)) {
        let began = Instant::now();
        let size = |baseline| Size {
            quick,
            baseline,
            wire,
        };
        let own = (columns != Columns::Baseline).then(|| (entry.measure)(size(false)));
        let own_took = began.elapsed().as_secs_f64();
        let other = entry.baseline.filter(|_| columns != Columns::Core);
        let other = other.map(|measure| measure(size(true)));
        let took = began.elapsed().as_secs_f64();
        print(&format!(
            "# {} {} ({own_took:.1} s of {took:.1} s)",
            entry.name, entry.what
        ));
        for figure in own.iter().flatten() {
            let others = other.iter().flatten();
            let same = others.into_iter().find(|other| other.name == figure.name);
            print(&figure.line(same.map(|other| other.value)));
            short += usize::from(!figure.is_met());
        }
        if own.is_none() {
            for figure in other.iter().flatten() {
                print(&figure.line(None));
            }
        }
    }
    short
}

fn is_wanted(name: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter()
}

/// The names of all goals.
#[must_use]
pub fn names() -> Vec<&'static str> {
    entries().map(|entry| entry.name).collect()
}

/// How often a node of a cluster of `nodes` compares its view with another's: every 30 s, and once
/// more of that per doubling beyond 32 nodes.
fn sync_cycle(nodes: u32) -> Duration {
    let doublings = f64::from(nodes).log2().ceil() - 5.0;
    Duration::from_secs(30).mul_f64(doublings.max(0.0) + 1.0)
}

/// Adds what every run has to come to: no rule broken.
fn unbroken<E: Engine>(goal: &str, cluster: &crate::cluster::Cluster<E>) {
    // A broken rule is worse than a missed goal: it is told at once, with what it takes to see it again.
    if let Some(violation) = cluster.violations().first() {
        BROKEN.with_borrow_mut(|broken| {
            broken.push(format!("{goal}, {}: {violation}", cluster.settings()))
        });
    }
}

thread_local! {
    static BROKEN: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Takes the rules that were broken while goals were measured.
#[must_use]
pub fn take_broken() -> Vec<String> {
    BROKEN.with_borrow_mut(std::mem::take)
}
