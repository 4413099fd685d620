//! [`Picture`]: what is shown of a cluster at one moment, whoever shows it.

use std::collections::VecDeque;

use serde::Serialize;

use super::rates::{Load, Seen};
use super::snapshot::{Call, Failure};

/// What is known of a cluster at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Picture {
    /// By this machine's clock.
    pub(crate) at: String,
    /// Whose view of the members it is, and where that node is.
    pub(crate) node: String,
    pub(crate) address: String,
    /// Why nothing new is known, where that is so.
    pub(crate) problem: Option<String>,
    pub(crate) quorum: String,
    pub(crate) members: Vec<MemberRow>,
    /// Members that are not among them.
    pub(crate) members_left_out: u64,
    pub(crate) methods: Vec<MethodRow>,
    /// Calls that have run for longest.
    pub(crate) calls: Vec<CallRow>,
    /// Newest first.
    pub(crate) errors: Vec<ErrorRow>,
    /// Newest first.
    pub(crate) events: VecDeque<EventLine>,
}

/// A member.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MemberRow {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) state: String,
    pub(crate) tags: String,
    pub(crate) draining: bool,
    /// The node whose view it is.
    pub(crate) answers: bool,
    pub(crate) phi: Option<f64>,
    pub(crate) reachable: bool,
    pub(crate) version: String,
    pub(crate) running: Option<u64>,
    pub(crate) connections: Option<u64>,
    /// By its own count.
    pub(crate) load: Option<Load>,
    /// By the count of the node whose view it is.
    pub(crate) seen: Option<Seen>,
    /// Why it does not tell of itself.
    pub(crate) silent: Option<String>,
    /// Calls per second and 99th percentile in microseconds, oldest first.
    pub(crate) history: Vec<(f64, Option<u64>)>,
}

impl MemberRow {
    /// Calls per second, by whoever counts them.
    pub(crate) fn calls_per_s(&self) -> Option<f64> {
        let own = self.load.as_ref().map(|load| load.calls_per_s);
        own.or(self.seen.as_ref().map(|seen| seen.calls_per_s))
    }

    pub(crate) fn failed_per_s(&self) -> Option<f64> {
        let own = self.load.as_ref().map(|load| load.failed_per_s);
        own.or(self.seen.as_ref().map(|seen| seen.failed_per_s))
    }

    /// The time that half of the calls take at most; of a worker that does not tell, what
    /// calls to it take in the mean.
    pub(crate) fn typical_us(&self) -> Option<u64> {
        let own = self.load.as_ref().and_then(|load| load.p50_us);
        own.or(self.seen.as_ref().and_then(|seen| seen.latency_us))
    }

    pub(crate) fn p99_us(&self) -> Option<u64> {
        self.load.as_ref().and_then(|load| load.p99_us)
    }

    /// What is to be said of its state.
    pub(crate) fn condition(&self) -> String {
        let mut words = vec![self.state.as_str()];
        if self.draining {
            words.push("draining");
        }
        if !self.reachable {
            words.push("unreachable");
        }
        if self.seen.as_ref().is_some_and(|seen| seen.ejected) {
            words.push("ejected");
        }
        words.join(", ")
    }
}

/// A method of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct MethodRow {
    pub(crate) method: String,
    pub(crate) calls_per_s: f64,
    pub(crate) failed_per_s: f64,
    pub(crate) in_flight: u64,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    /// Since the node's start.
    pub(crate) total: u64,
}

/// A call that runs.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CallRow {
    pub(crate) node: String,
    pub(crate) method: String,
    pub(crate) caller: String,
    pub(crate) age_ms: u64,
    pub(crate) left_ms: u64,
}

impl CallRow {
    pub(super) fn new(node: &str, call: &Call) -> Self {
        Self {
            node: node.to_owned(),
            method: call.method.clone(),
            caller: caller(call.name.as_deref(), call.peer.as_deref()),
            age_ms: call.age_ms,
            left_ms: call.left_ms,
        }
    }
}

/// A call or a handshake that failed.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ErrorRow {
    pub(crate) at_ms: u64,
    pub(crate) node: String,
    pub(crate) what: String,
    pub(crate) caller: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ErrorRow {
    pub(super) fn new(node: &str, failure: &Failure) -> Self {
        Self {
            at_ms: failure.at_ms,
            node: node.to_owned(),
            what: failure
                .method
                .clone()
                .unwrap_or_else(|| failure.what.clone()),
            caller: caller(failure.name.as_deref(), failure.peer.as_deref()),
            code: failure.code.clone().unwrap_or_default(),
            message: failure.message.clone(),
        }
    }
}

fn caller(name: Option<&str>, peer: Option<&str>) -> String {
    match (name, peer) {
        (Some(name), Some(peer)) => format!("{name} at {peer}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "?".to_owned(),
    }
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct EventLine {
    pub(crate) at: String,
    pub(crate) kind: String,
    pub(crate) member: String,
    pub(crate) details: String,
}
