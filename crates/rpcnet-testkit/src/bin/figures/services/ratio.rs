//! What a typed call takes beside a raw one with a payload of the same length.

use super::definition::{PlantClient, service};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::percentile::percentile_ms;
use crate::service::ECHO;
use crate::site::Site;
use bytes::Bytes;
use futures::{StreamExt, stream};
use rpcnet::{CallOptions, Carrier, InProcess, RpcClient};
use std::future::Future;
use std::time::{Duration, Instant};

/// Bytes of a payload; the text has one less, for its length.
const PAYLOAD_BYTES: usize = 64;

/// A typed call takes at most this much of a raw one's time.
const RATIO_MAX: f64 = 1.05;

/// Pairs of slices in a round, short enough that both see the same machine.
const PAIRS: usize = 24;

/// Calls in a slice.
const SLICE: usize = 192;

pub(super) async fn measure(scale: Scale) -> Outcome {
    let rounds: usize = scale.pick(15, 7);
    let site = Site::new()?;
    let server = site.serve("127.0.0.1:0", &[]).await?;
    let rpc = site.client(server.addr()).await?;
    let plant = PlantClient::new(rpc.clone());
    let mut measured = Measured::default();
    for in_flight in [1, 64] {
        round(&rpc, &plant, in_flight).await?;
        let mut ratios = Vec::new();
        let (mut typed, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let took = round(&rpc, &plant, in_flight).await?;
            ratios.push(took.typed.as_secs_f64() / took.raw.as_secs_f64());
            typed.push(took.typed / (PAIRS * SLICE) as u32);
            raw.push(took.raw / (PAIRS * SLICE) as u32);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        measured.note(format!(
            "{in_flight} in flight: {:.2} us typed, {:.2} us raw, ratios {:.3} to {:.3}",
            percentile_ms(&mut typed, 0.5) * 1e3,
            percentile_ms(&mut raw, 0.5) * 1e3,
            ratios.first().copied().unwrap_or(f64::NAN),
            ratios.last().copied().unwrap_or(f64::NAN),
        ));
        let median = ratios.get(rounds / 2).copied().unwrap_or(f64::NAN);
        let name = format!("typed-over-raw-{in_flight}-in-flight");
        measured.at_most(name, median, "ratio", RATIO_MAX);
    }
    let near = PlantClient::new(InProcess::new(service()));
    let calls: u32 = scale.pick(200_000, 50_000);
    let began = Instant::now();
    for _ in 0..calls {
        echo(&near).await?;
    }
    let each = began.elapsed() / calls;
    measured.note(format!("in process: {} ns a call", each.as_nanos()));
    Ok(measured)
}

/// How long the calls of a round took.
#[derive(Default)]
struct Took {
    typed: Duration,
    raw: Duration,
}

/// Slices of typed and raw calls in turn, each first as often as second.
async fn round(rpc: &RpcClient, plant: &PlantClient, in_flight: usize) -> Result<Took, BoxError> {
    let mut took = Took::default();
    for pair in 0..PAIRS {
        if pair % 2 == 0 {
            took.typed += slice(in_flight, || echo(plant)).await?;
            took.raw += slice(in_flight, || raw_echo(rpc)).await?;
        } else {
            took.raw += slice(in_flight, || raw_echo(rpc)).await?;
            took.typed += slice(in_flight, || echo(plant)).await?;
        }
    }
    Ok(took)
}

/// Makes the calls of a slice, so many at once, and returns how long they took.
async fn slice<F>(in_flight: usize, call: impl Fn() -> F) -> Result<Duration, BoxError>
where
    F: Future<Output = Result<(), BoxError>>,
{
    let began = Instant::now();
    if in_flight == 1 {
        for _ in 0..SLICE {
            call().await?;
        }
        return Ok(began.elapsed());
    }
    let mut calls = stream::iter(0..SLICE)
        .map(|_| call())
        .buffer_unordered(in_flight);
    while let Some(ended) = calls.next().await {
        ended?;
    }
    Ok(began.elapsed())
}

async fn echo<C: Carrier>(plant: &PlantClient<C>) -> Result<(), BoxError> {
    let text = "t".repeat(PAYLOAD_BYTES - 1);
    let echoed = plant.echo(text).await?;
    if echoed.len() != PAYLOAD_BYTES - 1 {
        return Err("another text came back".into());
    }
    Ok(())
}

async fn raw_echo(rpc: &RpcClient) -> Result<(), BoxError> {
    let payload = Bytes::from(vec![b't'; PAYLOAD_BYTES]);
    let echoed = rpc.call_bytes(ECHO, payload, CallOptions::new()).await?;
    if echoed.len() != PAYLOAD_BYTES {
        return Err("another payload came back".into());
    }
    Ok(())
}
