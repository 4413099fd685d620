//! A closed loop of calls: so many in flight, for so long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;

use crate::Error;
use crate::peer::Caller;

/// What one peer did in one repetition.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Calls that ended within the measured time, per second.
    pub(crate) calls_per_second: f64,
    /// Median and 99th percentile of a call, in microseconds.
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    /// All calls, those of the warm-up too.
    pub(crate) calls: u64,
}

/// Longest latency that is told apart, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

/// Calls without measuring for `warm_up`, then measures for `duration`.
pub(crate) async fn run(
    caller: &Caller,
    in_flight: usize,
    payload: &Bytes,
    warm_up: Duration,
    duration: Duration,
) -> Result<Sample, Error> {
    let begin = Instant::now() + warm_up;
    let end = begin + duration;
    let loops = (0..in_flight).map(|_| {
        let (caller, payload) = (caller.clone(), payload.clone());
        tokio::spawn(call_until(caller, payload, begin, end))
    });
    let mut latencies = Histogram::<u64>::new_with_max(LATENCY_MAX_US, 3)?;
    let mut calls = 0;
    for task in loops.collect::<Vec<_>>() {
        let (counted, measured) = task.await??;
        calls += counted;
        latencies.add(measured)?;
    }
    Ok(Sample {
        calls_per_second: latencies.len() as f64 / duration.as_secs_f64(),
        p50_us: latencies.value_at_quantile(0.5),
        p99_us: latencies.value_at_quantile(0.99),
        calls,
    })
}

async fn call_until(
    caller: Caller,
    payload: Bytes,
    begin: Instant,
    end: Instant,
) -> Result<(u64, Histogram<u64>), Error> {
    let mut calls = 0;
    let mut latencies = Histogram::<u64>::new_with_max(LATENCY_MAX_US, 3)?;
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((calls, latencies));
        }
        let length = caller(payload.clone()).await?;
        if length != payload.len() {
            return Err(format!("echoed {length} bytes of {}", payload.len()).into());
        }
        let done = Instant::now();
        calls += 1;
        if done >= begin && done < end {
            latencies.record(u64::try_from((done - sent).as_micros())?.min(LATENCY_MAX_US))?;
        }
    }
}
