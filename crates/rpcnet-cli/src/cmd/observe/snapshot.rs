//! [`Snapshot`]: what a node's admin service tells, as the command reads it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::histogram::Histogram;

/// What a node does. What another version of the node does not say is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Snapshot {
    pub(crate) version: String,
    /// By the node's clock.
    pub(crate) at_ms: u64,
    /// Since its admin service was enabled; starts again with the node.
    pub(crate) up_ms: u64,
    pub(crate) counters: Counters,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) calls: Shown<Call>,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) errors: Shown<Failure>,
    pub(crate) metrics: Option<Metrics>,
}

/// Some of them, and how many were left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Shown<T> {
    pub(crate) left_out: u64,
    pub(crate) shown: Vec<T>,
}

impl<T> Default for Shown<T> {
    fn default() -> Self {
        Self {
            left_out: 0,
            shown: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counters {
    pub(crate) calls_running: u64,
    pub(crate) connections: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Certificate {
    pub(crate) not_after_ms: u64,
    pub(crate) ca_not_after_ms: Option<u64>,
    pub(crate) last_failure: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) peer: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) age_ms: u64,
    pub(crate) left_ms: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failure {
    pub(crate) at_ms: u64,
    pub(crate) what: String,
    pub(crate) peer: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    pub(crate) node: String,
    pub(crate) quorum: Quorum,
    pub(crate) members: Shown<Member>,
    pub(crate) workers: Shown<Worker>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quorum {
    pub(crate) known: u64,
    pub(crate) reachable: u64,
    pub(crate) side: String,
    pub(crate) stable: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) state: String,
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(rename = "self")]
    pub(crate) is_self: bool,
    pub(crate) phi: Option<f64>,
    pub(crate) reachable: bool,
}

impl Member {
    /// Whether it is alive or suspect.
    pub(crate) fn is_live(&self) -> bool {
        ["alive", "suspect"].contains(&self.state.as_str())
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) in_flight: u64,
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) ejected: bool,
    pub(crate) latency_us: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metrics {
    pub(crate) methods: Vec<Method>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Method {
    pub(crate) method: String,
    pub(crate) in_flight: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) duration: Histogram,
}

impl Method {
    /// Whether the library brought it along: whoever looks calls it.
    pub(crate) fn is_builtin(&self) -> bool {
        self.method.starts_with("rpcnet.")
    }
}
