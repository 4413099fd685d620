//! [`Book`]: what became of the calls of the load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rpcnet::cluster::{ClusterClient, Worker};
use rpcnet::{CallError, HandlerRan};

use super::tally::{Ended, Share, Standing, Tally};
use super::work::Done;

/// Counts calls as they begin and end.
pub(super) struct Book {
    client: ClusterClient,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    answered: BTreeMap<String, u64>,
    idempotent: Ended,
    once: Ended,
    once_unrun: u64,
    /// Microseconds of each call that ended.
    took_us: Vec<u64>,
    slowest: Duration,
    marked: Option<Instant>,
    last_error: Option<String>,
}

/// Whether a call may run twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Idempotent,
    Once,
}

/// Calls whose time is kept; the demo makes a few thousand.
const TIMES_MAX: usize = 1 << 20;

/// A call that has begun, and ends with [`Entry::end`].
pub(super) struct Entry<'a> {
    book: &'a Book,
    began: Instant,
}

impl Book {
    pub(super) fn new(client: ClusterClient) -> Self {
        Self {
            client,
            pages: Mutex::default(),
        }
    }

    pub(super) fn begin(&self, began: Instant) -> Entry<'_> {
        Entry { book: self, began }
    }

    pub(super) fn mark(&self) {
        let mut pages = self.pages();
        pages.slowest = Duration::ZERO;
        pages.marked = Some(Instant::now());
    }

    pub(super) fn tally(&self) -> Tally {
        let counters = self.client.counters();
        let workers = self.client.registry().workers();
        let pages = self.pages();
        let mut took_us = pages.took_us.clone();
        took_us.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (took_us.len() * percent).div_ceil(100).saturating_sub(1);
            took_us.get(rank).copied().unwrap_or_default()
        };
        Tally {
            shares: pages.shares(&workers),
            idempotent: pages.idempotent,
            once: pages.once,
            once_unrun: pages.once_unrun,
            failovers: counters.failovers,
            hedges: counters.hedges,
            attempts: counters.attempts,
            slowest_us: microseconds(pages.slowest),
            p50_us: percentile(50),
            p99_us: percentile(99),
            last_error: pages.last_error.clone(),
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry<'_> {
    /// Notes the outcome, which is right if it is the number that was expected.
    pub(super) fn end(self, kind: Kind, expected: u64, outcome: Result<Done, CallError<String>>) {
        let took = self.began.elapsed();
        let mut pages = self.book.pages();
        // A call that began before the mark is not the stage's.
        let is_counted = pages.marked.is_none_or(|marked| self.began >= marked);
        if is_counted && kind == Kind::Idempotent {
            pages.slowest = pages.slowest.max(took);
        }
        if pages.took_us.len() < TIMES_MAX {
            pages.took_us.push(microseconds(took));
        }
        let failure = match outcome {
            Ok(done) if done.number == expected => {
                *pages.answered.entry(done.worker).or_default() += 1;
                None
            }
            Ok(done) => Some(format!("{} answered {}", done.worker, done.number)),
            Err(error) => {
                let is_unrun = error.handler_ran() == HandlerRan::No;
                pages.once_unrun += u64::from(kind == Kind::Once && is_unrun);
                Some(crate::chain(&error))
            }
        };
        let ended = match kind {
            Kind::Idempotent => &mut pages.idempotent,
            Kind::Once => &mut pages.once,
        };
        match failure {
            None => ended.well += 1,
            Some(error) => {
                ended.failed += 1;
                pages.last_error = Some(error);
            }
        }
    }
}

impl Pages {
    fn shares(&self, workers: &[Worker]) -> Vec<Share> {
        let present = workers.iter().map(|worker| worker.name().to_string());
        let names: BTreeSet<String> = present.chain(self.answered.keys().cloned()).collect();
        let share = |name: String| {
            let worker = workers.iter().find(|worker| worker.name().as_str() == name);
            Share {
                standing: worker.map_or(Standing::Absent, standing),
                answered: self.answered.get(&name).copied().unwrap_or_default(),
                in_flight: worker.map_or(0, |worker| worker.in_flight() as u64),
                worker: name,
            }
        };
        names.into_iter().map(share).collect()
    }
}

fn standing(worker: &Worker) -> Standing {
    if worker.is_draining() {
        Standing::Draining
    } else if !worker.is_reachable() {
        Standing::Silent
    } else if worker.is_ejected() {
        Standing::Ejected
    } else {
        Standing::Serving
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
