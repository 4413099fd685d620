//! What a client of a cluster has counted, for whoever asks.

#[cfg(any(feature = "metrics", feature = "prometheus"))]
use std::sync::{Arc, Weak};

use serde::{Deserialize, Serialize};

use super::{ClusterClient, ClusterClientCounters};
use crate::cluster::workers::Worker;
use crate::metrics::ClientMetrics;

/// What a [`ClusterClient`] has counted since it was made, and how it stands now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterClientMetrics {
    /// The calls by method, a call counted once whatever attempts it takes, and its
    /// connections to all workers; [`retries`](ClientMetrics::retries) are those of
    /// `counters`.
    pub client: ClientMetrics,
    /// Attempts, retries, hedges and calls that found nobody.
    pub counters: ClusterClientCounters,
    /// Times that a worker was left out for a while because calls to it failed.
    pub ejections: u64,
    /// The workers that the registry knows now, in the order of their names.
    pub workers: Vec<WorkerMetrics>,
}

/// How one worker stands, as this process sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Its node name.
    pub node: String,
    /// Whether nothing speaks against its being in reach.
    pub is_reachable: bool,
    /// Whether it is left out for a while because calls to it failed.
    pub is_ejected: bool,
    /// Whether it has said that it will take no more calls soon.
    pub is_draining: bool,
    /// Calls in flight on it.
    pub in_flight: u64,
    /// Calls that have ended on it, however they did.
    pub calls: u64,
    /// Those that failed in a way that speaks against it.
    pub failures: u64,
    /// How long calls to it take, in microseconds, where one has succeeded: a mean that counts
    /// peaks at once.
    pub latency_us: Option<u64>,
    /// How busy it said it is, 0 idle to 1 full, where it has said so lately.
    pub utilization: Option<f32>,
    /// How unlikely its present silence is, ten to the power of minus this, where it is
    /// watched.
    pub phi: Option<f64>,
}

impl WorkerMetrics {
    fn of(worker: &Worker, phi: Option<f64>) -> Self {
        let micros = |latency: std::time::Duration| latency.as_micros().try_into().ok();
        Self {
            node: worker.name().as_str().to_owned(),
            is_reachable: worker.is_reachable(),
            is_ejected: worker.is_ejected(),
            is_draining: worker.is_draining(),
            in_flight: worker.in_flight() as u64,
            calls: worker.calls(),
            failures: worker.failures(),
            latency_us: worker.latency().and_then(micros),
            utilization: worker.utilization(),
            phi,
        }
    }
}

impl ClusterClient {
    /// What this client and its clones have counted so far, and how its workers stand.
    ///
    /// Reads everything anew: for once a second, not for every call.
    #[must_use]
    pub fn metrics(&self) -> ClusterClientMetrics {
        self.inner.metrics()
    }

    #[cfg(any(feature = "metrics", feature = "prometheus"))]
    pub(crate) fn downgrade(&self) -> WeakClusterClient {
        WeakClusterClient(Arc::downgrade(&self.inner))
    }
}

/// A client that others may have dropped.
#[cfg(any(feature = "metrics", feature = "prometheus"))]
#[derive(Clone, Debug)]
pub(crate) struct WeakClusterClient(Weak<super::Inner>);

#[cfg(any(feature = "metrics", feature = "prometheus"))]
impl WeakClusterClient {
    pub(crate) fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn metrics(&self) -> Option<ClusterClientMetrics> {
        self.0.upgrade().map(|client| client.metrics())
    }
}

impl super::Inner {
    pub(super) fn metrics(&self) -> ClusterClientMetrics {
        let counters = self.counters.read();
        let (open, queued) = self.lines.standing();
        let registry = self.registry.shared();
        let workers = registry.workers();
        let workers = workers.iter().map(|worker| {
            let phi = registry.phi(worker.name().as_str());
            WorkerMetrics::of(worker, phi)
        });
        let mut workers: Vec<WorkerMetrics> = workers.collect();
        workers.sort_unstable_by(|a, b| a.node.cmp(&b.node));
        ClusterClientMetrics {
            client: ClientMetrics {
                retries: counters.retries,
                queued,
                connections: self.figures.connections(open),
                transport: self.lines.transport(),
                ..self.figures.read()
            },
            counters,
            ejections: registry.stir().ejections(),
            workers,
        }
    }
}
