//! C7: lost messages are no failures.

use std::time::Duration;

use super::{Size, unbroken};
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::figure::{Figure, Goal};

const NODES: u32 = 100;

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    let seconds = size.pick(10_000, 2_000, 600);
    for (loss, per_hundred_thousand) in [(0.01, 0.0), (0.05, 0.0), (0.1, 0.0), (0.2, 1.0)] {
        let (failed, rejoins) = lossy::<E>(size, loss, seconds);
        let node_seconds = f64::from(NODES) * seconds as f64;
        let scale = 100_000.0 / node_seconds;
        let name = |what: &str| format!("C7 {what} at {:.0} % loss", loss * 100.0);
        figures.extend([
            Figure::new(
                name("false failures"),
                failed as f64 * scale,
                "/1e5 node-s",
                Goal::AtMost(per_hundred_thousand),
            ),
            Figure::new(
                name("new identities"),
                rejoins as f64 * scale,
                "/1e5 node-s",
                Goal::AtMost(0.0),
            ),
        ]);
    }
    figures
}

fn lossy<E: Engine>(size: Size, loss: f64, seconds: u64) -> (u64, u64) {
    let mut plan = size.plan(1, NODES);
    plan.link.loss = loss;
    let mut cluster = Cluster::<E>::new(plan);
    let before = epochs(&cluster);
    cluster.run_for(Duration::from_secs(seconds));
    unbroken("C7", &cluster);
    let after = epochs(&cluster);
    let renewed = after
        .iter()
        .zip(&before)
        .filter(|(after, before)| after != before);
    (
        cluster.counts().false_failed,
        cluster.rejoins() + renewed.count() as u64,
    )
}

fn epochs<E: Engine>(cluster: &Cluster<E>) -> Vec<u64> {
    let engines = (0..).zip(cluster.nodes());
    let rows = engines.filter_map(|(node, state)| state.engine.as_ref()?.row(node));
    rows.map(|row| row.epoch).collect()
}
