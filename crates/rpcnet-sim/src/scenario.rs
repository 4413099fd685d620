//! Scenarios by name, scenarios by chance, and how one is run and made smaller.

use std::time::Duration;

use crate::chance::{Purpose, Stream};
use crate::clock::Time;
use crate::cluster::{Boot, Cluster, Plan};
use crate::engine::Engine;
use crate::fault::{self, Fault, Timed};
use crate::invariant::Violation;
use crate::nodes::NodeSet;

/// A cluster, what happens to it, and for how long it is watched.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// The cluster.
    pub plan: Plan,
    /// What happens.
    pub faults: Vec<Timed>,
    /// How long it runs after the last fault has ended, before all views have to be true.
    pub settle: Duration,
}

/// What became of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// The hash of everything that happened.
    pub hash: u64,
    /// How many things happened.
    pub events: u64,
    /// The rules that were broken, the first first.
    pub violations: Vec<Violation>,
    /// What happened, line by line, if the plan asked for it.
    pub lines: Vec<String>,
}

/// The scenarios that have a name, with what they show.
pub const NAMES: [(&str, &str); 8] = [
    ("random", "faults of all kinds by chance, from the seed"),
    ("idle", "nothing happens for two minutes"),
    (
        "boot",
        "all nodes start within a second and join through the seeds",
    ),
    ("crash", "one node stops without a word"),
    (
        "leave",
        "one node says goodbye, one changes a tag, one starts",
    ),
    ("split", "a third of the nodes is cut off for a minute"),
    (
        "restart",
        "all nodes start again, in any order, within five seconds",
    ),
    (
        "pause",
        "a quarter of the nodes freezes again and again for eight seconds",
    ),
];

/// Long enough for the longest suspicion, a retry of the failed and a full exchange of a small cluster.
const SETTLE: Duration = Duration::from_secs(150);

