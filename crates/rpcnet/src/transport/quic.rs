//! Endpoints and connections: the QUIC library's builders, limits and handles.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rpcnet_proto::wire::ErrorCode;
use s2n_quic::connection::{self, BidirectionalStreamAcceptor, Handle, ReceiveStreamAcceptor};
use s2n_quic::provider::endpoint_limits::{ConnectionAttempt, Limiter, Outcome};
use s2n_quic::provider::limits::Limits as Transport;

use super::close_format::AlertsPassThrough;
use super::events::ConnectionEvents;
use super::stream::{application_code, split};
use super::tls::{ClientTls, ServerTls};
use super::udp::Udp;
use super::{RecvHalf, SendHalf};
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::metrics::TransportMetrics;

/// Why a connection ended, as the QUIC library says it; the rest of the crate
/// hands it on without a look inside.
pub(crate) use s2n_quic::connection::Error as ConnectionEnd;

/// Streams that a client may have open per call that it may have running: a stream
/// lives on after its call until both sides have acknowledged its end, and waiting for
/// the credit of such streams would cost more than the calls do.
pub(crate) const STREAMS_PER_CALL: usize = 2;

/// Streams that a server keeps after they ended, until as many others have; they are credit
/// beside that for calls. Closed earlier, by the acknowledgement that comes with the next request,
/// a stream would have the QUIC library send a datagram for that alone: one in three, where calls
/// come one by one. So many because several batches may be on their way; each takes about a KiB.
pub(crate) const ENDED_STREAMS_KEPT: usize = 4;

/// Streams the peer may open for control, of which the protocol uses one.
const UNIDIRECTIONAL_STREAMS_MAX: u64 = 4;

/// Who may start a handshake, asked for every connection attempt.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    closed: AtomicBool,
    retries: AtomicUsize,
    refused: AtomicUsize,
}

impl Admission {
    /// Refuses every new connection from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// How many attempts were refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many attempts were answered with Retry.
    pub(crate) fn retries(&self) -> usize {
        self.retries.load(Ordering::Relaxed)
    }
}

struct AdmissionLimiter {
    admission: Arc<Admission>,
    connections_max: usize,
    handshakes_before_retry: usize,
}

impl Limiter for AdmissionLimiter {
    fn on_connection_attempt(&mut self, attempt: &ConnectionAttempt<'_>) -> Outcome {
        let is_full = attempt.connection_count >= self.connections_max;
        if is_full || self.admission.closed.load(Ordering::Acquire) {
            self.admission.refused.fetch_add(1, Ordering::Relaxed);
            Outcome::close()
        } else if attempt.inflight_handshakes >= self.handshakes_before_retry {
            self.admission.retries.fetch_add(1, Ordering::Relaxed);
            Outcome::retry()
        } else {
            Outcome::allow()
        }
    }
}

/// Binds a server's endpoint.
pub(crate) fn bind(
    config: &RpcConfig,
    tls: &ServerTls,
    admission: Arc<Admission>,
    events: ConnectionEvents,
) -> Result<s2n_quic::Server, RpcError> {
    let limits = config.limits();
    let limiter = AdmissionLimiter {
        admission,
        connections_max: limits.connections_max,
        handshakes_before_retry: limits.handshakes_before_retry,
    };
    let streams_max = limits.calls_per_connection_max * STREAMS_PER_CALL + ENDED_STREAMS_KEPT;
    let streams_max = streams_max as u64;
    let address = resolve(&config.bind_address)?;
    let server = s2n_quic::Server::builder()
        .with_tls(tls.provider())
        .map_err(start_error)?
        .with_io(Udp::new(address, config.limits()).sharing_port(config.shares_port))
        .map_err(start_error)?
        .with_limits(transport_limits(config, streams_max)?)
        .map_err(start_error)?
        .with_endpoint_limits(limiter)
        .map_err(start_error)?
        .with_stateless_reset_token(tls.reset_key())
        .map_err(start_error)?
        .with_connection_close_formatter(AlertsPassThrough)
        .map_err(start_error)?
        .with_event(events)
        .map_err(start_error)?
        .start()
        .map_err(|error| bind_error(&config.bind_address, &error))?;
    Ok(server)
}

/// A client's endpoint: one socket, any number of connections.
#[derive(Debug)]
pub(crate) struct Dialer {
    client: s2n_quic::Client,
    events: ConnectionEvents,
}

