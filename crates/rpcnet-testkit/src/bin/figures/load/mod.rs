//! A client under load, with a record of how each of its calls ended.

mod ending;
mod impatience;
mod shape;

pub(crate) use self::ending::{Ending, goodput, latency_ms};
pub(crate) use self::shape::{Idempotent, Pace, Shape};

use self::impatience::impatiently;
use crate::answerer::read_answer;
use crate::group::BoxError;
use crate::service::RECORDED;
use bytes::Bytes;
use rpcnet::{Carrier, RpcError};
use rpcnet_testkit::chaos::Random;
use rpcnet_testkit::ledger::{CallLog, CallRecord, Outcome};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout_at};

/// Calls of [`RECORDED`], made until they are stopped.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    callers: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    log: CallLog,
    shape: Shape,
    is_over: AtomicBool,
    succeeded: AtomicU64,
    /// Replies that are not the one to their call.
    altered: AtomicU64,
    /// Calls that were due and not made.
    left_out: AtomicU64,
    endings: Mutex<Vec<Ending>>,
    ended: Notify,
    /// Failures by their text.
    failures: Mutex<BTreeMap<String, u64>>,
}

/// What a load was told about its calls.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) altered: u64,
    /// Calls that were due and not made, because [`OPEN_MAX`] had not ended.
    pub(crate) left_out: u64,
    /// In the order in which those of each load ended.
    pub(crate) endings: Vec<Ending>,
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Told {
    /// Adds what another load of the same run was told.
    pub(crate) fn add(&mut self, other: Self) {
        self.calls.extend(other.calls);
        self.altered += other.altered;
        self.left_out += other.left_out;
        self.endings.extend(other.endings);
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }
}

impl Load {
    /// Starts calling; `number` tells the clients of a run apart, and is the seed of what is random.
    pub(crate) fn start<C: Carrier + Clone>(carrier: &C, number: u64, shape: Shape) -> Self {
        let shared = Arc::new(Shared {
            log: CallLog::new(number),
            shape,
            is_over: AtomicBool::new(false),
            succeeded: AtomicU64::new(0),
            altered: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            endings: Mutex::default(),
            ended: Notify::new(),
            failures: Mutex::default(),
        });
        let mut callers = JoinSet::new();
        match shape.pace {
            Pace::InFlight(calls) => {
                for caller in 0..calls {
                    let random = Random::new(number, caller as u64);
                    callers.spawn(shared.clone().one_by_one(carrier.clone(), random));
                }
            }
            Pace::PerSecond(rate) => {
                callers.spawn(shared.clone().paced(carrier.clone(), rate, number));
            }
        }
        Self { shared, callers }
    }

    /// How many calls have succeeded so far.
    pub(crate) fn succeeded(&self) -> u64 {
        self.shared.succeeded.load(Ordering::Relaxed)
    }

    /// Waits for this many further calls to succeed.
    pub(crate) async fn successes(&self, count: u64) {
        let wanted = self.succeeded() + count;
        loop {
            let mut ended = pin!(self.shared.ended.notified());
            // Enabled before the count is read, so that no success falls in between.
            ended.as_mut().enable();
            if self.succeeded() >= wanted {
                return;
            }
            ended.await;
        }
    }

    /// How many calls have ended; for [`first`](Self::first) and [`since`](Self::since).
    pub(crate) fn len(&self) -> usize {
        self.shared.endings().len()
    }

    /// How the calls after the first `start` ended.
    pub(crate) fn since(&self, start: usize) -> Vec<Ending> {
        let endings = self.shared.endings();
        endings.get(start..).unwrap_or_default().to_vec()
    }

