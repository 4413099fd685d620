//! A closed loop of calls: so many in flight, for so long.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use futures::future::try_join_all;
use hdrhistogram::Histogram;

use crate::cost::{Counters, Memory};
use crate::runner::{Caller, Error, plan_stream};

/// What the calls do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// An echo.
    Unary,
    /// Messages streamed by the server.
    Stream,
    /// A new connection for each call.
    Connect,
    /// Echoes beside a stream of long messages on the same connection.
    Beside,
    /// So many connections that are held without a call, then one call on each.
    Idle,
}

/// A load, as the command line gives it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Work {
    /// What the calls do.
    #[arg(long, value_enum, default_value = "unary")]
    pub(crate) shape: Shape,
    /// Calls at once.
    #[arg(long, default_value_t = 1)]
    pub(crate) in_flight: usize,
    /// Bytes of a message.
    #[arg(long, default_value_t = 64)]
    pub(crate) bytes: usize,
    /// Messages of a stream.
    #[arg(long, default_value_t = 1)]
    pub(crate) messages: usize,
    /// Milliseconds that are measured.
    #[arg(long, default_value_t = 1000)]
    pub(crate) millis: u64,
}

/// What came of a load, on one line as `name=value` pairs.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Calls that ended within the measured time, per second.
    rate: f64,
    /// Latencies of these, in microseconds.
    latencies: Histogram<u64>,
    /// What a call cost both processes, and the machine.
    datagrams: f64,
    cpu_us: f64,
    switches: f64,
    /// The share of processor time that went to other machines.
    stolen: f64,
    /// KiB that each connection without a call takes, at the client and at the server.
    idle_kib: Option<(f64, f64)>,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |quantile| self.latencies.value_at_quantile(quantile);
        write!(
            f,
            "sample rate={} p50={} p99={} p999={} datagrams={} cpu={} switches={} stolen={}",
            self.rate,
            at(0.5),
            at(0.99),
            at(0.999),
            self.datagrams,
            self.cpu_us,
            self.switches,
            self.stolen
        )?;
        match self.idle_kib {
            Some((client, server)) => write!(f, " client_kib={client} server_kib={server}"),
            None => Ok(()),
        }
    }
}

/// Longest latency that is told apart, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

/// Calls without measuring for this long first.
const WARM_UP: Duration = Duration::from_millis(300);

/// Runs the load against the server in the process with this number.
pub(crate) async fn run<F>(
    connect: impl Fn() -> F + Clone + Send + Sync + 'static,
    work: &Work,
    server: u32,
) -> Result<Sample, Error>
where
    F: Future<Output = Result<Caller, Error>> + Send + 'static,
{
    if work.shape == Shape::Idle {
        return idle(connect, work, server).await;
    }
    let begin = Instant::now() + WARM_UP;
    let duration = Duration::from_millis(work.millis);
    let end = begin + duration;
    let first = connect().await?;
    // What all connections share lives as long as the first.
    let caller = match work.shape {
        Shape::Connect => connecting(connect),
        _ => first.clone(),
    };
    let mut latencies = Histogram::<u64>::new_with_max(LATENCY_MAX_US, 3)?;
    let counters = tokio::spawn(async move {
        tokio::time::sleep_until(begin.into()).await;
        let before = Counters::read(server);
        tokio::time::sleep_until(end.into()).await;
        Some((before?, Counters::read(server)?))
    });
    let bulk = (work.shape == Shape::Beside).then(|| {
        let caller = caller.clone();
        tokio::spawn(async move { stream_until(&caller, end).await })
    });
    let loops = (0..work.in_flight).map(|_| {
        let (caller, work) = (caller.clone(), work.clone());
        tokio::spawn(call_until(caller, work, begin, end))
    });
    for task in loops.collect::<Vec<_>>() {
        for latency in task.await?? {
            latencies.record(u64::from(latency).min(LATENCY_MAX_US))?;
        }
    }
    if let Some(bulk) = bulk {
        bulk.abort();
    }
    let counted = counters
        .await?
        .ok_or("the kernel's counters cannot be read")?;
    let calls = latencies.len();
    let cost = counted.1.per_call_since(counted.0, calls);
    Ok(Sample {
        rate: calls as f64 / duration.as_secs_f64(),
        latencies,
        datagrams: cost.datagrams,
        cpu_us: cost.cpu_us,
        switches: cost.switches,
        stolen: cost.stolen,
        idle_kib: None,
    })
}

