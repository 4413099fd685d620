//! A client under load, with a record of how each of its calls ended.

use crate::service::RECORDED;
use futures::future::{Either, select};
use rpcnet::{CallOptions, RpcClient, RpcError};
use rpcnet_testkit::chaos::Random;
use rpcnet_testkit::ledger::{CallLog, CallRecord, Outcome};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How a load calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Calls in flight.
    pub(crate) workers: usize,
    /// Deadline of each.
    pub(crate) timeout: Duration,
    /// Whether callers give up at random stages of a call.
    pub(crate) gives_up: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            workers: 64,
            timeout: Duration::from_secs(5),
            gives_up: false,
        }
    }
}

/// Workers that call [`RECORDED`] one call after another until they are stopped.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    log: CallLog,
    shape: Shape,
    is_over: AtomicBool,
    succeeded: AtomicU64,
    /// Replies that are not the one to their call.
    altered: AtomicU64,
    success: Notify,
    /// Failures by their text.
    failures: Mutex<BTreeMap<String, u64>>,
}

/// What a load was told about its calls.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) altered: u64,
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Load {
    /// Starts the workers; `number` tells the clients of a run apart.
    pub(crate) fn start(client: &RpcClient, number: u64, shape: Shape) -> Self {
        let shared = Arc::new(Shared {
            log: CallLog::new(number),
            shape,
            is_over: AtomicBool::new(false),
            succeeded: AtomicU64::new(0),
            altered: AtomicU64::new(0),
            success: Notify::new(),
            failures: Mutex::default(),
        });
        let mut workers = JoinSet::new();
        for worker in 0..shape.workers {
            let random = Random::new(number, worker as u64);
            workers.spawn(shared.clone().work(client.clone(), random));
        }
        Self { shared, workers }
    }

    /// How many calls have succeeded so far.
    pub(crate) fn succeeded(&self) -> u64 {
        self.shared.succeeded.load(Ordering::Relaxed)
    }

    /// Waits for this many further calls to succeed.
    pub(crate) async fn successes(&self, count: u64) {
        let wanted = self.succeeded() + count;
        loop {
            let mut success = pin!(self.shared.success.notified());
            // Enabled before the count is read, so that no success falls in between.
            success.as_mut().enable();
            if self.succeeded() >= wanted {
                return;
            }
            success.await;
        }
    }

    /// Lets every call under way end, and returns how all of them did.
    ///
    /// A worker that panicked leaves its call without an end, which the check reports.
    pub(crate) async fn stop(mut self) -> Told {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while self.workers.join_next().await.is_some() {}
        let mut failures = self.shared.failures();
        Told {
            calls: self.shared.log.records(),
            altered: self.shared.altered.load(Ordering::Relaxed),
            failures: std::mem::take(&mut failures),
        }
    }
}

impl Shared {
    async fn work(self: Arc<Self>, client: RpcClient, mut random: Random) {
        while !self.is_over.load(Ordering::Relaxed) {
            let id = self.log.issue();
            let options = CallOptions::new().with_timeout(self.shape.timeout);
            let call = client.call_with(RECORDED, id.to_bytes().to_vec(), options);
            let result = if self.shape.gives_up {
                impatiently(call, &mut random).await
            } else {
                Some(call.await)
            };
            let Some(result) = result else {
                self.log.settle(id, Outcome::Cancelled);
                continue;
            };
            let outcome = Outcome::of(&result);
            self.log.settle(id, outcome);
            match result {
                Ok(reply) => {
                    let is_altered = reply != id.to_bytes();
                    self.altered
                        .fetch_add(u64::from(is_altered), Ordering::Relaxed);
                    self.succeeded.fetch_add(1, Ordering::Relaxed);
                    self.success.notify_waiters();
                }
                Err(error) => {
                    self.count(outcome, &error);
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    fn count(&self, outcome: Outcome, error: &RpcError) {
        let text = format!("{outcome:?}: {error}");
        *self.failures().entry(text).or_default() += 1;
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps failures that come at once from filling the log.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(2);

/// Drops the call after a random number of polls or a random time; one in eight is left alone.
async fn impatiently<F: Future>(call: F, random: &mut Random) -> Option<F::Output> {
    let choice = random.next_u64();
    let mut call = pin!(call);
    match choice % 8 {
        0 => Some(call.await),
        1..=4 => {
            let mut polls = choice >> 32 & 3;
            poll_fn(|cx| match call.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if polls == 0 => Poll::Ready(None),
                Poll::Pending => {
                    polls -= 1;
                    Poll::Pending
                }
            })
            .await
        }
        _ => {
            let patience = pin!(sleep(Duration::from_micros((choice >> 32) % 6_000)));
            match select(call, patience).await {
                Either::Left((output, _)) => Some(output),
                Either::Right(_) => None,
            }
        }
    }
}
