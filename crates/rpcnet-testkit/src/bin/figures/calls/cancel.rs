//! How soon a handler is gone once nobody wants it. Both sides run here, to share a clock.

use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::percentile::percentile_ms;
use crate::site::Site;
use rpcnet::{CallOptions, RpcClient, RpcConfig, RpcError, RpcServer};
use std::future::pending;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// A server and its client, whose handler `wait` says when it starts and when it is dropped.
struct Pair {
    client: RpcClient,
    events: mpsc::Receiver<Event>,
    server: JoinHandle<Result<(), RpcError>>,
    _site: Site,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Started,
    Dropped(u64, Instant),
}

/// Says when it is dropped, and which call's it was.
struct Watched(u64, mpsc::Sender<Event>);

impl Drop for Watched {
    fn drop(&mut self) {
        // There is room for all calls under way; a lost event shows as a time-out.
        let _ = self.1.try_send(Event::Dropped(self.0, Instant::now()));
    }
}

const ECHO: &str = "echo";
const WAIT: &str = "wait";

/// No event takes longer, or it is lost.
const EVENT_WITHIN: Duration = Duration::from_secs(5);

impl Pair {
    async fn new() -> Result<Self, BoxError> {
        let site = Site::new()?;
        let config = RpcConfig::new(site.path("server.pem"), "127.0.0.1:0")
            .with_key_path(site.path("server-key.pem"));
        let mut server = RpcServer::new(config);
        let (sender, events) = mpsc::channel(1024);
        server
            .register(ECHO, |payload| async move { Ok(payload) })
            .await;
        server
            .register(WAIT, move |payload| {
                let number = payload
                    .first_chunk()
                    .map_or(0, |it| u64::from_be_bytes(*it));
                let watched = Watched(number, sender.clone());
                async move {
                    let _ = watched.1.try_send(Event::Started);
                    let _watched = watched;
                    pending().await
                }
            })
            .await;
        let quic_server = server.bind()?;
        let addr = server.socket_addr.ok_or("a bound server has an address")?;
        let server = tokio::spawn(async move { server.start(quic_server).await });
        Ok(Self {
            client: site.client(addr).await?,
            events,
            server,
            _site: site,
        })
    }

    async fn next_event(&mut self) -> Result<Event, BoxError> {
        let event = timeout(EVENT_WITHIN, self.events.recv()).await?;
        event.ok_or_else(|| "the server is gone".into())
    }

    async fn median_rtt_ms(&self) -> Result<f64, BoxError> {
        let mut samples = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            self.client.call(ECHO, Vec::new()).await?;
            samples.push(began.elapsed());
        }
        Ok(percentile_ms(&mut samples, 0.5))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// From the drop of a call to the drop of its handler.
pub(super) async fn cancellation(scale: Scale) -> Outcome {
    let mut pair = Pair::new().await?;
    let rtt_ms = pair.median_rtt_ms().await?;
    let mut samples = Vec::new();
    for _ in 0..scale.pick(1_000, 200) {
        let dropped_at = {
            let mut call = pin!(pair.client.call(WAIT, Vec::new()));
            tokio::select! {
                result = &mut call => return Err(format!("answered: {result:?}").into()),
                event = timeout(EVENT_WITHIN, pair.events.recv()) => match event?.ok_or("no server")? {
                    Event::Started => {}
                    event @ Event::Dropped(..) => return Err(format!("out of turn: {event:?}").into()),
                }
            }
            Instant::now()
        };
        match pair.next_event().await? {
            Event::Dropped(_, seen_at) => {
                samples.push(seen_at.saturating_duration_since(dropped_at));
            }
            Event::Started => return Err("the call was executed twice".into()),
        }
    }
    let mut measured = Measured::default();
    measured.note(format!("a round trip takes {rtt_ms:.2} ms"));
    measured.note(format!(
        "99 of 100 take at most {:.2} ms",
        percentile_ms(&mut samples, 0.99)
    ));
    measured.at_most(
        "cancel-latency-median",
        percentile_ms(&mut samples, 0.5),
        "ms",
        rtt_ms + 10.0,
    );
    Ok(measured)
}

/// From a deadline to the caller's result, and to the drop of the handler.
pub(super) async fn deadline(scale: Scale) -> Outcome {
    let mut pair = Pair::new().await?;
    let amount: u64 = scale.pick(2_000, 1_000);
    let (mut late, mut stopped) = (Vec::new(), Vec::new());
    let mut deadlines = Vec::new();
    let mut calls = JoinSet::new();
    for number in 0..amount {
        let options = CallOptions::new().with_timeout(TIMEOUT);
        deadlines.push(Instant::now() + TIMEOUT);
        let payload = number.to_be_bytes().to_vec();
        let call = pair.client.call_with(WAIT, payload, options);
        calls.spawn(async move { (number, call.await, Instant::now()) });
        // Spread, so that not all deadlines fall on one tick of the clock.
        if calls.len() < AT_ONCE {
            continue;
        }
        while let Some(call) = calls.join_next().await {
            let (number, result, ended_at) = call?;
            if !matches!(result, Err(RpcError::Timeout)) {
                return Err(format!("call {number} ended as {result:?}").into());
            }
            let deadline = deadlines[number as usize];
            if ended_at < deadline {
                return Err(format!("call {number} ended before its deadline").into());
            }
            late.push(ended_at - deadline);
        }
        while stopped.len() < late.len() {
            if let Event::Dropped(number, at) = pair.next_event().await? {
                stopped.push(at.saturating_duration_since(deadlines[number as usize]));
            }
        }
    }
    let mut measured = Measured::default();
    measured.at_most(
        "deadline-client-p99",
        percentile_ms(&mut late, 0.99),
        "ms",
        20.0,
    );
    measured.at_most(
        "deadline-server-stop-median",
        percentile_ms(&mut stopped, 0.5),
        "ms",
        50.0,
    );
    Ok(measured)
}

/// Long enough that a call has begun within it on a disturbed machine too: a handler that
/// never began is never dropped.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Calls whose deadlines run at once; divides the amounts.
const AT_ONCE: usize = 25;
