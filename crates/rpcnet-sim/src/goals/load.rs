//! C6: what it costs when nothing happens.

use std::time::Duration;

use super::{Size, sync_cycle, unbroken};
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::figure::{Figure, Goal};

/// After that long every node has compared its view once, which it does sooner than usual.
const WARM_UP: Duration = Duration::from_secs(35);

/// For so long at least is counted.
const TIME_MIN: Duration = Duration::from_secs(120);

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut rates = Vec::new();
    let sizes: &[u32] = size.pick(&[32, 128, 1000, 10_000], &[32, 128, 1000], &[32, 128, 1000]);
    for nodes in sizes {
        let idle = idle::<E>(size, *nodes);
        rates.push(idle.messages);
        let name = |what: &str| format!("C6 idle, {what} @{nodes}");
        figures.extend([
            Figure::new(
                name("messages/node/s"),
                idle.messages,
                "",
                Goal::AtMost(6.0),
            ),
            Figure::new(name("bytes/node/s"), idle.bytes, "", Goal::AtMost(300.0)),
        ]);
        if let Some(bytes) = idle.bytes_per_sync {
            let goal = Goal::AtMost(3.0 * 1024.0);
            figures.push(Figure::new(
                name("bytes per equal exchange"),
                bytes,
                "",
                goal,
            ));
        }
    }
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let off = rates.iter().map(|rate| (rate / mean - 1.0).abs() * 100.0);
    let off = off.fold(0.0, f64::max);
    figures.push(Figure::new(
        "C6 messages, farthest from the mean",
        off,
        "%",
        Goal::AtMost(5.0),
    ));
    figures
}

struct Idle {
    messages: f64,
    bytes: f64,
    bytes_per_sync: Option<f64>,
}

fn idle<E: Engine>(size: Size, nodes: u32) -> Idle {
    let mut plan = size.plan(1, nodes);
    plan.check = nodes <= 1000;
    let mut cluster = Cluster::<E>::new(plan);
    cluster.run_for(WARM_UP);
    let before = cluster.counts().clone();
    // As many exchanges as there are on average, however seldom they come.
    let cycle = sync_cycle(nodes);
    let cycles = TIME_MIN.as_secs_f64() / cycle.as_secs_f64();
    let time = cycle.mul_f64(cycles.ceil());
    cluster.run_for(time);
    unbroken("C6", &cluster);
    let after = cluster.counts();
    let per_node = |count: u64| count as f64 / f64::from(nodes) / time.as_secs_f64();
    let of_kind = |part: &str| {
        let kinds = E::KINDS.iter().enumerate();
        let wanted = kinds.filter(move |(_, kind)| kind.starts_with(part));
        wanted.map(|(kind, _)| kind).collect::<Vec<usize>>()
    };
    let bytes: u64 = of_kind("sync")
        .iter()
        .map(|kind| after.bytes[*kind] - before.bytes[*kind])
        .sum();
    let syncs = E::KINDS.iter().position(|kind| *kind == "sync");
    let syncs = syncs.map(|kind| after.messages[kind] - before.messages[kind]);
    Idle {
        messages: per_node(after.messages_sent() - before.messages_sent()),
        bytes: per_node(after.bytes_sent() - before.bytes_sent()),
        bytes_per_sync: syncs
            .filter(|syncs| *syncs > 0)
            .map(|syncs| bytes as f64 / syncs as f64),
    }
}