impl Scenario {
    /// The scenario of that name for `nodes` nodes, its chances drawn from `seed`.
    #[must_use]
    pub fn named(name: &str, seed: u64, nodes: u32) -> Option<Self> {
        let mut plan = Plan::new(seed, nodes);
        let second = Duration::from_secs;
        let last = nodes.saturating_sub(1);
        let at = |seconds, fault| Timed {
            at: second(seconds),
            fault,
        };
        let faults = match name {
            "random" => return Some(Self::random(seed, nodes)),
            "idle" => Vec::new(),
            "boot" => {
                plan.boot = Boot::Joining(nodes, second(1));
                Vec::new()
            }
            "crash" => vec![at(20, Fault::Crash(NodeSet::one(last)))],
            "leave" => {
                plan.boot = Boot::Formed(last);
                vec![
                    at(20, Fault::Leave(NodeSet::one(last / 2))),
                    at(30, Fault::Tag(NodeSet::one(last / 3))),
                    at(40, Fault::Restart(NodeSet::one(last))),
                ]
            }
            "split" => vec![at(
                20,
                Fault::Split(NodeSet::range(0, nodes / 3), second(60)),
            )],
            "restart" => restart_all(seed, nodes, second(20), second(5)),
            "pause" => (0..10)
                .map(|round| {
                    let who = NodeSet::range(0, nodes / 4);
                    at(20 + 9 * round, Fault::Pause(who, second(8)))
                })
                .collect(),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            plan,
            faults,
            settle: SETTLE,
        })
    }

    /// A scenario of a few faults that all come from `seed`.
    #[must_use]
    pub fn random(seed: u64, nodes: u32) -> Self {
        let mut chance = Stream::new(seed, Purpose::Scenario, 0);
        let mut plan = Plan::new(seed, nodes);
        plan.boot = if chance.chance(0.3) {
            Boot::Joining(nodes, Duration::from_secs(chance.within(0, 5)))
        } else {
            Boot::Formed(nodes - u32::from(chance.chance(0.5)))
        };
        plan.link.loss = [0.0, 0.0, 0.02, 0.1][chance.below(4) as usize];
        plan.link.tail = if chance.chance(0.3) { 0.01 } else { 0.0 };
        if chance.chance(0.3) {
            plan.order = crate::node::Order::TimersFirst;
        }
        let mut faults: Vec<Timed> = (0..chance.within(1, 9))
            .map(|_| Timed {
                at: Duration::from_millis(chance.within(0, 120_000)),
                fault: random_fault(&mut chance, nodes),
            })
            .collect();
        faults.sort_by_key(|timed| timed.at);
        // Whoever lost all seeds and has moved can be found by nobody: one seed comes back.
        faults.push(Timed {
            at: Duration::from_secs(121),
            fault: Fault::Restart(NodeSet::one(0)),
        });
        Self {
            name: "random".to_owned(),
            plan,
            faults,
            settle: SETTLE,
        }
    }

    /// Runs it with the engine `E`.
    #[must_use]
    pub fn run<E: Engine>(&self) -> Outcome {
        let mut cluster = Cluster::<E>::new(self.plan.clone());
        cluster.schedule(&self.faults);
        cluster.run_until(self.faults_end());
        // Where every tenth message is lost there is always somebody suspected: views are equal
        // only after that.
        cluster.calm();
        cluster.run_for(self.settle);
        cluster.settled();
        Outcome {
            hash: cluster.trace().hash(),
            events: cluster.trace().count(),
            violations: cluster.violations().to_vec(),
            lines: cluster.take_lines(),
        }
    }

    /// When the last fault ends.
    #[must_use]
    pub fn faults_end(&self) -> Time {
        let ends = self
            .faults
            .iter()
            .map(|timed| timed.at + timed.fault.lasts());
        Time::ZERO + ends.max().unwrap_or_default()
    }

    /// Leaves out faults as long as what is left still breaks the same rule.
    #[must_use]
    pub fn shrink<E: Engine>(&self) -> Self {
        let mut smallest = self.clone();
        let Some(rule) = first_rule::<E>(self) else {
            return smallest;
        };
        // Without the seed that comes back a random scenario may fail rightly.
        let kept = usize::from(self.name == "random");
        // Halves first, then ever smaller parts, then one fault at a time.
        let mut size = smallest.faults.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from + kept < smallest.faults.len() {
                let mut candidate = smallest.clone();
                let to = (from + size).min(candidate.faults.len() - kept);
                candidate.faults.drain(from..to);
                if first_rule::<E>(&candidate) == Some(rule) {
                    smallest = candidate;
                } else {
                    from = to;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        smallest
    }

    /// The command that runs exactly this scenario.
    #[must_use]
    pub fn replay(&self, engine: &str) -> String {
        let plan = &self.plan;
        let mut command = format!(
            "cargo run --release -p rpcnet-sim -- run --seed {} --nodes {} --scenario {} --faults '{}'",
            plan.seed,
            plan.nodes,
            self.name,
            fault::write(&self.faults)
        );
        command.push_str(&plan.wire.arguments());
        if engine != "rpcnet" {
            command.push_str(&format!(" --engine {engine}"));
        }
        command
    }
}

fn first_rule<E: Engine>(scenario: &Scenario) -> Option<crate::invariant::Rule> {
    let outcome = scenario.run::<E>();
    outcome.violations.first().map(|violation| violation.rule)
}

/// Every node starts again once, in random order, from `from` on and within `spread`.
#[must_use]
pub fn restart_all(seed: u64, nodes: u32, from: Duration, spread: Duration) -> Vec<Timed> {
    let mut chance = Stream::new(seed, Purpose::Scenario, 1);
    let most = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
    let mut faults: Vec<Timed> = (0..nodes)
        .map(|node| Timed {
            at: from + Duration::from_millis(chance.within(0, most)),
            fault: Fault::Restart(NodeSet::one(node)),
        })
        .collect();
    faults.sort_by_key(|timed| timed.at);
    faults
}

fn random_fault(chance: &mut Stream, nodes: u32) -> Fault {
    let who = |chance: &mut Stream, most: u32| {
        let count = chance.within(1, u64::from(most.max(1)));
        let picked = (0..count).map(|_| chance.below(u64::from(nodes)) as u32);
        NodeSet::of(picked.collect())
    };
    let third = nodes / 3;
    let span = |chance: &mut Stream, low, high| Duration::from_millis(chance.within(low, high));
    match chance.below(14) {
        0 => Fault::Crash(who(chance, third)),
        1 | 2 => Fault::Restart(who(chance, third)),
        3 => Fault::Move(who(chance, 2)),
        4 => Fault::Leave(who(chance, 2)),
        5 => Fault::Tag(who(chance, third)),
        6 | 7 => Fault::Pause(who(chance, third), span(chance, 100, 40_000)),
        8 => Fault::Slow(
            who(chance, third),
            Duration::from_micros(chance.within(500, 20_000)),
            span(chance, 1_000, 30_000),
        ),
        9 => {
            let ppm = chance.within(0, 400) as i32 - 200;
            Fault::Drift(who(chance, third), ppm)
        }
        10 => Fault::Split(who(chance, nodes / 2), span(chance, 500, 90_000)),
        11 => Fault::Cut(
            who(chance, third),
            who(chance, nodes),
            span(chance, 500, 60_000),
        ),
        12 => Fault::Loss(
            who(chance, nodes),
            chance.within(1, 30) as f64 / 100.0,
            span(chance, 1_000, 60_000),
        ),
        _ if chance.chance(0.5) => Fault::Duplicate(0.2, span(chance, 1_000, 60_000)),
        _ => Fault::Reorder(0.2, span(chance, 1_000, 60_000)),
    }
}