    /// Waits for an ending, after the first `start` ones, of which `wanted` says that it is it.
    pub(crate) async fn first(
        &self,
        what: &str,
        start: usize,
        within: Duration,
        mut wanted: impl FnMut(&Ending) -> bool,
    ) -> Result<Ending, BoxError> {
        let deadline = tokio::time::Instant::now() + within;
        let mut seen = start;
        loop {
            let mut ended = pin!(self.shared.ended.notified());
            ended.as_mut().enable();
            let news = self.since(seen);
            if let Some(found) = news.iter().find(|ending| wanted(ending)) {
                return Ok(*found);
            }
            seen += news.len();
            if timeout_at(deadline, ended).await.is_err() {
                let failures = self.shared.failures().clone();
                return Err(format!("{what}: not within {within:?}; {failures:?}").into());
            }
        }
    }

    /// Lets every call under way end, and returns how all of them did.
    ///
    /// A caller that panicked leaves its call without an end, which the check reports.
    pub(crate) async fn stop(mut self) -> Told {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while self.callers.join_next().await.is_some() {}
        let shared = &self.shared;
        Told {
            calls: shared.log.records(),
            altered: shared.altered.load(Ordering::Relaxed),
            left_out: shared.left_out.load(Ordering::Relaxed),
            endings: std::mem::take(&mut shared.endings()),
            failures: std::mem::take(&mut shared.failures()),
        }
    }
}

impl Shared {
    async fn one_by_one<C: Carrier>(self: Arc<Self>, carrier: C, mut random: Random) {
        while !self.is_over.load(Ordering::Relaxed) {
            let is_failed = self.call(&carrier, Instant::now(), &mut random).await;
            if is_failed {
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }

    async fn paced<C: Carrier + Clone>(self: Arc<Self>, carrier: C, rate: f64, seed: u64) {
        let mut calls = JoinSet::new();
        let began = Instant::now();
        for number in 0_u64.. {
            let due = began + Duration::from_secs_f64(number as f64 / rate);
            sleep_until(due.into()).await;
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            while calls.try_join_next().is_some() {}
            if calls.len() >= OPEN_MAX {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let (shared, carrier) = (Arc::clone(&self), carrier.clone());
            let mut random = Random::new(seed, number);
            calls.spawn(async move { shared.call(&carrier, due, &mut random).await });
        }
        while calls.join_next().await.is_some() {}
    }

    /// Makes one call; returns whether it failed.
    async fn call<C: Carrier>(&self, carrier: &C, due: Instant, random: &mut Random) -> bool {
        let is_idempotent = self.shape.is_next_idempotent(random);
        let id = match is_idempotent {
            true => self.log.issue_idempotent(),
            false => self.log.issue(),
        };
        let begun = Instant::now();
        let payload = Bytes::copy_from_slice(&id.to_bytes());
        let call = carrier.call(RECORDED, payload, self.shape.options(is_idempotent));
        let result = if self.shape.gives_up {
            impatiently(call, random).await
        } else {
            Some(call.await)
        };
        let outcome = result.as_ref().map_or(Outcome::Cancelled, Outcome::of);
        self.log.settle(id, outcome);
        let mut by = None;
        match &result {
            Some(Ok(answer)) => match read_answer(answer, id) {
                Some(answerer) => by = answerer,
                None => drop(self.altered.fetch_add(1, Ordering::Relaxed)),
            },
            Some(Err(error)) => self.count(outcome, error),
            None => {}
        }
        let ended = Instant::now();
        self.endings().push(Ending {
            due,
            begun,
            ended,
            outcome,
            is_idempotent,
            by,
        });
        if outcome == Outcome::Ok {
            self.succeeded.fetch_add(1, Ordering::Relaxed);
        }
        self.ended.notify_waiters();
        matches!(result, Some(Err(_)))
    }

    fn count(&self, outcome: Outcome, error: &RpcError) {
        let mut text = format!("{outcome:?}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            // Writing to a string does not fail.
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        *self.failures().entry(text).or_default() += 1;
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn endings(&self) -> MutexGuard<'_, Vec<Ending>> {
        // What a panic left is whole: it is pushed in one step.
        self.endings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps failures that come at once from filling the log.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(2);

/// Calls of a paced load that are under way at once. Beyond: what is due is left out, and counted.
const OPEN_MAX: usize = 16_384;

#[cfg(test)]
mod tests;
