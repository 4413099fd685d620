//! C6: what a cluster costs in which nothing happens.

use super::NODES;
use super::fleet::{Fleet, PATIENCE};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::told::{Told, What};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Looks at the cables of a cluster that is left alone.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let lasts = Duration::from_secs(scale.pick(300, 20));
    let mut fleet = Fleet::new(NODES, |_| false).await?;
    // What joining left to be said is said by then.
    sleep(Duration::from_secs(scale.pick(60, 8))).await;
    let before = (sent(&mut fleet).await?, fleet.network.traffic().await?);
    let began = Instant::now();
    sleep(lasts).await;
    let after = (sent(&mut fleet).await?, fleet.network.traffic().await?);
    let node_seconds = began.elapsed().as_secs_f64() * NODES as f64;
    fleet.check()?;

    let mut measured = Measured::default();
    let mut report = |what: &str, unit, before: u64, after: u64| {
        let rate = after.saturating_sub(before) as f64 / node_seconds;
        measured.known(format!("cluster-idle-{what}"), rate, unit);
    };
    let ((messages, bytes), (messages_after, bytes_after)) = (before.0, after.0);
    report("messages-per-node", "1/s", messages, messages_after);
    report("gossip-bytes-per-node", "B/s", bytes, bytes_after);
    let sum = |part: fn(&rpcnet_testkit::netns::Traffic) -> u64| {
        let total = |traffic: &[_]| traffic.iter().map(part).sum::<u64>();
        (total(&before.1), total(&after.1))
    };
    let (packets, packets_after) = sum(|traffic| traffic.sent_packets);
    report("packets-per-node", "1/s", packets, packets_after);
    let (wire, wire_after) = sum(|traffic| traffic.sent_bytes);
    report("wire-bytes-per-node", "B/s", wire, wire_after);
    Ok(measured)
}

/// What all members together sent: messages, and their bytes.
async fn sent(fleet: &mut Fleet) -> Result<(u64, u64), BoxError> {
    let start = fleet.record.len();
    for node in 0..NODES {
        fleet.say(node, "sent").await?;
    }
    let all = |told: &[Told]| {
        let sent = told
            .get(start..)?
            .iter()
            .filter_map(|told| match told.what {
                What::Sent { messages, bytes } => Some((told.node.clone(), (messages, bytes))),
                _ => None,
            });
        let sent: BTreeMap<String, (u64, u64)> = sent.collect();
        let total = |sum: (u64, u64), one: &(u64, u64)| (sum.0 + one.0, sum.1 + one.1);
        (sent.len() == NODES).then(|| sent.values().fold((0, 0), total))
    };
    fleet.record.until("counters", PATIENCE, all).await
}
