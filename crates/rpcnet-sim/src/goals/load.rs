//! C6: what it costs when nothing happens.

use std::time::Duration;

use super::{Size, unbroken};
use crate::cluster::{Cluster, Plan};
use crate::engine::Engine;
use crate::figure::{Figure, Goal};

pub(super) fn measure<E: Engine>(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut rates = Vec::new();
    let sizes: &[u32] = size.pick(&[32, 128, 1000, 10_000], &[32, 128, 1000], &[32, 128, 1000]);
    for nodes in sizes {
        let idle = idle::<E>(*nodes);
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

fn idle<E: Engine>(nodes: u32) -> Idle {
    let mut plan = Plan::new(1, nodes);
    plan.check = nodes <= 1000;
    let mut cluster = Cluster::<E>::new(plan);
    cluster.run_for(Duration::from_secs(30));
    let before = cluster.counts().clone();
    let time = 120.0;
    cluster.run_for(Duration::from_secs_f64(time));
    unbroken("C6", &cluster);
    let after = cluster.counts();
    let per_node = |count: u64| count as f64 / f64::from(nodes) / time;
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
