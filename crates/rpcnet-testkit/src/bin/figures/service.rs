//! The methods that are measured, and what their server knows about them.

use crate::answerer::Answerer;
use crate::stamp;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use rpcnet::{Code, RequestStream, RpcError, RpcServer};
use rpcnet_testkit::chaos::Random;
use rpcnet_testkit::ledger::{CallId, Ledger};
use rpcnet_testkit::memory;
use std::future::pending;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

/// Returns what it is sent.
pub(crate) const ECHO: &str = "echo";
/// Records its execution in the ledger, works for a while, returns the call's id, and who answers where
/// its server has a number.
pub(crate) const RECORDED: &str = "recorded";
/// Checks a stamped payload, remembers its number, returns it.
pub(crate) const STAMPED: &str = "stamped";
/// Checks stamped payloads in order and returns each; a stream.
pub(crate) const STAMPED_STREAM: &str = "stamped_stream";
/// Returns [`LARGE_BYTES`] bytes.
pub(crate) const LARGE: &str = "large";
/// Waits until as many calls wait here as its payload says, a big-endian u64.
pub(crate) const RENDEZVOUS: &str = "rendezvous";
/// Never answers, as a unary call.
pub(crate) const HOLD: &str = "hold";
/// Never answers, as a stream that reads on.
pub(crate) const HOLD_STREAM: &str = "hold_stream";
/// Returns [`ServerState`].
pub(crate) const STATE: &str = "state";

/// How long a reply of [`LARGE`] is: 1 MiB.
pub(crate) const LARGE_BYTES: usize = 1 << 20;

/// What the handlers of one server share.
#[derive(Debug)]
pub(crate) struct Service {
    ledger: Ledger,
    manner: Manner,
    /// See [`Service::work`].
    work_us: AtomicU64,
    /// Of a hundred recorded calls, how many fail.
    fail_percent: AtomicU32,
    /// One bit per number of a stamped payload.
    seen: Mutex<Vec<u64>>,
    seen_count: AtomicU64,
    repeated: AtomicU64,
    altered: AtomicU64,
    running: AtomicU64,
    running_max: AtomicU64,
    large: AtomicU64,
    arrived: watch::Sender<u64>,
}

/// How a server executes calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// How long a recorded call takes: a random time up to this, or always this long.
    pub(crate) work: Duration,
    pub(crate) is_work_fixed: bool,
    /// One of how many recorded calls panics; 0 is none.
    pub(crate) panic_one_of: u64,
    /// Distinct numbers of stamped payloads that are remembered.
    pub(crate) numbers: u64,
    /// Who answers, where recorded calls are to say so.
    pub(crate) answerer: Option<Answerer>,
}

