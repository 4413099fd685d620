//! A server that does what it is told.

use super::error::RawError;
use super::limits::RawLimits;
use super::receiver::RawReceiver;
use super::script::{self, SCRIPT_TIME_MAX, ServerStep};
use super::stream::RawStream;
use super::tls::{ClientAuth, RawTls};
use bytes::Bytes;
use s2n_quic::connection::{Connection, Handle};
use s2n_quic::stream::PeerStream;
use s2n_quic::{Server, connection};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// A server on a free loopback port; dropped, it lets go of all of its connections.
///
/// Streams that only the client sends on are read and discarded; what happens to the others is the
/// script's or the handler's business.
#[derive(Debug)]
pub struct RawServer {
    addr: SocketAddr,
    counts: Arc<Counts>,
    acceptor: AbortHandle,
}

/// How a raw server presents itself.
#[derive(Debug, Clone)]
pub struct RawServerConfig {
    /// Its identity, and what it holds client certificates against.
    pub tls: RawTls,
    /// Whether it wants to see client certificates.
    pub client_auth: ClientAuth,
    /// What it grants its clients.
    pub limits: RawLimits,
    /// What it sends to every client at once, on a stream of its own that then stays open; nothing,
    /// and no stream, if empty.
    pub greeting: Bytes,
}

impl RawServerConfig {
    /// A server that wants no client certificate, has generous limits and does not greet.
    #[must_use]
    pub fn new(tls: RawTls) -> Self {
        Self {
            tls,
            client_auth: ClientAuth::Off,
            limits: RawLimits::default(),
            greeting: Bytes::new(),
        }
    }
}

/// A stream that a client opened.
#[derive(Debug)]
pub struct RawCall {
    /// The stream.
    pub stream: RawStream,
    /// The connection it came on.
    pub connection: Handle,
}

impl RawServer {
    /// Starts a server that does these steps with every bidirectional stream.
    ///
    /// # Errors
    ///
    /// [`RawError::Setup`] if the configuration makes no sense or no port is free.
    pub fn bind(config: &RawServerConfig, script: Vec<ServerStep>) -> Result<Self, RawError> {
        let script = Arc::new(script);
        Self::serve(config, move |call| {
            let script = Arc::clone(&script);
            async move {
                // Most scripts end in an error: that the client has had enough of them.
                let _ = script::run(&script, call).await;
            }
        })
    }

    /// Starts a server that hands every bidirectional stream to `handler`.
    ///
    /// Handlers run at the same time, each for up to [`SCRIPT_TIME_MAX`](super::SCRIPT_TIME_MAX); then
    /// they are dropped.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn serve<H, F>(config: &RawServerConfig, handler: H) -> Result<Self, RawError>
    where
        H: Fn(RawCall) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let server = start(config).map_err(RawError::Setup)?;
        let addr = server
            .local_addr()
            .map_err(|error| RawError::Setup(Box::new(error)))?;
        let counts = Arc::new(Counts::default());
        let service = Service {
            counts: Arc::clone(&counts),
            greeting: config.greeting.clone(),
            handler: Box::new(move |call| Box::pin(handler(call))),
        };
        let acceptor = tokio::spawn(accept_connections(server, Arc::new(service)));
        Ok(Self {
            addr,
            counts,
            acceptor: acceptor.abort_handle(),
        })
    }

    /// Returns the address to connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns how many connections have been accepted so far.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Returns how many bidirectional streams clients have opened so far.
    #[must_use]
    pub fn stream_count(&self) -> u64 {
        self.counts.streams.load(Ordering::Relaxed)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        // The tasks of connections and streams belong to it and end with it.
        self.acceptor.abort();
    }
}

/// The most connections a raw server serves at once; further ones are dropped as they come.
pub const CONNECTIONS_MAX: usize = 256;

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    streams: AtomicU64,
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the tasks of a server share.
struct Service {
    counts: Arc<Counts>,
    greeting: Bytes,
    handler: Box<dyn Fn(RawCall) -> Handling + Send + Sync>,
}

fn start(config: &RawServerConfig) -> Result<Server, Box<dyn Error + Send + Sync>> {
    let server = Server::builder()
        .with_tls(config.tls.server(config.client_auth)?)?
        .with_limits(config.limits.provider()?)?
        .with_io(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?
        .start()?;
    Ok(server)
}

async fn accept_connections(mut server: Server, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    while let Some(connection) = server.accept().await {
        while connections.try_join_next().is_some() {}
        service.counts.connections.fetch_add(1, Ordering::Relaxed);
        if connections.len() < CONNECTIONS_MAX {
            let service = Arc::clone(&service);
            connections.spawn(async move {
                // However it ends, the client caused it or is told by QUIC.
                let _ = serve_connection(connection, &service).await;
            });
        }
    }
}

async fn serve_connection(connection: Connection, service: &Service) -> connection::Result<()> {
    let (mut handle, mut acceptor) = connection.split();
    let greeting = greet(&mut handle, service.greeting.clone());
    let accept = async {
        // Bounded by the streams that the limits let the client have open.
        let mut streams = JoinSet::new();
        while let Some(stream) = acceptor.accept().await? {
            while streams.try_join_next().is_some() {}
            match stream {
                PeerStream::Receive(stream) => {
                    let mut receiver = RawReceiver::new(stream);
                    streams.spawn(async move { receiver.drain().await });
                }
                PeerStream::Bidirectional(stream) => {
                    service.counts.streams.fetch_add(1, Ordering::Relaxed);
                    let call = RawCall {
                        connection: stream.connection(),
                        stream: RawStream::new(stream),
                    };
                    let handling = timeout(SCRIPT_TIME_MAX, (service.handler)(call));
                    streams.spawn(async move {
                        let _ = handling.await;
                    });
                }
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = accept => ended,
        () = greeting => Ok(()),
    }
}

/// Sends the greeting on a stream that stays open; ends only with the connection.
async fn greet(handle: &mut Handle, greeting: Bytes) {
    if !greeting.is_empty() {
        let Ok(mut stream) = handle.open_send_stream().await else {
            return;
        };
        // A client without credit for it goes without; its other streams work all the same.
        let _ = stream.send(greeting).await;
        std::future::pending::<()>().await;
    }
    std::future::pending().await
}