impl Dialer {
    pub(crate) fn new(config: &RpcConfig, tls: &ClientTls) -> Result<Self, RpcError> {
        Self::bound(config, tls, resolve(&config.bind_address)?, 0)
    }

    /// A dialer for members of a cluster: it goes out from the interface that the server
    /// is bound to, by a port of its own, and takes streams from those whom it has dialled.
    pub(crate) fn for_members(config: &RpcConfig, tls: &ClientTls) -> Result<Self, RpcError> {
        let mut address = resolve(&config.bind_address)?;
        address.set_port(0);
        Self::bound(config, tls, address, MEMBER_STREAMS_MAX)
    }

    fn bound(
        config: &RpcConfig,
        tls: &ClientTls,
        address: SocketAddr,
        incoming_streams: u64,
    ) -> Result<Self, RpcError> {
        let events = ConnectionEvents::new(config.are_calls_counted);
        let client = s2n_quic::Client::builder()
            .with_tls(tls.provider())
            .map_err(start_error)?
            .with_io(Udp::new(address, config.limits()))
            .map_err(start_error)?
            .with_limits(transport_limits(config, incoming_streams)?)
            .map_err(start_error)?
            .with_connection_close_formatter(AlertsPassThrough)
            .map_err(start_error)?
            .with_event(events.clone())
            .map_err(start_error)?
            .start()
            .map_err(|error| bind_error(&config.bind_address, &error))?;
        Ok(Self { client, events })
    }

    /// What went over its socket.
    pub(crate) fn metrics(&self) -> TransportMetrics {
        self.events.metrics()
    }

    /// As [`dial`](Self::dial), whoever answers; see [`ClientTls::for_member`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub(crate) async fn dial_member(
        &self,
        address: SocketAddr,
    ) -> Result<(QuicConnection, Acceptor), connection::Error> {
        self.dial(address, MEMBER_SERVER_NAME).await
    }

    /// Makes a connection and its handshake.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    /// W-2: the transport sends no early data, so a call is never replayed with a handshake.
    pub(crate) async fn dial(
        &self,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<(QuicConnection, Acceptor), connection::Error> {
        let target = s2n_quic::client::Connect::new(address).with_server_name(server_name);
        Ok(accepted(self.client.connect(target).await?))
    }
}

/// Accepts a server's next connection; `None` once the endpoint is closed.
pub(crate) async fn accept(server: &mut s2n_quic::Server) -> Option<(QuicConnection, Acceptor)> {
    server.accept().await.map(accepted)
}

fn accepted(connection: s2n_quic::Connection) -> (QuicConnection, Acceptor) {
    let (handle, acceptor) = connection.split();
    let (calls, controls) = acceptor.split();
    (QuicConnection(handle), Acceptor { calls, controls })
}

/// A connection; clones share it. The last clone and the last stream end it.
#[derive(Debug, Clone)]
pub(crate) struct QuicConnection(Handle);

impl QuicConnection {
    /// Opens a bidirectional stream, waiting for the peer's credit. It becomes a call, or
    /// gossip where the peer's SETTINGS accept that (W-54).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future opens nothing.
    pub(crate) async fn open_call(&self) -> Result<(SendHalf, RecvHalf), connection::Error> {
        // The handle is cloned because opening needs it exclusively: no lock.
        let mut handle = self.0.clone();
        handle.open_bidirectional_stream().await.map(split)
    }

    /// As [`open_call`](Self::open_call), polled. The handle is the caller's own, so that
    /// nobody else's wait is forgotten.
    pub(crate) fn poll_open_call(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(SendHalf, RecvHalf), connection::Error>> {
        self.0.poll_open_bidirectional_stream(cx).map_ok(split)
    }

    /// Opens our control stream.
    pub(crate) async fn open_control(&self) -> Result<SendHalf, connection::Error> {
        let mut handle = self.0.clone();
        handle.open_send_stream().await.map(SendHalf::new)
    }

    /// Closes at once: every stream is reset, what is queued is lost.
    pub(crate) fn close(&self, code: ErrorCode) {
        self.0.close(application_code(code));
    }

    /// Sends a heartbeat; false once the connection is gone.
    pub(crate) fn ping(&self) -> bool {
        self.0.clone().ping().is_ok()
    }

    pub(crate) fn remote_addr(&self) -> Option<SocketAddr> {
        self.0.remote_addr().ok()
    }

    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    /// Whether both are the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.0
    }
}

