//! C5 and C16: one joins, all boot, all restart.

use std::time::Duration;

use super::{Size, unbroken};
use crate::cluster::{Boot, Cluster};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::figure::{Figure, Goal};
use crate::nodes::NodeSet;
use crate::scenario::restart_all;

/// What takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How exact the times are.
const GRAIN: Duration = Duration::from_millis(50);

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let mut worst = Duration::ZERO;
    for seed in 0..size.pick(20, 3, 1) {
        worst = worst.max(join_one::<E>(size, seed, 1000));
    }
    let mut boot = Duration::ZERO;
    for seed in 0..size.pick(10, 1, 1) {
        boot = boot.max(boot_all::<E>(size, seed, 1000));
    }
    vec![
        Figure::seconds(
            "C5 a joiner sees everybody, worst @1000",
            worst,
            Goal::AtMost(1.0),
        ),
        Figure::seconds(
            "C5 all boot through 3 seeds, worst @1000",
            boot,
            Goal::AtMost(10.0),
        ),
    ]
}

fn join_one<E: Engine>(size: Size, seed: u64, nodes: u32) -> Duration {
    let mut plan = size.plan(seed, nodes);
    let last = nodes - 1;
    plan.boot = Boot::Formed(last);
    let mut cluster = Cluster::<E>::new(plan);
    cluster.run_for(Duration::from_secs(5));
    let began = cluster.now();
    cluster.inflict(&Fault::Restart(NodeSet::one(last)));
    cluster.run_while(began + PATIENCE, GRAIN, |cluster| {
        let engine = cluster.nodes()[last as usize].engine.as_ref();
        engine.is_none_or(|engine| engine.live() < nodes as usize)
    });
    unbroken("C5", &cluster);
    cluster.now().since(began)
}

fn boot_all<E: Engine>(size: Size, seed: u64, nodes: u32) -> Duration {
    let mut plan = size.plan(seed, nodes);
    plan.boot = Boot::Joining(nodes, Duration::from_secs(1));
    let mut cluster = Cluster::<E>::new(plan);
    let began = cluster.now();
    cluster.run_for(Duration::from_secs(1) + GRAIN);
    cluster.run_while(began + PATIENCE, GRAIN, |cluster| !cluster.is_converged());
    unbroken("C5", &cluster);
    cluster.now().since(began)
}

pub(super) fn restart<E: Engine>(size: Size) -> Vec<Figure> {
    let nodes = 1000;
    let mut worst = Duration::ZERO;
    let mut untrue = 0;
    for seed in 0..size.pick(10, 1, 1) {
        let (took, wrong) = restart_once::<E>(size, seed, nodes);
        worst = worst.max(took);
        untrue += wrong;
    }
    let name = "C16 all restart within 5 s, all see all, worst @1000";
    vec![
        Figure::seconds(name, worst, Goal::AtMost(15.0)),
        Figure::count(
            "C16 rows that are not true a minute later",
            untrue,
            Goal::AtMost(0.0),
        ),
    ]
}

fn restart_once<E: Engine>(size: Size, seed: u64, nodes: u32) -> (Duration, u64) {
    let mut cluster = Cluster::<E>::new(size.plan(seed, nodes));
    let from = Duration::from_secs(5);
    let spread = Duration::from_secs(5);
    cluster.schedule(&restart_all(seed, nodes, from, spread));
    cluster.run_for(from);
    let began = cluster.now();
    cluster.run_for(spread + GRAIN);
    cluster.run_while(began + PATIENCE, GRAIN, |cluster| !cluster.is_converged());
    let took = cluster.now().since(began);
    cluster.run_for(Duration::from_secs(60));
    let wrong = if E::IS_CHECKED {
        cluster.settled()
    } else {
        cluster.untruths().0
    };
    unbroken("C16", &cluster);
    (took, wrong)
}
