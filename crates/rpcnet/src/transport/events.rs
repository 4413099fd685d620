//! What is kept of a connection's events: who the peer is, and which handshakes failed.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use s2n_quic::connection::{Error, Handle};
use s2n_quic::provider::event::events::{
    Congestion, ConnectionClosed, ConnectionStarted, DatagramDropped, DatagramReceived,
    DatagramSent, EndpointDatagramDropped, EndpointDatagramSent, EndpointMeta, HandshakeStatus,
    HandshakeStatusUpdated, MtuUpdated, PacketLost, RecoveryMetrics, SocketAddress,
    TlsExporterReady,
};
use s2n_quic::provider::event::{ConnectionInfo, ConnectionMeta, Subscriber};

use super::figures::{EndpointFigures, PathFigures};
use super::tls::{TlsError, classify};
use crate::clock;
use crate::identity::{IdentityError, PeerIdentity};
use crate::metrics::TransportMetrics;

/// The certificates a peer was verified by, leaf first, ending in the root it was verified against;
/// DER.
pub(crate) type PeerChain = Arc<[Vec<u8>]>;

/// The chain of a connection's peer; `None` if it presented no certificate. Complete as soon as
/// `accept` or `connect` has returned the connection.
pub(crate) fn peer_chain(handle: &Handle) -> Option<PeerChain> {
    // An error means that the endpoint runs without `ConnectionEvents`, or that its lock is
    // poisoned: in both cases nothing is known of the peer, so nothing may be claimed.
    handle
        .query_event_context(|peer: &PeerRecord| peer.chain.clone())
        .ok()
        .flatten()
}

/// Who a connection's peer is; `None` if it presented no certificate.
pub(crate) fn peer_identity(handle: &Handle) -> Result<Option<PeerIdentity>, IdentityError> {
    match peer_chain(handle) {
        Some(chain) => PeerIdentity::from_chain(&chain).map(Some),
        None => Ok(None),
    }
}

/// The largest datagram that is known to get through to a connection's peer, without what IP and
/// UDP add.
pub(crate) fn path_mtu(handle: &Handle) -> Option<u16> {
    let known = handle.query_event_context(|peer: &PeerRecord| peer.mtu);
    known.ok().flatten()
}

/// The event subscriber of an endpoint. Clones share what they count.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionEvents {
    failures: Arc<HandshakeFailures>,
    /// What goes over the network, where that is wanted.
    figures: Option<Arc<EndpointFigures>>,
}

impl ConnectionEvents {
    pub(crate) fn new(is_traffic_counted: bool) -> Self {
        Self {
            failures: Arc::default(),
            figures: is_traffic_counted.then(Arc::default),
        }
    }

    /// What went over the network so far, and how connections stand.
    pub(crate) fn metrics(&self) -> TransportMetrics {
        let figures = self.figures.as_ref();
        figures.map(|figures| figures.read()).unwrap_or_default()
    }

    /// The failures seen by the endpoints that this subscriber, or a clone of it, was given to.
    pub(crate) fn handshake_failures(&self) -> Arc<HandshakeFailures> {
        Arc::clone(&self.failures)
    }
}

/// How many TLS handshakes failed at an endpoint, and why the latest ones did.
///
/// A server never sees a refused client otherwise: such a connection is not accepted.
#[derive(Debug, Default)]
pub(crate) struct HandshakeFailures {
    count: AtomicU64,
    /// Oldest first; at most [`FAILURES_KEPT`].
    latest: Mutex<VecDeque<Failure>>,
}

/// A handshake that failed.
#[derive(Debug, Clone, Copy)]
struct Failure {
    at: SystemTime,
    remote: Option<SocketAddr>,
    error: Error,
}

/// Failures that are kept for whoever asks; of more, the oldest are forgotten.
const FAILURES_KEPT: usize = 32;

impl HandshakeFailures {
    /// Handshakes that failed, whichever end refused the other, since the endpoint started.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Why the last one failed. `server_name` as for [`classify`].
    pub(crate) fn last(&self, server_name: &str) -> Option<TlsError> {
        let last = self.latest().back().copied();
        last.and_then(|failure| classify(&failure.error, server_name))
    }

    /// When the latest ones failed, with whom and why; oldest first.
    pub(crate) fn latest_ones(&self) -> Vec<(SystemTime, Option<SocketAddr>, TlsError)> {
        let latest: Vec<Failure> = self.latest().iter().copied().collect();
        let classified = latest.into_iter().filter_map(|failure| {
            let reason = classify(&failure.error, "this server")?;
            Some((failure.at, failure.remote, reason))
        });
        classified.collect()
    }

