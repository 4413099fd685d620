//! [`Tally`]: what the load has come to, as its process tells it.

use rpcnet::Stream;
use serde::{Deserialize, Serialize};

/// Calls by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) well: u64,
    pub(crate) failed: u64,
}

/// How a worker stands in the eyes of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    Serving,
    Draining,
    Ejected,
    Silent,
    /// It is no live member, or not yet.
    Absent,
}

/// One worker, and the calls of the load to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) worker: String,
    pub(crate) standing: Standing,
    /// Calls that it answered, in all of its lives.
    pub(crate) answered: u64,
    /// Those that it has not answered yet.
    pub(crate) in_flight: u64,
}

/// Everything since the load began, but for the slowest call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// One for each worker that was ever there, by name.
    pub(crate) shares: Vec<Share>,
    /// Calls that may run twice.
    pub(crate) idempotent: Ended,
    /// Calls that may not.
    pub(crate) once: Ended,
    /// Those of them that failed although they cannot have run.
    pub(crate) once_unrun: u64,
    /// Calls that another worker answered than the first one asked.
    pub(crate) failovers: u64,
    /// Second attempts beside a first that was slow.
    pub(crate) hedges: u64,
    /// Attempts in all.
    pub(crate) attempts: u64,
    /// How long the slowest idempotent call took since [`Load::mark`], in microseconds.
    pub(crate) slowest_us: u64,
    /// Half of the calls took no longer, in microseconds.
    pub(crate) p50_us: u64,
    /// 99 of 100 calls took no longer, in microseconds.
    pub(crate) p99_us: u64,
    /// Why the last call failed that did.
    pub(crate) last_error: Option<String>,
}

impl Tally {
    /// The calls that have ended.
    pub(crate) fn calls(&self) -> u64 {
        let Ended { well, failed } = self.idempotent;
        well + failed + self.once.well + self.once.failed
    }

    pub(crate) fn share(&self, worker: &str) -> Option<&Share> {
        self.shares.iter().find(|share| share.worker == worker)
    }

    /// How many calls a worker has answered.
    pub(crate) fn answered(&self, worker: &str) -> u64 {
        self.share(worker).map_or(0, |share| share.answered)
    }

    pub(crate) fn standing(&self, worker: &str) -> Standing {
        self.share(worker)
            .map_or(Standing::Absent, |share| share.standing)
    }
}

/// The load, asked by the demo.
#[rpcnet::service]
pub(crate) trait Load {
    /// Tallies, several in a second.
    async fn watch(&self) -> Result<impl Stream<Item = Tally>, String>;

    /// Forgets the slowest call so far.
    async fn mark(&self) -> Result<(), String>;

    /// Ends the load, waits for its calls, and sums up.
    async fn finish(&self) -> Result<Tally, String>;
}