impl Service {
    pub(crate) fn new(ledger: Ledger, manner: Manner) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            manner,
            work_us: AtomicU64::new(manner.work.as_micros() as u64),
            fail_percent: AtomicU32::new(0),
            seen: Mutex::new(vec![0; manner.numbers.div_ceil(64) as usize]),
            seen_count: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            altered: AtomicU64::new(0),
            running: AtomicU64::new(0),
            running_max: AtomicU64::new(0),
            large: AtomicU64::new(0),
            arrived: watch::Sender::new(0),
        })
    }

    /// Sets how long recorded calls take that begin from now on.
    pub(crate) fn work(&self, work: Duration) {
        let work = work.as_micros() as u64;
        self.work_us.store(work, Ordering::Relaxed);
    }

    /// Lets this many of a hundred recorded calls fail from now on, as a handler says that it failed.
    pub(crate) fn fail(&self, percent: u32) {
        self.fail_percent.store(percent, Ordering::Relaxed);
    }

    async fn recorded(&self, payload: &[u8]) -> Result<Vec<u8>, RpcError> {
        let unusable = || RpcError::internal("the call carries no id");
        let id = CallId::from_head(payload).ok_or_else(unusable)?;
        let execution = self.ledger.started(id)?;
        let number = id
            .to_bytes()
            .last_chunk()
            .map_or(0, |it| u64::from_be_bytes(*it));
        let mut random = Random::new(number, 0);
        let chance = random.next_u64();
        let panic_one_of = self.manner.panic_one_of;
        if panic_one_of > 0 && chance.is_multiple_of(panic_one_of) {
            panic!("on purpose");
        }
        let work = Duration::from_micros(self.work_us.load(Ordering::Relaxed));
        let share = match self.manner.is_work_fixed {
            true => 1.0,
            false => (chance >> 40) as f64 / (1 << 24) as f64,
        };
        sleep(work.mul_f64(share)).await;
        execution.finished()?;
        let lot = random.next_u64();
        if lot % 100 < u64::from(self.fail_percent.load(Ordering::Relaxed)) {
            let code = match lot >> 63 {
                0 => Code::Unavailable,
                _ => Code::Internal,
            };
            return Err(RpcError::status(code, "out of order, on purpose"));
        }
        let mut answer = id.to_bytes().to_vec();
        if let Some(answerer) = self.manner.answerer {
            answer.extend(answerer.to_bytes());
        }
        Ok(answer)
    }

    fn stamped(&self, payload: &[u8]) {
        let Some(number) = stamp::number_of(payload) else {
            self.altered.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(word) = seen.get_mut((number / 64) as usize) else {
            self.altered.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let bit = 1 << (number % 64);
        let count = if *word & bit == 0 {
            &self.seen_count
        } else {
            &self.repeated
        };
        count.fetch_add(1, Ordering::Relaxed);
        *word |= bit;
    }

    async fn rendezvous(&self, payload: &[u8]) -> Result<(), RpcError> {
        let wanted = payload.first_chunk().map(|it| u64::from_be_bytes(*it));
        let wanted = wanted.ok_or_else(|| RpcError::internal("the call names no number"))?;
        self.arrived.send_modify(|arrived| *arrived += 1);
        let mut arrivals = self.arrived.subscribe();
        // The sender lives in what we share.
        let _ = arrivals.wait_for(|arrived| *arrived >= wanted).await;
        Ok(())
    }

    fn state(&self) -> ServerState {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ServerState {
            tasks: Handle::current().metrics().num_alive_tasks() as u64,
            files: memory::open_file_count(std::process::id()).unwrap_or(u64::MAX),
            running: of(&self.running),
            running_max: of(&self.running_max),
            seen: of(&self.seen_count),
            repeated: of(&self.repeated),
            altered: of(&self.altered),
            large: of(&self.large),
        }
    }
}

/// Counts a held handler in, and out again when it is dropped.
struct Running(Arc<Service>);

impl Running {
    fn new(service: Arc<Service>) -> Self {
        let running = service.running.fetch_add(1, Ordering::Relaxed) + 1;
        service.running_max.fetch_max(running, Ordering::Relaxed);
        Self(service)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a server process says about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ServerState {
    /// Tasks of its runtime, that of the call that asks among them.
    pub(crate) tasks: u64,
    /// Open files, that of the count among them.
    pub(crate) files: u64,
    /// Held calls that run now.
    pub(crate) running: u64,
    /// The most held calls that ran at once.
    pub(crate) running_max: u64,
    /// Distinct numbers of stamped payloads.
    pub(crate) seen: u64,
    /// Stamped payloads whose number had been seen.
    pub(crate) repeated: u64,
    /// Stamped payloads that are not what was sent, or out of order.
    pub(crate) altered: u64,
    /// Large replies that were begun.
    pub(crate) large: u64,
}

impl ServerState {
    fn encode(self) -> Vec<u8> {
        let fields = [
            self.tasks,
            self.files,
            self.running,
            self.running_max,
            self.seen,
            self.repeated,
            self.altered,
            self.large,
        ];
        fields.iter().flat_map(|it| it.to_be_bytes()).collect()
    }

    /// Reads what [`STATE`] returns.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (chunks, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let [
            tasks,
            files,
            running,
            running_max,
            seen,
            repeated,
            altered,
            large,
        ] = *<&[[u8; 8]; 8]>::try_from(chunks).ok()?;
        let of = u64::from_be_bytes;
        Some(Self {
            tasks: of(tasks),
            files: of(files),
            running: of(running),
            running_max: of(running_max),
            seen: of(seen),
            repeated: of(repeated),
            altered: of(altered),
            large: of(large),
        })
    }
}

/// Registers [`RECORDED`] alone.
pub(crate) async fn register_recorded(server: &RpcServer, service: &Arc<Service>) {
    let shared = service.clone();
    server
        .register(RECORDED, move |payload| {
            let service = shared.clone();
            async move { service.recorded(&payload).await }
        })
        .await;
}

/// Registers every method of this module.
pub(crate) async fn register(server: &RpcServer, service: Arc<Service>) {
    register_answered(server, &service).await;
    register_held(server, &service).await;
}

async fn register_answered(server: &RpcServer, service: &Arc<Service>) {
    server
        .register_bytes(ECHO, |_context, payload: Bytes| async move { Ok(payload) })
        .await;
    register_recorded(server, service).await;
    let shared = service.clone();
    server
        .register(STAMPED, move |payload| {
            let service = shared.clone();
            async move {
                service.stamped(&payload);
                Ok(payload)
            }
        })
        .await;
    let shared = service.clone();
    server
        .register_streaming(STAMPED_STREAM, move |requests| {
            let service = shared.clone();
            async move { stamped_in_order(service, requests) }
        })
        .await;
    let shared = service.clone();
    server
        .register(LARGE, move |_payload| {
            shared.large.fetch_add(1, Ordering::Relaxed);
            async { Ok(vec![7; LARGE_BYTES]) }
        })
        .await;
    let shared = service.clone();
    server
        .register(STATE, move |_payload| {
            let state = shared.state();
            async move { Ok(state.encode()) }
        })
        .await;
}

async fn register_held(server: &RpcServer, service: &Arc<Service>) {
    let shared = service.clone();
    server
        .register(RENDEZVOUS, move |payload| {
            let service = shared.clone();
            async move { service.rendezvous(&payload).await.map(|()| payload) }
        })
        .await;
    let shared = service.clone();
    server
        .register(HOLD, move |_payload| {
            let running = Running::new(shared.clone());
            async move {
                let _running = running;
                pending().await
            }
        })
        .await;
    let shared = service.clone();
    server
        .register_streaming(HOLD_STREAM, move |mut requests| {
            let running = Running::new(shared.clone());
            async move {
                async_stream::stream! {
                    let _running = running;
                    while requests.next().await.is_some() {}
                    yield pending().await;
                }
            }
        })
        .await;
}

/// Returns the requests as they come, each checked to be the successor of the last.
fn stamped_in_order(
    service: Arc<Service>,
    mut requests: RequestStream,
) -> impl Stream<Item = Result<Vec<u8>, RpcError>> {
    async_stream::stream! {
        let mut expected = 0;
        while let Some(payload) = requests.next().await {
            if stamp::number_of(&payload) == Some(expected) {
                service.stamped(&payload);
            } else {
                service.altered.fetch_add(1, Ordering::Relaxed);
            }
            expected += 1;
            yield Ok(payload);
        }
    }
}
