//! Calls that are dropped at any moment leave nothing behind, in no count of either side.

use super::WORKERS;
use super::crew::Crew;
use super::worker::{RUNNING, Terms};
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Load, Shape};
use crate::service::HOLD_STREAM;
use crate::settle::settles;
use crate::verify::verify;
use rpcnet::CallOptions;
use rpcnet::cluster::ClusterClient;
use rpcnet_testkit::chaos::Random;
use rpcnet_testkit::ledger::Outcome as End;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Drops calls, and streams.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let amount: u64 = plan.scale.pick(100_000, 10_000);
    let crew = Crew::hire(WORKERS, Terms::default()).await?;
    let shape = Shape {
        gives_up: true,
        ..Shape::default()
    };
    let load = Load::start(&crew.pool()?, plan.seed, shape);
    let mut dropped = 0;
    let are_enough = |it: &crate::load::Ending| {
        dropped += u64::from(it.outcome == End::Cancelled);
        dropped >= amount
    };
    load.first("drops", 0, DROPS_WITHIN, are_enough).await?;
    let told = load.stop().await;
    let streams = drop_streams(&crew.client, amount / 20, plan.seed).await?;

    let name = "workers-cancelled";
    let mut measured = Measured::of_seed(plan.seed);
    let cancelled = told
        .endings
        .iter()
        .filter(|it| it.outcome == End::Cancelled);
    let cancelled = cancelled.count() as f64;
    measured.at_least(format!("{name}-calls"), cancelled, "calls", amount as f64);
    measured.known(format!("{name}-streams-opened"), streams as f64, "streams");
    // The client's counts are right at once: they are guards that were dropped.
    let in_flight: usize = crew
        .registry
        .workers()
        .iter()
        .map(|it| it.in_flight())
        .sum();
    measured.at_most(format!("{name}-in-flight"), in_flight as f64, "calls", 0.0);
    let mut left = Ok(u64::MAX);
    settles(SETTLE_WITHIN, async || {
        left = running(&crew.client).await;
        matches!(left, Ok(0))
    })
    .await;
    measured.at_most(format!("{name}-running"), left? as f64, "calls", 0.0);
    let unended = verify(name, &crew.dismiss().await?, &told, &mut measured);
    measured.at_most(format!("{name}-unended"), unended as f64, "handlers", 0.0);
    Ok(measured)
}

/// Opens streams that never end and drops them at random moments, before or after they are open; returns
/// how many were.
async fn drop_streams(client: &ClusterClient, amount: u64, seed: u64) -> Result<u64, BoxError> {
    let mut streams = JoinSet::new();
    let mut opened = 0;
    for number in 0..amount {
        let mut random = Random::new(seed, number);
        let mut moment = || Duration::from_micros(random.next_u64() % 3_000);
        let (before, after) = (moment(), moment());
        let client = client.clone();
        streams.spawn(async move {
            let opens = client.call_worker_server_streaming(HOLD_STREAM, Vec::new(), None);
            let opened = timeout(before, opens).await;
            if opened.is_ok() {
                sleep(after).await;
            }
            opened.map_or(Ok(false), |opened| opened.map(|_| true))
        });
        while streams.len() >= AT_ONCE {
            let Some(stream) = streams.join_next().await else {
                break;
            };
            opened += u64::from(stream??);
        }
    }
    while let Some(stream) = streams.join_next().await {
        opened += u64::from(stream??);
    }
    Ok(opened)
}

/// How many calls all workers together run.
async fn running(client: &ClusterClient) -> Result<u64, BoxError> {
    let asked = client.call_all(RUNNING, Vec::new(), None, CallOptions::new());
    let mut running = 0;
    for asked in asked.await? {
        let answer = asked.result?;
        let count = <[u8; 8]>::try_from(answer.as_slice());
        running += u64::from_be_bytes(count.map_err(|_| "a worker's count is unreadable")?);
    }
    Ok(running)
}

/// Streams that are open at once.
const AT_ONCE: usize = 64;

const DROPS_WITHIN: Duration = Duration::from_secs(600);

/// A call that was dropped is gone from its worker within this time.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);
