//! Everything that is shown of one moment.

use std::time::Instant;

use bytes::Bytes;
use rpcnet_proto::CodecId;
use serde::Serialize;

use super::certificate::CertificateJson;
use super::cluster::ClusterJson;
use super::errors::{self, ErrorJson};
use super::limits::LimitsJson;
use super::shown::{Shown, ms, unix_ms};
use super::traffic::{self, CallJson, ConnectionJson};
use crate::cluster::membership_of;
use crate::error::RpcError;
use crate::metrics::ServerMetrics;
use crate::server::RpcServer;
use crate::{clock, codec};

/// Whoever reads it has to do without what it does not know: fields are added, and those that
/// do not apply are left out.
#[derive(Debug, Serialize)]
struct SnapshotJson {
    /// That of the library.
    version: &'static str,
    /// By this machine's clock.
    at_ms: u64,
    /// Since the service was enabled.
    up_ms: u64,
    /// Whether calls are refused.
    refusing: bool,
    counters: CountersJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateJson>,
    connections: Shown<ConnectionJson>,
    calls: Shown<CallJson>,
    limits: LimitsJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterJson>,
    errors: Shown<ErrorJson>,
    /// Counted since the server was made: by method, and of connections and the network.
    metrics: ServerMetrics,
}

#[derive(Debug, Serialize)]
struct CountersJson {
    calls_running: usize,
    connections: usize,
    handshakes_failed: u64,
    handshakes_retried: usize,
}

/// What there is to see now, as JSON.
pub(super) fn take(server: &RpcServer, enabled: Instant) -> Result<Bytes, RpcError> {
    let now = clock::now();
    let counters = server.counters();
    let (connections, calls) = traffic::look(server, now);
    let membership = membership_of(server);
    codec::encode(
        CodecId::JSON,
        &SnapshotJson {
            version: env!("CARGO_PKG_VERSION"),
            at_ms: unix_ms(clock::wall()),
            up_ms: ms(now.saturating_duration_since(enabled)),
            refusing: server.is_refusing(),
            counters: CountersJson {
                calls_running: counters.running_calls,
                connections: counters.connections,
                handshakes_failed: counters.handshakes_failed,
                handshakes_retried: counters.handshakes_retried,
            },
            certificate: CertificateJson::new(server),
            connections,
            calls,
            limits: LimitsJson::new(server.config().limits()),
            cluster: membership.map(|membership| ClusterJson::new(&membership)),
            errors: errors::latest(server),
            metrics: server.metrics(),
        },
    )
}
