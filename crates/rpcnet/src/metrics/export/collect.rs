//! From snapshots to numbers with names and labels.

use super::family::Id;
use crate::cluster::{ClusterClientMetrics, ClusterMetrics, HealthChecker};
use crate::metrics::{
    ClientMetrics, Histogram, MethodMetrics, ServerMetrics, Spread, TransportMetrics,
};

/// Takes numbers, one at a time; those of a family may be far apart.
pub(super) trait Sink {
    /// `labels` are the values of the family's labels, in their order.
    fn put(&mut self, family: Id, labels: &[&str], value: Value<'_>);
}

/// One number, or those of one histogram.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Counter(u64),
    Gauge(f64),
    Histogram(&'a Histogram),
}

use Value::{Counter, Gauge};

fn count(value: u64) -> Value<'static> {
    Gauge(value as f64)
}

fn flag(is_so: bool) -> Value<'static> {
    Gauge(f64::from(u8::from(is_so)))
}

pub(super) fn server(name: &str, metrics: &ServerMetrics, sink: &mut dyn Sink) {
    let ids = Methods {
        started: Id::ServerStarted,
        calls: Id::ServerCalls,
        in_flight: Id::ServerInFlight,
        duration: Id::ServerDuration,
        request_bytes: Id::ServerRequestBytes,
        response_bytes: Id::ServerResponseBytes,
    };
    ids.put(name, &metrics.methods, sink);
    for (reason, refused) in metrics.refusals.by_reason() {
        sink.put(Id::ServerRefusals, &[name, reason], Counter(refused));
    }
    let connections = &metrics.connections;
    let utilization = f64::from(metrics.utilization_thousandths) / 1000.0;
    for (id, value) in [
        (Id::ServerRunning, count(metrics.running_calls)),
        (Id::ServerRunningLimit, count(metrics.running_calls_max)),
        (Id::ServerUtilization, Gauge(utilization)),
        (Id::ServerDraining, flag(metrics.is_draining)),
        (Id::ServerConnections, count(connections.open)),
        (Id::ServerConnectionsLimit, count(connections.open_max)),
        (Id::ServerAccepted, Counter(connections.accepted)),
        (Id::ServerConnectionsRefused, Counter(connections.refused)),
        (
            Id::ServerHandshakesFailed,
            Counter(connections.handshakes_failed),
        ),
        (
            Id::ServerHandshakesRetried,
            Counter(connections.handshakes_retried),
        ),
    ] {
        sink.put(id, &[name], value);
    }
    transport(["server", name], &metrics.transport, sink);
}

pub(super) fn client(name: &str, metrics: &ClientMetrics, sink: &mut dyn Sink) {
    let ids = Methods {
        started: Id::ClientStarted,
        calls: Id::ClientCalls,
        in_flight: Id::ClientInFlight,
        duration: Id::ClientDuration,
        request_bytes: Id::ClientRequestBytes,
        response_bytes: Id::ClientResponseBytes,
    };
    ids.put(name, &metrics.methods, sink);
    let connections = &metrics.connections;
    for (id, value) in [
        (Id::ClientRetries, Counter(metrics.retries)),
        (Id::ClientQueued, count(metrics.queued)),
        (Id::ClientConnections, count(connections.open)),
        (Id::ClientAttempts, Counter(connections.attempts)),
        (Id::ClientMade, Counter(connections.made)),
        (Id::ClientGivenUp, Counter(connections.given_up)),
    ] {
        sink.put(id, &[name], value);
    }
    transport(["client", name], &metrics.transport, sink);
}

pub(super) fn cluster_client(name: &str, metrics: &ClusterClientMetrics, sink: &mut dyn Sink) {
    client(name, &metrics.client, sink);
    let counters = &metrics.counters;
    for (id, value) in [
        (Id::ClusterClientAttempts, counters.attempts),
        (Id::ClusterClientFailovers, counters.failovers),
        (Id::ClusterClientHedges, counters.hedges),
        (Id::ClusterClientHedgesWon, counters.hedges_won),
        (Id::ClusterClientBudget, counters.budget_exhausted),
        (Id::ClusterClientRefused, counters.refused),
        (Id::ClusterClientNoWorker, counters.without_worker),
        (Id::ClusterClientEjections, metrics.ejections),
    ] {
        sink.put(id, &[name], Counter(value));
    }
    for worker in &metrics.workers {
        let labels = [name, worker.node.as_str()];
        for (id, value) in [
            (Id::WorkerReachable, flag(worker.is_reachable)),
            (Id::WorkerEjected, flag(worker.is_ejected)),
            (Id::WorkerDraining, flag(worker.is_draining)),
            (Id::WorkerInFlight, count(worker.in_flight)),
            (Id::WorkerCalls, Counter(worker.calls)),
            (Id::WorkerFailures, Counter(worker.failures)),
        ] {
            sink.put(id, &labels, value);
        }
        let latency = worker.latency_us.map(|micros| micros as f64 / 1e6);
        for (id, value) in [
            (Id::WorkerLatency, latency),
            (Id::WorkerUtilization, worker.utilization.map(f64::from)),
            (Id::WorkerPhi, worker.phi),
        ] {
            if let Some(value) = value {
                sink.put(id, &labels, Gauge(value));
            }
        }
    }
}

