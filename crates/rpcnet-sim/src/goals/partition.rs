//! C9: every node knows its side of a split, and all is well soon after.

use std::time::Duration;

use rpcnet_proto::swim::stable_after;

use super::{Size, cut, unbroken};
use crate::clock::Time;
use crate::cluster::Cluster;
use crate::engine::{Engine, Side};
use crate::fault::Fault;
use crate::figure::{Figure, Goal};
use crate::nodes::NodeSet;

const PATIENCE: Duration = Duration::from_secs(300);
const GRAIN: Duration = Duration::from_millis(100);

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let second = Duration::from_secs;
    let mut figures = Vec::new();
    let splits: &[(u32, &str, Duration)] = &[
        (64, "5 s", second(5)),
        (64, "30 s", second(30)),
        (64, "2 m", second(120)),
        (64, "10 m", second(600)),
        (16, "1 h", second(3_600)),
        (8, "24 h", second(86_400)),
    ];
    let splits = &splits[..size.pick(6, 5, 3)];
    let seeds = size.pick(10, 2, 1);
    let mut rejoins = 0;
    for (nodes, name, lasts) in splits {
        // A third is cut off: the others are the majority.
        let minority = NodeSet::range(0, nodes / 3 - 1);
        let fault = Fault::Split(minority.clone(), *lasts);
        let seeds = if *lasts > PATIENCE * 2 { 1 } else { seeds };
        let split = worst::<E>(size, seeds, *nodes, &fault, &minority, *lasts);
        if *lasts > stable_after(*nodes as usize) + second(2) && E::NAME != "foca" {
            let goal = Goal::AtMost((stable_after(*nodes as usize) + second(2)).as_secs_f64());
            let name = format!("C9 split of {name}, all know their side, worst @{nodes}");
            figures.push(Figure::seconds(name, split.known, goal));
        }
        let name = format!("C9 split of {name}, healed, worst @{nodes}");
        figures.push(Figure::seconds(name, split.healed, Goal::AtMost(10.0)));
        rejoins += split.rejoins;
    }
    figures.push(Figure::count(
        "C9 new identities",
        rejoins,
        Goal::AtMost(0.0),
    ));
    let one_way = NodeSet::range(0, 20);
    let lasts = second(60);
    let fault = Fault::Cut(one_way.clone(), NodeSet::range(21, 63), lasts);
    let split = worst::<E>(size, seeds, 64, &fault, &one_way, lasts);
    figures.push(Figure::seconds(
        "C9 one way cut of 1 m, healed @64",
        split.healed,
        Goal::AtMost(10.0),
    ));
    // Two groups do not hear each other, but both hear the rest.
    let fault = Fault::Cut(NodeSet::range(0, 15), NodeSet::range(16, 31), lasts);
    let split = worst::<E>(size, seeds, 64, &fault, &NodeSet::default(), lasts);
    let name = "C9 two groups cut one way for 1 m, false failures @64";
    figures.push(Figure::count(name, split.failed, Goal::AtMost(0.0)));
    figures.extend(cut::measure::<E>(size));
    figures
}

/// The worst of several seeds in each respect.
fn worst<E: Engine>(
    size: Size,
    seeds: u64,
    nodes: u32,
    fault: &Fault,
    minority: &NodeSet,
    lasts: Duration,
) -> Partition {
    let mut worst = Partition::default();
    for seed in 0..seeds {
        let one = partition::<E>(size, seed, nodes, fault, minority, lasts);
        worst.known = worst.known.max(one.known);
        worst.healed = worst.healed.max(one.healed);
        worst.failed += one.failed;
        worst.rejoins += one.rejoins;
    }
    worst
}

#[derive(Debug, Default)]
struct Partition {
    /// How long after the beginning the last node knew its side, and all knew it until the end.
    known: Duration,
    /// How long after the end all views were whole.
    healed: Duration,
    failed: u64,
    rejoins: u64,
}

fn partition<E: Engine>(
    size: Size,
    seed: u64,
    nodes: u32,
    fault: &Fault,
    minority: &NodeSet,
    lasts: Duration,
) -> Partition {
    let mut cluster = Cluster::<E>::new(size.plan(seed, nodes));
    cluster.run_for(Duration::from_secs(20));
    let began = cluster.now();
    cluster.inflict(fault);
    let end = began + lasts;
    let mut known = began;
    // After five minutes a side that is known stays known, or the end shows it.
    let watched = end.min(began + PATIENCE);
    while cluster.now() < watched {
        cluster.run_until((cluster.now() + GRAIN).min(watched));
        if !all_know_their_side(&cluster, minority) && cluster.now() < watched {
            known = cluster.now() + GRAIN;
        }
    }
    cluster.run_until(end);
    if !all_know_their_side(&cluster, minority) {
        known = end;
    }
    let healed = heal(&mut cluster, end);
    unbroken("C9", &cluster);
    Partition {
        known: known.since(began),
        healed,
        failed: cluster.counts().false_failed,
        rejoins: cluster.rejoins(),
    }
}

fn all_know_their_side<E: Engine>(cluster: &Cluster<E>, minority: &NodeSet) -> bool {
    (0..).zip(cluster.nodes()).all(|(node, state)| {
        let side = state.engine.as_ref().and_then(Engine::side);
        let wanted = if minority.contains(node) {
            Side::Minority
        } else {
            Side::Majority
        };
        side.is_none_or(|side| side == wanted)
    })
}

fn heal<E: Engine>(cluster: &mut Cluster<E>, end: Time) -> Duration {
    cluster.run_while(end + PATIENCE, GRAIN, |cluster| !cluster.is_converged());
    cluster.now().since(end)
}
