//! C10: how large a cluster this machine can simulate.

use std::time::{Duration, Instant};

use super::{Size, unbroken};
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::figure::{Figure, Goal, peak_gb};
use crate::nodes::NodeSet;

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let nodes = size.pick(10_000, 2_000, 1_000);
    let time = Duration::from_secs(size.pick(600, 60, 60));
    let began = Instant::now();
    let (hash, events) = run::<E>(size, nodes, time);
    let took = began.elapsed();
    // As much real time as simulated time, at full size.
    let limit = size.pick(600.0, 60.0, 60.0);
    let again = run::<E>(size, nodes, time).0;
    let seconds = time.as_secs();
    let name = |what: &str| format!("C10 {what}, {seconds} s @{nodes}");
    vec![
        Figure::seconds(name("wall time"), took, Goal::AtMost(limit)),
        Figure::new(name("most memory"), peak_gb(), "GB", Goal::AtMost(2.0)),
        Figure::count(name("events"), events, Goal::Any),
        Figure::count(
            name("runs that differ"),
            u64::from(hash != again),
            Goal::AtMost(0.0),
        ),
    ]
}

fn run<E: Engine>(size: Size, nodes: u32, time: Duration) -> (u64, u64) {
    let mut cluster = Cluster::<E>::new(size.plan(7, nodes));
    cluster.run_for(time / 4);
    cluster.inflict(&Fault::Crash(NodeSet::range(nodes - 10, nodes - 1)));
    cluster.run_for(time - time / 4);
    unbroken("C10", &cluster);
    (cluster.trace().hash(), cluster.trace().count())
}