/// Makes a connection for each call.
fn connecting<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Caller
where
    F: Future<Output = Result<Caller, Error>> + Send + 'static,
{
    Caller {
        unary: Arc::new(move |payload| {
            let connected = connect();
            Box::pin(async move { (connected.await?.unary)(payload).await })
        }),
        stream: None,
    }
}

/// Connections that are made at once.
const CONNECTING: usize = 32;

/// Time without anything before memory is looked at.
const SETTLE: Duration = Duration::from_millis(500);

async fn idle<F>(
    connect: impl Fn() -> F + Clone + Send + Sync,
    work: &Work,
    server: u32,
) -> Result<Sample, Error>
where
    F: Future<Output = Result<Caller, Error>> + Send,
{
    let unreadable = "the kernel's counters cannot be read";
    let payload = Bytes::from(vec![7; work.bytes]);
    // What all share is there with the first.
    let mut held = vec![connect().await?];
    (held[0].unary)(payload.clone()).await?;
    let before = Memory::read(server).ok_or(unreadable)?;
    while held.len() < work.in_flight {
        let count = CONNECTING.min(work.in_flight - held.len());
        held.extend(try_join_all((0..count).map(|_| connect())).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let after = Memory::read(server).ok_or(unreadable)?;
    let mut latencies = Histogram::<u64>::new_with_max(LATENCY_MAX_US, 3)?;
    let (counted, began) = (Counters::read(server).ok_or(unreadable)?, Instant::now());
    for caller in &held {
        let sent = Instant::now();
        if (caller.unary)(payload.clone()).await? != work.bytes {
            return Err("another reply than the request".into());
        }
        latencies.record(u64::from(micros(sent.elapsed())).min(LATENCY_MAX_US))?;
    }
    let rate = held.len() as f64 / began.elapsed().as_secs_f64();
    let counted_then = Counters::read(server).ok_or(unreadable)?;
    let cost = counted_then.per_call_since(counted, latencies.len());
    let connections = (held.len() - 1).max(1) as f64;
    Ok(Sample {
        rate,
        latencies,
        datagrams: cost.datagrams,
        cpu_us: cost.cpu_us,
        switches: cost.switches,
        stolen: cost.stolen,
        idle_kib: Some((
            (after.own - before.own) / connections,
            (after.other - before.other) / connections,
        )),
    })
}

/// Long messages, and how many one stream has of them.
const BULK_BYTES: u32 = 64 << 10;
const BULK_MESSAGES: u32 = 400;

/// Has the server stream long messages, again and again.
async fn stream_until(caller: &Caller, end: Instant) -> Result<(), Error> {
    let stream = caller.stream.as_ref().ok_or("the peer has no streams")?;
    while Instant::now() < end {
        stream(plan_stream(BULK_MESSAGES, BULK_BYTES)).await?;
    }
    Ok(())
}

/// Calls one after the other; the microseconds that those took that ended within the
/// measured time.
async fn call_until(
    caller: Caller,
    work: Work,
    begin: Instant,
    end: Instant,
) -> Result<Vec<u32>, Error> {
    // Sorted into a histogram later: while calls are made, that costs more than some of them.
    let mut latencies = Vec::new();
    let (call, request, expected) = match work.shape {
        Shape::Stream => {
            let plan = plan_stream(u32::try_from(work.messages)?, u32::try_from(work.bytes)?);
            let stream = caller.stream.ok_or("the peer has no streams")?;
            (stream, plan, work.messages)
        }
        _ => (caller.unary, Bytes::from(vec![7; work.bytes]), work.bytes),
    };
    let mut sent = Instant::now();
    while sent < end {
        let found = call(request.clone()).await?;
        if found != expected {
            return Err(format!("{found} instead of {expected}").into());
        }
        let done = Instant::now();
        if done >= begin && done < end {
            latencies.push(micros(done - sent));
        }
        sent = done;
    }
    Ok(latencies)
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
