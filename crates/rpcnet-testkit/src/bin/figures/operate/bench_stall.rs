//! Whether `rpcnet bench` shows what a server that stands still for a second does to its callers.

use super::programs::Programs;
use crate::group::{BoxError, Measured, Outcome, Scale};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the server's process is stopped.
const STALL: Duration = Duration::from_secs(1);

/// Calls that are due in a second.
const RATE: f64 = 500.0;

/// Loading before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// Half of a stall, at the edge of a bucket of the result's histogram.
const LONG_US: f64 = 501_188.0;

/// The most that the share of calls which waited so long may be off, in per cent.
const SHARE_OFF_MAX: f64 = 20.0;

pub(super) async fn measure(scale: Scale) -> Outcome {
    let seconds: f64 = scale.pick(20.0, 5.0);
    let programs = Programs::build().await?;
    let mut server = programs.serve().await?;
    let rate = RATE.to_string();
    let duration = format!("{seconds}s");
    let warm_up = format!("{}ms", WARM_UP.as_millis());
    let options = [
        "--rate",
        &rate,
        "--duration",
        &duration,
        "--warm-up",
        &warm_up,
    ];
    // The pause is somewhere in what is measured; where does not matter.
    let until_pause = WARM_UP + Duration::from_secs_f64(seconds / 2.0);
    let run = programs.bench(server.addr(), &options);
    let (result, stalled) = tokio::join!(run, async {
        sleep(until_pause).await;
        server.pause().await?;
        let began = Instant::now();
        sleep(STALL).await;
        let stalled = began.elapsed();
        server.resume().await?;
        Ok::<Duration, BoxError>(stalled)
    });
    let (result, stalled) = (result?, stalled?.as_secs_f64());
    let value = |pointer| {
        let value = result.pointer(pointer).and_then(Value::as_f64);
        value.ok_or_else(|| format!("no {pointer} in the result"))
    };
    let succeeded = value("/calls/succeeded")?;
    let mut measured = Measured::default();
    measured.note(format!(
        "stopped for {stalled:.3} s of {seconds} s at {rate} calls/s"
    ));
    measured.at_most("bench-stall-lost", RATE * seconds - succeeded, "calls", 0.0);
    let max_s = value("/latency/max_us")? / 1e6;
    measured.at_least("bench-stall-max", max_s / stalled, "stalls", 0.95);
    // Those that were due in its first half.
    let expected = RATE * (stalled - LONG_US / 1e6);
    let found = long(&result).ok_or("no histogram in the result")?;
    measured.note(format!(
        "{found} calls waited for half of it, {expected:.0} were due"
    ));
    let off = (found / expected - 1.0).abs() * 100.0;
    measured.at_most("bench-stall-share", off, "%", SHARE_OFF_MAX);
    measured.known("bench-stall-p50", value("/latency/p50_us")?, "us");
    measured.known("bench-stall-p99", value("/latency/p99_us")? / 1e3, "ms");
    Ok(measured)
}

/// Calls that took longer than half the stall.
fn long(result: &Value) -> Option<f64> {
    let buckets = result.get("histogram")?.as_array()?.iter();
    let is_long = |bucket: &&Value| bucket["up_to_us"].as_f64() > Some(LONG_US);
    Some(
        buckets
            .filter(is_long)
            .filter_map(|bucket| bucket["count"].as_f64())
            .sum(),
    )
}
