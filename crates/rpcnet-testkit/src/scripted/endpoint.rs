//! The sockets of raw peers.

use super::{peer::RawPeer, tls};
use s2n_quic::client::Connect;
use s2n_quic::provider::limits::Limits;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

/// Why a raw endpoint cannot be made or cannot connect: nothing that a test would tell apart.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// What a raw peer grants its peer at the level of QUIC.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Bytes that may be unread on one stream. Default 1 MiB.
    pub stream: u64,
    /// Bytes that may be unread on the connection. Default 64 MiB.
    pub connection: u64,
    /// Bidirectional streams that a client may have open at once. Default 1,024.
    pub calls: u64,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            stream: 1 << 20,
            connection: 64 << 20,
            calls: 1024,
        }
    }
}

impl Windows {
    fn limits(self) -> Result<Limits, Failure> {
        Ok(Limits::new()
            .with_data_window(self.connection)?
            .with_bidirectional_local_data_window(self.stream)?
            .with_bidirectional_remote_data_window(self.stream)?
            .with_unidirectional_data_window(self.stream)?
            .with_max_open_remote_bidirectional_streams(self.calls)?
            .with_max_open_local_bidirectional_streams(OPEN_STREAMS_MAX)?)
    }
}

/// More than any test opens at once: the peer's limit is to be the one that holds.
const OPEN_STREAMS_MAX: u64 = 1 << 17;

/// Connects raw peers to a server.
#[derive(Debug)]
pub struct RawClient(s2n_quic::Client);

impl RawClient {
    /// Makes a client that trusts the CA in this PEM file. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// The file or the windows are unusable.
    pub fn new(ca: &Path, windows: Windows) -> Result<Self, Failure> {
        Self::speaking(tls::ALPN, ca, windows)
    }

    /// As [`new`](Self::new), with another application protocol.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn speaking(alpn: &str, ca: &Path, windows: Windows) -> Result<Self, Failure> {
        let client = s2n_quic::Client::builder()
            .with_tls(tls::client(ca, alpn)?)?
            .with_io("127.0.0.1:0")?
            .with_limits(windows.limits()?)?
            .start()?;
        Ok(Self(client))
    }

    /// Makes a connection. Nothing is sent on it, SETTINGS neither.
    ///
    /// # Errors
    ///
    /// The handshake failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub async fn connect(&self, address: SocketAddr) -> Result<RawPeer, Failure> {
        let connect = Connect::new(address).with_server_name("localhost");
        Ok(RawPeer::new(self.0.connect(connect).await?))
    }
}

/// Accepts connections and does with them what a test says.
#[derive(Debug)]
pub struct RawServer {
    server: s2n_quic::Server,
    address: SocketAddr,
}

impl RawServer {
    /// Binds a free port of the loopback. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// The files or the windows are unusable.
    pub fn new(cert: &Path, key: &Path, windows: Windows) -> Result<Self, Failure> {
        Self::speaking(tls::ALPN, cert, key, windows)
    }

    /// As [`new`](Self::new), with another application protocol.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn speaking(
        alpn: &str,
        cert: &Path,
        key: &Path,
        windows: Windows,
    ) -> Result<Self, Failure> {
        let server = s2n_quic::Server::builder()
            .with_tls(tls::server(cert, key, alpn)?)?
            .with_io("127.0.0.1:0")?
            .with_limits(windows.limits()?)?
            .start()?;
        let address = server.local_addr()?;
        Ok(Self { server, address })
    }

    /// Where clients find it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next client; `None` once the endpoint has failed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&mut self) -> Option<RawPeer> {
        self.server.accept().await.map(RawPeer::new)
    }
}
