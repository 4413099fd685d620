//! C9 again: a small cluster, cut in every way on hosts that have other things to do, many times.

use std::time::Duration;

use rpcnet_proto::swim::stable_after;

use super::{Size, unbroken};
use crate::chance::{Purpose, Stream};
use crate::clock::Time;
use crate::cluster::{Cluster, Plan};
use crate::engine::{Engine, Side, Wire};
use crate::fault::{Fault, Timed};
use crate::figure::{Figure, Goal, percentile, sorted};
use crate::network::Link;
use crate::nodes::NodeSet;

const NODES: u32 = 16;
const WARM_UP: Duration = Duration::from_secs(20);
const GRAIN: Duration = Duration::from_millis(20);
const LASTS: Duration = Duration::from_secs(45);
const PATIENCE: Duration = Duration::from_secs(40);

/// How the nodes are cut: the first so many from the rest.
#[derive(Debug, Clone, Copy)]
struct Cut {
    name: &'static str,
    first: u32,
    /// Whether what the first say does not reach the rest, and the other way round.
    mutes: (bool, bool),
}

const CUTS: [Cut; 5] = [
    Cut {
        name: "halves",
        first: NODES / 2,
        mutes: (true, true),
    },
    Cut {
        name: "a third",
        first: NODES / 3,
        mutes: (true, true),
    },
    Cut {
        name: "a mute half",
        first: NODES / 2,
        mutes: (true, false),
    },
    Cut {
        name: "a mute third",
        first: NODES / 3,
        mutes: (true, false),
    },
    Cut {
        name: "a deaf third",
        first: NODES / 3,
        mutes: (false, true),
    },
];

/// What a seed came to.
struct Known {
    /// How long after the cut the last suspected a partition.
    suspected: Duration,
    /// How long after it the last knew its side, and all knew it until the end.
    side: Duration,
    healed: Duration,
}

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let seeds = size.pick(200, 20, 1);
    let due = stable_after(NODES as usize) + Duration::from_secs(2);
    let due = Goal::AtMost(due.as_secs_f64());
    let mut figures = Vec::new();
    for cut in CUTS {
        let runs: Vec<Known> = (0..seeds).map(|seed| run::<E>(size, seed, cut)).collect();
        let name = |what: &str| format!("C9 {} of 16 cut off, {what}", cut.name);
        let mut times = |what: &str, of: fn(&Known) -> Duration, goals: [Goal; 2]| {
            let times = sorted(runs.iter().map(of).collect());
            for ((share, mark), goal) in [(0.5, "p50"), (1.0, "worst")].into_iter().zip(goals) {
                let name = name(&format!("{what}, {mark}"));
                figures.push(Figure::seconds(name, percentile(&times, share), goal));
            }
        };
        // Who says nothing of partitions or sides has neither.
        if E::NAME != "foca" {
            let goals = if cut.mutes == (true, true) {
                times("side known", |run| run.side, [Goal::Any, due]);
                [Goal::Any, due]
            } else {
                // The mute hear the others until these give them up, and now and then after that.
                [due, Goal::Any]
            };
            times("suspected", |run| run.suspected, goals);
        }
        times("healed", |run| run.healed, [Goal::Any, Goal::AtMost(10.0)]);
    }
    figures
}

fn run<E: Engine>(size: Size, seed: u64, cut: Cut) -> Known {
    let mut cluster = Cluster::<E>::new(busy(size.plan(seed, NODES)));
    let (these, those) = (
        NodeSet::range(0, cut.first - 1),
        NodeSet::range(cut.first, NODES - 1),
    );
    let mut chance = Stream::new(seed, Purpose::Scenario, 3);
    let warm_up = WARM_UP + Duration::from_millis(chance.within(0, 1_000));
    cluster.schedule(&hitches(&mut chance, warm_up + LASTS + PATIENCE));
    cluster.run_for(warm_up);
    let began = cluster.now();
    let (mute, deaf) = cut.mutes;
    if mute {
        cluster.inflict(&Fault::Cut(these.clone(), those.clone(), LASTS));
    }
    if deaf {
        cluster.inflict(&Fault::Cut(those, these, LASTS));
    }
    let end = began + LASTS;
    let mut known = (began, began);
    while cluster.now() < end {
        let next = (cluster.now() + GRAIN).min(end);
        cluster.run_until(next);
        if !all_suspect(&cluster) {
            known.0 = next;
        }
        if !all_know_their_side(&cluster, cut) {
            known.1 = next;
        }
    }
    let healed = heal(&mut cluster, end);
    unbroken("C9", &cluster);
    Known {
        suspected: known.0.since(began),
        side: known.1.since(began),
        healed,
    }
}

/// Real messages over a network of one host, whose processors others use too.
fn busy(mut plan: Plan) -> Plan {
    plan.link = Link {
        latency_min: Duration::from_micros(100),
        latency_max: Duration::from_millis(3),
        tail: 0.02,
        ..Link::default()
    };
    plan.wire = Wire {
        key_bytes: 850,
        datagram_bytes: 16_384,
    };
    plan
}

/// Every node has to wait for a processor now and then, mostly for some milliseconds.
fn hitches(chance: &mut Stream, until: Duration) -> Vec<Timed> {
    let mut hitches = Vec::new();
    for node in 0..NODES {
        let mut at = Duration::ZERO;
        while at < until {
            at += Duration::from_millis(chance.within(300, 1_500));
            let most = if chance.chance(0.1) { 250 } else { 60 };
            let lasts = Duration::from_millis(chance.within(1, most));
            let fault = Fault::Pause(NodeSet::one(node), lasts);
            hitches.push(Timed { at, fault });
        }
    }
    hitches
}

fn all_suspect<E: Engine>(cluster: &Cluster<E>) -> bool {
    let mut engines = cluster
        .nodes()
        .iter()
        .filter_map(|node| node.engine.as_ref());
    engines.all(|engine| engine.suspects_partition() != Some(false))
}

fn all_know_their_side<E: Engine>(cluster: &Cluster<E>, cut: Cut) -> bool {
    let side = |node| {
        let reached = if node < cut.first {
            cut.first
        } else {
            NODES - cut.first
        };
        match (2 * reached).cmp(&NODES) {
            std::cmp::Ordering::Less => Side::Minority,
            std::cmp::Ordering::Equal => Side::Tie,
            std::cmp::Ordering::Greater => Side::Majority,
        }
    };
    (0..).zip(cluster.nodes()).all(|(node, state)| {
        let held = state.engine.as_ref().and_then(Engine::side);
        held.is_none_or(|held| held == side(node))
    })
}

fn heal<E: Engine>(cluster: &mut Cluster<E>, end: Time) -> Duration {
    cluster.run_while(end + PATIENCE, GRAIN, |cluster| !cluster.is_converged());
    cluster.now().since(end)
}
