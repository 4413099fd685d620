//! C1: how long it takes until a crash is known.

use std::time::Duration;

use super::{Size, unbroken};
use crate::chance::{Purpose, Stream};
use crate::cluster::{Aim, Cluster};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::figure::{Figure, Goal, percentile, sorted};
use crate::nodes::NodeSet;

/// For so long a cluster runs before anything happens, so that round trips have been measured.
const WARM_UP: Duration = Duration::from_secs(15);

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    let sizes = [
        (128, size.pick(200, 100, 10), Some(5.0)),
        (1000, size.pick(200, 5, 2), Some(7.0)),
    ];
    for (nodes, seeds, goal) in sizes {
        let runs: Vec<Detection> = (0..seeds)
            .map(|seed| detect::<E>(size, seed, nodes))
            .collect();
        let first = sorted(runs.iter().map(|run| run.first).collect());
        let lag = sorted(runs.iter().map(|run| run.last - run.first).collect());
        let unaware = runs.iter().map(|run| run.unaware).sum();
        let goal = goal.map_or(Goal::Any, Goal::AtMost);
        let name = |what: &str| format!("C1 crash, {what} @{nodes}");
        figures.extend([
            Figure::seconds(name("first to know, p50"), percentile(&first, 0.5), goal),
            Figure::seconds(
                name("first to know, p99"),
                percentile(&first, 0.99),
                Goal::Any,
            ),
            Figure::seconds(
                name("from first to last, p50"),
                percentile(&lag, 0.5),
                Goal::AtMost(1.0),
            ),
            Figure::seconds(
                name("from first to last, p99"),
                percentile(&lag, 0.99),
                Goal::Any,
            ),
            Figure::count(name("nodes that never know"), unaware, Goal::AtMost(0.0)),
        ]);
    }
    figures
}

struct Detection {
    first: Duration,
    last: Duration,
    unaware: u64,
}

fn detect<E: Engine>(size: Size, seed: u64, nodes: u32) -> Detection {
    let mut cluster = Cluster::<E>::new(size.plan(seed, nodes));
    let mut chance = Stream::new(seed, Purpose::Scenario, 2);
    cluster.run_for(WARM_UP + Duration::from_millis(chance.within(0, 2_000)));
    let victim = u32::try_from(chance.below(u64::from(nodes))).unwrap_or(0);
    let watch = cluster.watch(victim, Aim::Gone);
    cluster.inflict(&Fault::Crash(NodeSet::one(victim)));
    let members = cluster.members();
    let end = cluster.now() + Duration::from_secs(90);
    let everybody = members.len();
    cluster.run_while(end, Duration::from_millis(500), |cluster| {
        cluster.watched(watch).delays(&members).len() < everybody
    });
    unbroken("C1", &cluster);
    let delays = cluster.watched(watch).delays(&members);
    Detection {
        first: delays.first().copied().unwrap_or(Duration::from_secs(90)),
        last: delays.last().copied().unwrap_or(Duration::from_secs(90)),
        unaware: (everybody - delays.len()) as u64,
    }
}