/// Where a connection's incoming streams are accepted.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) calls: CallAcceptor,
    pub(crate) controls: ControlAcceptor,
}

pub(crate) type CallAcceptor = BidirectionalStreamAcceptor;
pub(crate) type ControlAcceptor = ReceiveStreamAcceptor;

/// Accepts the peer's next bidirectional stream.
///
/// # Cancel safety
///
/// Cancel safe.
pub(crate) async fn accept_call(
    acceptor: &mut CallAcceptor,
) -> Result<Option<(SendHalf, RecvHalf)>, connection::Error> {
    Ok(acceptor.accept_bidirectional_stream().await?.map(split))
}

/// Accepts the peer's next unidirectional stream.
///
/// # Cancel safety
///
/// Cancel safe.
pub(crate) async fn accept_control(
    acceptor: &mut ControlAcceptor,
) -> Result<Option<RecvHalf>, connection::Error> {
    Ok(acceptor.accept_receive_stream().await?.map(RecvHalf::new))
}

/// Frees a dropped server's port: its loop sleeps until something arrives.
///
/// The QUIC library closes an endpoint with no connections only when its loop runs,
/// and nothing runs it. One byte from a socket of ours does.
pub(crate) fn wake_closed_endpoint(mut address: SocketAddr) {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let own = SocketAddr::new(address.ip(), 0);
    // Without the byte the port is freed by the next stray datagram instead.
    let _ = std::net::UdpSocket::bind(own).and_then(|socket| socket.send_to(&[0], address));
}

fn transport_limits(config: &RpcConfig, incoming_calls: u64) -> Result<Transport, RpcError> {
    let limits = config.limits();
    let invalid = |error| RpcError::config(format!("limits do not fit the transport: {error}"));
    let stream_window = limits.stream_window as u64;
    Transport::new()
        .with_data_window(limits.connection_window as u64)
        .and_then(|it| it.with_bidirectional_local_data_window(stream_window))
        .and_then(|it| it.with_bidirectional_remote_data_window(stream_window))
        .and_then(|it| it.with_unidirectional_data_window(stream_window))
        .and_then(|it| it.with_max_open_remote_bidirectional_streams(incoming_calls))
        // How many calls we open is the peer's announcement to decide, not ours.
        .and_then(|it| it.with_max_open_local_bidirectional_streams(OPEN_STREAMS_MAX))
        .and_then(|it| it.with_max_open_remote_unidirectional_streams(UNIDIRECTIONAL_STREAMS_MAX))
        .and_then(|it| it.with_max_ack_delay(ACK_DELAY_MAX))
        .and_then(|it| it.with_max_send_buffer_size(limits.stream_send_buffer as u32))
        .and_then(|it| it.with_max_idle_timeout(config.idle_timeout()))
        .and_then(|it| it.with_max_handshake_duration(limits.handshake_timeout))
        .map_err(invalid)
}

/// The longest that an acknowledgement waits for something to travel with. The peer takes it
/// into account before it sends a lost packet again (RFC 9002, section 6.2.1), so that it is
/// most of what one loss costs a small call: 7 ms instead of 27 with the usual 25 ms, on a
/// network where nothing else takes time. Shorter, it costs datagrams.
const ACK_DELAY_MAX: Duration = Duration::from_millis(5);

/// What a member's handshake asks for; whoever answers has a name of its own.
const MEMBER_SERVER_NAME: &str = "member";

/// Streams that a member may open at once towards whoever has dialled it.
const MEMBER_STREAMS_MAX: u64 = 32;

/// Streams one connection opens at once, whatever the peer allows.
const OPEN_STREAMS_MAX: u64 = 1 << 16;

fn resolve(address: &str) -> Result<SocketAddr, RpcError> {
    let unusable = |reason: String| {
        RpcError::config(format!(
            "bind address `{}`: {reason}",
            address.escape_debug()
        ))
    };
    address
        .to_socket_addrs()
        .map_err(|error| unusable(error.to_string()))?
        .next()
        .ok_or_else(|| unusable("the name has no address".to_owned()))
}

fn bind_error(address: &str, error: &s2n_quic::provider::StartError) -> RpcError {
    RpcError::IoError(io::Error::other(format!("cannot bind {address}: {error}")))
}

fn start_error(error: impl std::fmt::Display) -> RpcError {
    RpcError::config(format!("the transport refuses its settings: {error}"))
}
