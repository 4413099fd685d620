//! What counting costs: calls that both sides count, beside calls that neither does.
//!
//! Two servers of one program and two clients of this one, which differ in
//! `RpcConfig::with_metrics` alone. Short slices of both by turns, each first as often as second;
//! several rounds of processes made anew.

use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::percentile::percentile;
use crate::service::ECHO;
use crate::site::Site;
use bytes::Bytes;
use futures::{StreamExt, stream};
use rpcnet::{CallOptions, RpcClient};
use std::time::{Duration, Instant};

/// What is left of the rate of calls that are not counted, at least.
const RATIO_MIN: f64 = 0.98;

/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 64;

/// Calls at once.
const IN_FLIGHT: usize = 256;

/// Calls in a slice, few enough that both see the same machine.
const SLICE: usize = 16 * IN_FLIGHT;

/// Pairs of slices before those that count, of each round.
const WARM_UP: usize = 8;

/// Pairs of slices of a round.
const PAIRS: usize = 40;

pub(super) async fn measure(scale: Scale) -> Outcome {
    // Processes differ for as long as they live, by where their memory came to lie.
    let rounds: usize = scale.pick(120, 4);
    let site = Site::new()?;
    let mut ratios = Vec::new();
    let mut medians = Vec::new();
    for _ in 0..rounds {
        let mut round = round(&site).await?;
        medians.push(percentile(&mut round, 0.5));
        ratios.append(&mut round);
    }
    let median = percentile(&mut ratios, 0.5);
    let mut measured = Measured::default();
    measured.note(format!(
        "{IN_FLIGHT} in flight, {} pairs: rate x {median:.4}, half of them {:.4} to {:.4}; \
         of {rounds} rounds {:.4} to {:.4}",
        ratios.len(),
        percentile(&mut ratios, 0.25),
        percentile(&mut ratios, 0.75),
        percentile(&mut medians, 0.0),
        percentile(&mut medians, 1.0),
    ));
    measured.at_least("metrics-cost", median, "ratio", RATIO_MIN);
    Ok(measured)
}

/// The ratios of one pair of servers and its clients.
async fn round(site: &Site) -> Result<Vec<f64>, BoxError> {
    let counted = site.serve("127.0.0.1:0", &[]).await?;
    let bare = site.serve("127.0.0.1:0", &["--without-metrics"]).await?;
    let config = site.client_config().with_own_socket();
    let on = RpcClient::connect(counted.addr(), config.clone()).await?;
    let off = RpcClient::connect(bare.addr(), config.with_metrics(false)).await?;
    let mut ratios = Vec::new();
    for pair in 0..WARM_UP + PAIRS {
        let (with, without) = if pair % 2 == 0 {
            let with = slice(&on).await?;
            (with, slice(&off).await?)
        } else {
            let without = slice(&off).await?;
            (slice(&on).await?, without)
        };
        if pair >= WARM_UP {
            ratios.push(without.as_secs_f64() / with.as_secs_f64());
        }
    }
    let calls = ((WARM_UP + PAIRS) * SLICE) as u64;
    let metrics = on.metrics();
    let counted = metrics.method(ECHO).map(|echo| echo.ok);
    if counted != Some(calls) || !off.metrics().methods.is_empty() {
        return Err(format!("{calls} calls were made, {counted:?} were counted").into());
    }
    Ok(ratios)
}

/// How long the calls of a slice took.
async fn slice(client: &RpcClient) -> Result<Duration, BoxError> {
    let began = Instant::now();
    let mut calls = stream::iter(0..SLICE)
        .map(|_| {
            let payload = Bytes::from(vec![b't'; PAYLOAD_BYTES]);
            client.call_bytes(ECHO, payload, CallOptions::new())
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some(echoed) = calls.next().await {
        if echoed?.len() != PAYLOAD_BYTES {
            return Err("another payload came back".into());
        }
    }
    Ok(began.elapsed())
}
