//! C3 and C4: how fast news spread, and whether they reach everybody.

use std::time::Duration;

use super::{Size, sync_cycle, unbroken};
use crate::cluster::{Aim, Boot, Cluster};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::figure::{Figure, Goal, percentile, sorted};
use crate::nodes::NodeSet;

/// How often gossip is sent: the goal counts in it.
const GOSSIP: f64 = 0.2;

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    let sizes: &[(u32, u64)] = size.pick(
        &[
            (32, 50),
            (128, 50),
            (512, 30),
            (1000, 30),
            (2048, 5),
            (10_000, 1),
        ],
        &[(32, 10), (128, 10), (1000, 3)],
        &[(32, 10), (128, 10), (1000, 1)],
    );
    for (nodes, seeds) in sizes {
        let runs: Vec<Vec<Vec<Duration>>> = (0..*seeds)
            .map(|seed| spread::<E>(size, seed, *nodes))
            .collect();
        let round = f64::from(*nodes).log2() * GOSSIP;
        for (kind, what) in ["leave", "tag", "join"].iter().enumerate() {
            // The baseline knows no tags.
            if runs.iter().all(|run| run[kind].is_empty()) {
                continue;
            }
            let all = sorted(runs.iter().flat_map(|run| run[kind].clone()).collect());
            let last = sorted(
                runs.iter()
                    .filter_map(|run| run[kind].last().copied())
                    .collect(),
            );
            let name = |part: &str| format!("C3 {what}, {part} @{nodes}");
            figures.extend([
                Figure::seconds(
                    name("p99"),
                    percentile(&all, 0.99),
                    Goal::AtMost(0.35 * round),
                ),
                Figure::seconds(
                    name("last, p50"),
                    percentile(&last, 0.5),
                    Goal::AtMost(0.5 * round),
                ),
                Figure::seconds(name("last, worst"), percentile(&last, 1.0), Goal::Any),
            ]);
        }
    }
    figures
}

/// How long each node took to learn that one left, that one changed a tag, and that one joined.
fn spread<E: Engine>(size: Size, seed: u64, nodes: u32) -> Vec<Vec<Duration>> {
    let mut plan = size.plan(seed, nodes);
    let last = nodes - 1;
    plan.boot = Boot::Formed(last);
    let mut cluster = Cluster::<E>::new(plan);
    cluster.run_for(Duration::from_secs(5));
    let (leaver, changer) = (nodes / 2, nodes / 3);

    let left = cluster.watch(leaver, Aim::Gone);
    cluster.inflict(&Fault::Leave(NodeSet::one(leaver)));
    cluster.run_for(Duration::from_secs(4));

    cluster.inflict(&Fault::Tag(NodeSet::one(changer)));
    let version = own_tag(&cluster, changer);
    let tagged = (version > 0).then(|| cluster.watch(changer, Aim::Tagged(version)));
    cluster.run_for(Duration::from_secs(4));

    let joined = cluster.watch(last, Aim::There(0));
    cluster.inflict(&Fault::Restart(NodeSet::one(last)));
    cluster.run_for(Duration::from_secs(4));

    unbroken("C3", &cluster);
    let learned = |watch: Option<usize>, about: u32| {
        let mut members = cluster.members();
        members.retain(|member| *member != about && *member != last);
        watch.map_or_else(Vec::new, |watch| cluster.watched(watch).delays(&members))
    };
    vec![
        learned(Some(left), leaver),
        learned(tagged, changer),
        learned(Some(joined), last),
    ]
}

fn own_tag<E: Engine>(cluster: &Cluster<E>, node: u32) -> u64 {
    let engine = cluster.nodes()[node as usize].engine.as_ref();
    engine
        .and_then(|engine| engine.row(node))
        .map_or(0, |row| row.tag)
}

pub(super) fn completeness<E: Engine>(size: Size) -> Vec<Figure> {
    let seeds = size.pick(1000, 150, 30);
    let nodes = 64;
    let mut figures = Vec::new();
    for loss in [0.0, 0.05, 0.1] {
        let mut missed = [0; 4];
        for seed in 0..seeds {
            let run = misses::<E>(size, seed, nodes, loss);
            for (sum, missed) in missed.iter_mut().zip(run) {
                *sum += missed;
            }
        }
        for (kind, what) in ["leave", "tag", "join", "crash"].iter().enumerate() {
            if *what == "tag" && E::NAME == "foca" {
                continue;
            }
            let percent = loss * 100.0;
            let name = format!("C4 {what} missed, {percent:.0} % loss, {seeds} seeds @{nodes}");
            // Scaled, so that the columns compare.
            figures.push(Figure::count(name, missed[kind], Goal::AtMost(0.0)));
        }
    }
    if size.baseline {
        let own = Size {
            baseline: false,
            ..size
        };
        let own = own.pick(1000, 150, 30).to_string();
        for figure in &mut figures {
            figure.name = figure
                .name
                .replace(&format!("{seeds} seeds"), &format!("{own} seeds"));
        }
    }
    figures
}

/// How many nodes have not learned of each event one full exchange later.
fn misses<E: Engine>(size: Size, seed: u64, nodes: u32, loss: f64) -> [u64; 4] {
    let mut plan = size.plan(seed, nodes);
    let last = nodes - 1;
    plan.boot = Boot::Formed(last);
    plan.link.loss = loss;
    let mut cluster = Cluster::<E>::new(plan);
    cluster.run_for(Duration::from_secs(3));
    let subjects = [nodes / 2, nodes / 3, last, nodes / 4];
    let left = cluster.watch(subjects[0], Aim::Gone);
    let joined = cluster.watch(last, Aim::There(0));
    let crashed = cluster.watch(subjects[3], Aim::Gone);
    cluster.inflict(&Fault::Leave(NodeSet::one(subjects[0])));
    cluster.inflict(&Fault::Tag(NodeSet::one(subjects[1])));
    let version = own_tag(&cluster, subjects[1]);
    let tagged = cluster.watch(subjects[1], Aim::Tagged(version));
    cluster.inflict(&Fault::Restart(NodeSet::one(last)));
    cluster.inflict(&Fault::Crash(NodeSet::one(subjects[3])));
    // The longest suspicion is added for the crash.
    cluster.run_for(sync_cycle(nodes) + Duration::from_secs(45));
    unbroken("C4", &cluster);
    let count = |watch: usize, about: u32| {
        let mut members = cluster.members();
        // Who started after it was gone need never hear of it.
        members
            .retain(|member| *member != about && (*member != last || knows(&cluster, last, about)));
        let known = cluster.watched(watch).delays(&members).len();
        (members.len() - known) as u64
    };
    [
        count(left, subjects[0]),
        count(tagged, subjects[1]),
        count(joined, last),
        count(crashed, subjects[3]),
    ]
}

fn knows<E: Engine>(cluster: &Cluster<E>, node: u32, about: u32) -> bool {
    let engine = cluster.nodes()[node as usize].engine.as_ref();
    engine.is_some_and(|engine| engine.row(about).is_some())
}