    fn record(&self, remote: Option<SocketAddr>, error: Error) {
        let at = clock::wall();
        let mut latest = self.latest();
        if latest.len() == FAILURES_KEPT {
            latest.pop_front();
        }
        latest.push_back(Failure { at, remote, error });
        drop(latest);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn latest(&self) -> MutexGuard<'_, VecDeque<Failure>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of one connection.
#[derive(Debug, Default)]
pub(crate) struct PeerRecord {
    remote: Option<SocketAddr>,
    chain: Option<PeerChain>,
    path: Option<PathFigures>,
    /// The largest datagram that is known to get through.
    mtu: Option<u16>,
}

impl Subscriber for ConnectionEvents {
    type ConnectionContext = PeerRecord;

    fn create_connection_context(
        &mut self,
        _: &ConnectionMeta,
        _: &ConnectionInfo<'_>,
    ) -> PeerRecord {
        PeerRecord {
            path: self.figures.as_ref().map(EndpointFigures::begin),
            ..PeerRecord::default()
        }
    }

    fn on_connection_started(
        &mut self,
        peer: &mut PeerRecord,
        _: &ConnectionMeta,
        event: &ConnectionStarted<'_>,
    ) {
        peer.remote = socket_addr(&event.path.remote_addr);
    }

    fn on_tls_exporter_ready(
        &mut self,
        peer: &mut PeerRecord,
        _: &ConnectionMeta,
        event: &TlsExporterReady<'_>,
    ) {
        // An error is how s2n-tls says that there is no certificate.
        let chain = event.session.peer_cert_chain_der().unwrap_or_default();
        peer.chain = (!chain.is_empty()).then(|| chain.into());
    }

    fn on_mtu_updated(&mut self, peer: &mut PeerRecord, _: &ConnectionMeta, event: &MtuUpdated) {
        peer.mtu = Some(event.mtu);
    }

    fn on_handshake_status_updated(
        &mut self,
        _: &mut PeerRecord,
        _: &ConnectionMeta,
        event: &HandshakeStatusUpdated,
    ) {
        if let (Some(figures), HandshakeStatus::Complete { .. }) = (&self.figures, &event.status) {
            figures.handshakes_completed.one();
        }
    }

    fn on_recovery_metrics(
        &mut self,
        peer: &mut PeerRecord,
        _: &ConnectionMeta,
        event: &RecoveryMetrics<'_>,
    ) {
        if let (Some(path), true) = (&peer.path, event.path.is_active) {
            path.note(
                event.smoothed_rtt,
                event.congestion_window,
                event.bytes_in_flight,
            );
        }
    }

    fn on_packet_lost(&mut self, _: &mut PeerRecord, _: &ConnectionMeta, event: &PacketLost<'_>) {
        if let (Some(figures), false) = (&self.figures, event.is_mtu_probe) {
            figures.lost.one(event.bytes_lost);
        }
    }

    fn on_congestion(&mut self, _: &mut PeerRecord, _: &ConnectionMeta, _: &Congestion<'_>) {
        if let Some(figures) = &self.figures {
            figures.congestions.one();
        }
    }

    fn on_datagram_sent(&mut self, _: &mut PeerRecord, _: &ConnectionMeta, event: &DatagramSent) {
        if let Some(figures) = &self.figures {
            figures.sent.one(event.len);
        }
    }

    fn on_endpoint_datagram_sent(&mut self, _: &EndpointMeta, event: &EndpointDatagramSent) {
        if let Some(figures) = &self.figures {
            figures.sent.one(event.len);
        }
    }

    fn on_datagram_received(
        &mut self,
        _: &mut PeerRecord,
        _: &ConnectionMeta,
        event: &DatagramReceived,
    ) {
        if let Some(figures) = &self.figures {
            figures.received.one(event.len);
        }
    }

    fn on_datagram_dropped(
        &mut self,
        _: &mut PeerRecord,
        _: &ConnectionMeta,
        _: &DatagramDropped<'_>,
    ) {
        if let Some(figures) = &self.figures {
            figures.dropped.one();
        }
    }

    fn on_endpoint_datagram_dropped(&mut self, _: &EndpointMeta, _: &EndpointDatagramDropped) {
        if let Some(figures) = &self.figures {
            figures.dropped.one();
        }
    }

    fn on_connection_closed(
        &mut self,
        peer: &mut PeerRecord,
        _: &ConnectionMeta,
        event: &ConnectionClosed,
    ) {
        let Some(reason) = classify(&event.error, "") else {
            return;
        };
        self.failures.record(peer.remote, event.error);
        tracing::debug!(remote = ?peer.remote, %reason, "TLS handshake failed");
    }
}

fn socket_addr(address: &SocketAddress<'_>) -> Option<SocketAddr> {
    match *address {
        SocketAddress::IpV4 { ip, port, .. } => Some((IpAddr::from(*ip), port).into()),
        SocketAddress::IpV6 { ip, port, .. } => Some((IpAddr::from(*ip), port).into()),
        _ => None,
    }
}