pub(super) fn cluster(node: &str, metrics: &ClusterMetrics, sink: &mut dyn Sink) {
    for (state, members) in [
        ("alive", metrics.alive),
        ("suspect", metrics.suspect),
        ("failed", metrics.failed),
        ("left", metrics.left),
    ] {
        sink.put(Id::ClusterMembers, &[node, state], count(members));
    }
    for (queue, waiting) in &metrics.pending {
        sink.put(Id::ClusterPending, &[node, queue], count(*waiting));
    }
    for (event, counted) in &metrics.protocol {
        sink.put(Id::ClusterProtocol, &[node, event], Counter(*counted));
    }
    for (event, counted) in &metrics.link_events {
        sink.put(Id::ClusterLinkEvents, &[node, event], Counter(*counted));
    }
    for (id, value) in [
        (Id::ClusterHealth, count(metrics.health_score.into())),
        (Id::ClusterLinks, count(metrics.links)),
        (Id::ClusterBytesSent, Counter(metrics.bytes_sent)),
        (Id::ClusterBytesReceived, Counter(metrics.bytes_received)),
        (Id::ClusterUnproven, Counter(metrics.records_unproven)),
        (Id::ClusterEventsLost, Counter(metrics.events_lost)),
        (
            Id::ClusterSnapshotsFailed,
            Counter(metrics.snapshots_failed),
        ),
    ] {
        sink.put(id, &[node], value);
    }
}

pub(super) fn health(node: &str, checker: &HealthChecker, sink: &mut dyn Sink) {
    for member in checker.watched() {
        let labels = [node, member.as_str()];
        if let Some(phi) = checker.phi(member.as_str()) {
            sink.put(Id::ClusterPhi, &labels, Gauge(phi));
        }
        let is_reachable = checker.is_reachable(member.as_str());
        sink.put(Id::ClusterReachable, &labels, flag(is_reachable));
    }
}

/// The families of the calls of one side.
struct Methods {
    started: Id,
    calls: Id,
    in_flight: Id,
    duration: Id,
    request_bytes: Id,
    response_bytes: Id,
}

impl Methods {
    fn put(&self, name: &str, methods: &[MethodMetrics], sink: &mut dyn Sink) {
        for method in methods {
            let labels = [name, method.method.as_str()];
            sink.put(self.started, &labels, Counter(method.started));
            sink.put(self.in_flight, &labels, count(method.in_flight));
            sink.put(self.duration, &labels, Value::Histogram(&method.duration));
            sink.put(self.request_bytes, &labels, Counter(method.request_bytes));
            sink.put(self.response_bytes, &labels, Counter(method.response_bytes));
            let ended = method
                .codes
                .iter()
                .map(|(code, calls)| (code.as_str(), *calls));
            for (code, calls) in std::iter::once(("ok", method.ok)).chain(ended) {
                sink.put(self.calls, &[labels[0], labels[1], code], Counter(calls));
            }
        }
    }
}

fn transport([side, name]: [&str; 2], metrics: &TransportMetrics, sink: &mut dyn Sink) {
    for (id, value) in [
        (Id::TransportDatagramsSent, Counter(metrics.datagrams_sent)),
        (
            Id::TransportDatagramsReceived,
            Counter(metrics.datagrams_received),
        ),
        (
            Id::TransportDatagramsDropped,
            Counter(metrics.datagrams_dropped),
        ),
        (Id::TransportBytesSent, Counter(metrics.bytes_sent)),
        (Id::TransportBytesReceived, Counter(metrics.bytes_received)),
        (Id::TransportPacketsLost, Counter(metrics.packets_lost)),
        (Id::TransportBytesLost, Counter(metrics.bytes_lost)),
        (Id::TransportCongestions, Counter(metrics.congestions)),
        (Id::TransportHandshakes, Counter(metrics.handshakes)),
        (
            Id::TransportHandshakesCompleted,
            Counter(metrics.handshakes_completed),
        ),
        (Id::TransportConnections, count(metrics.connections)),
    ] {
        sink.put(id, &[side, name], value);
    }
    for (id, spread, unit) in [
        (Id::TransportRtt, &metrics.rtt_us, 1e-6),
        (Id::TransportWindow, &metrics.congestion_window_bytes, 1.0),
        (Id::TransportInFlight, &metrics.bytes_in_flight, 1.0),
    ] {
        let Spread {
            min, p50, p99, max, ..
        } = *spread;
        for (quantile, value) in [("0", min), ("0.5", p50), ("0.99", p99), ("1", max)] {
            sink.put(id, &[side, name, quantile], Gauge(value as f64 * unit));
        }
    }
}
