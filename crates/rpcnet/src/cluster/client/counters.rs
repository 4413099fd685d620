//! [`ClusterClientCounters`]: what became of the calls of a client, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What a [`ClusterClient`](super::ClusterClient) did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterClientCounters {
    /// Calls that were begun, those of [`call_all`](super::ClusterClient::call_all) one for
    /// each worker.
    pub calls: u64,
    /// Times that a call was sent to a worker, or was to be.
    pub attempts: u64,
    /// Attempts beyond the first of their call, hedges left out.
    pub retries: u64,
    /// Calls that succeeded at another worker than their first.
    pub failovers: u64,
    /// Second attempts beside a first that was slow.
    pub hedges: u64,
    /// Hedges that answered first.
    pub hedges_won: u64,
    /// Retries that were left out because the budget was used up.
    pub budget_exhausted: u64,
    /// Attempts that their worker refused before any handler was entered.
    pub refused: u64,
    /// Calls that found no worker to go to.
    pub without_worker: u64,
}

/// Where they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) calls: Count,
    pub(super) attempts: Count,
    pub(super) retries: Count,
    pub(super) failovers: Count,
    pub(super) hedges: Count,
    pub(super) hedges_won: Count,
    pub(super) budget_exhausted: Count,
    pub(super) refused: Count,
    pub(super) without_worker: Count,
}

impl Counters {
    pub(super) fn read(&self) -> ClusterClientCounters {
        ClusterClientCounters {
            calls: self.calls.read(),
            attempts: self.attempts.read(),
            retries: self.retries.read(),
            failovers: self.failovers.read(),
            hedges: self.hedges.read(),
            hedges_won: self.hedges_won.read(),
            budget_exhausted: self.budget_exhausted.read(),
            refused: self.refused.read(),
            without_worker: self.without_worker.read(),
        }
    }
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
