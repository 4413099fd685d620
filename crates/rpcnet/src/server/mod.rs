//! [`RpcServer`]: methods behind one UDP port.

pub(crate) mod about;
mod answers;
mod batch;
mod budget;
pub(crate) mod call;
mod calls;
mod certificates;
mod connection;
pub(crate) mod failures;
mod load;
mod metrics;
mod pace;
pub(crate) mod readiness;
mod reply;
pub(crate) mod requests;
pub(crate) mod roster;
mod router;
mod service;
mod shutdown;
mod streaming;
pub(crate) mod streams;
mod unary;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::Method;
use rpcnet_proto::wire::ErrorCode;
use tokio::sync::watch;

use self::calls::Places;
use self::certificates::Certificates;
pub(crate) use self::certificates::WeakServer;
use self::failures::Failures;
use self::load::Utilization;
pub use self::requests::{RequestResults, RequestStream};
use self::roster::Roster;
use self::router::IntoBytes;
pub(crate) use self::router::{Contract, Failure, Handler, Responses, Route, Router};
pub use self::service::Service;
use self::shutdown::Shutdown;
pub use self::shutdown::ShutdownReport;
use self::streams::Taken;
use crate::config::RpcConfig;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::metrics::ServerFigures;
use crate::task::Tasks;
use crate::transport::events::ConnectionEvents;
use crate::transport::quic::{self, Admission};
use crate::transport::tls::TlsError;

/// Serves methods to any number of clients.
///
/// Register handlers, [`bind`](Self::bind), [`start`](Self::start). Clones are cheap
/// and share everything, so that one can serve while another registers or shuts down.
///
/// Calls do not wait for each other: one whose handler waits, or holds the thread for
/// long, runs in a task of its own. A handler is dropped when the caller cancels, the deadline passes or the connection is lost; a panic in it fails that
/// call and nothing else.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), rpcnet::RpcError> {
/// use rpcnet::{RpcConfig, RpcServer};
///
/// let config = RpcConfig::new("certs/server.pem", "127.0.0.1:8080")
///     .with_key_path("certs/server-key.pem");
/// let mut server = RpcServer::new(config);
/// server.register("echo", |payload| async move { Ok(payload) }).await;
/// let quic_server = server.bind()?;
/// server.start(quic_server).await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RpcServer {
    /// The address in use, once [`bind`](Self::bind) has succeeded.
    pub socket_addr: Option<SocketAddr>,
    shared: Arc<Shared>,
}

/// What `bind` makes and `start` takes, for those who keep it between the two.
pub(crate) type QuicServer = s2n_quic::Server;

#[derive(Debug)]
pub(crate) struct Shared {
    config: RpcConfig,
    router: Router,
    places: Arc<Places>,
    utilization: Utilization,
    admission: Arc<Admission>,
    shutdown: Shutdown,
    /// How many `start` futures are serving.
    serving: watch::Sender<usize>,
    tasks: Tasks,
    events: ConnectionEvents,
    connections: Arc<Places>,
    figures: ServerFigures,
    /// The connections themselves, for whoever looks at them.
    roster: Roster,
    /// The latest calls that failed, for whoever looks at them.
    failures: Failures,
    /// Who takes streams that are no calls.
    taken: Mutex<Option<Taken>>,
    /// What `bind` loaded.
    certificates: Mutex<Option<Certificates>>,
    /// The first method that could not be registered, for `bind` to report.
    misnamed: Mutex<Option<String>>,
}

impl RpcServer {
    /// Makes a server; nothing is read or bound yet.
    #[must_use]
    pub fn new(config: RpcConfig) -> Self {
        let places = Arc::new(Places::new(config.limits().calls_per_server_max));
        let connections = Arc::new(Places::new(config.limits().connections_max));
        let are_calls_counted = config.are_calls_counted;
        let shared = Shared {
            figures: ServerFigures::new(are_calls_counted),
            events: ConnectionEvents::new(are_calls_counted),
            config,
            router: Router::default(),
            places,
            utilization: Utilization::unsaid(),
            admission: Arc::default(),
            shutdown: Shutdown::not_yet(),
            serving: watch::Sender::new(0),
            tasks: Tasks::new(),
            connections,
            roster: Roster::default(),
            failures: Failures::default(),
            taken: Mutex::default(),
            certificates: Mutex::new(None),
            misnamed: Mutex::new(None),
        };
        Self {
            socket_addr: None,
            shared: Arc::new(shared),
        }
    }

    /// Registers a unary handler; one of the same name is replaced.
    ///
    /// May be called before and after [`start`](Self::start); calls under way keep the
    /// handler that they began with. A name that is not 1 to 128 of `A-Z a-z 0-9 _ . / -`
    /// is not registered, and reported by [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn register<F, Fut>(&self, method: &str, handler: F)
    where
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, RpcError>> + Send + 'static,
    {
        self.register_with_context(method, move |_context, payload| handler(payload))
            .await;
    }

    /// Registers a unary handler that wants to know about its call.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn register_with_context<F, Fut>(&self, method: &str, handler: F)
    where
        F: Fn(CallContext, Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, RpcError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.register_bytes(method, move |context, payload: Bytes| {
            let handler = handler.clone();
            async move { handler(context, payload.into()).await.map(Bytes::from) }
        })
        .await;
    }

    /// Registers a unary handler on shared buffers: no copy where the request came in
    /// one piece, none of the reply.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn register_bytes<F, Fut>(&self, method: &str, handler: F)
    where
        F: Fn(CallContext, Bytes) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Bytes, RpcError>> + Send + 'static,
    {
        let handler = Handler::unary(Arc::new(move |context, payload| {
            let replied = handler(context, payload);
            Box::pin(async move { replied.await.map_err(Failure::Handler) })
        }));
        self.insert(method, handler);
    }

    /// Registers a streaming handler; one of the same name is replaced.
    ///
    /// It serves all three streaming shapes. A response stream that yields `Err` ends
    /// the call with that error as its last item.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn register_streaming<F, Fut, S>(&self, method: &str, handler: F)
    where
        F: Fn(RequestStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
        S: Stream<Item = Result<Vec<u8>, RpcError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let handler = Handler::Streaming(Arc::new(move |_context, requests| {
            let handler = handler.clone();
            Box::pin(async move { into_responses(handler(RequestStream::new(requests)).await) })
        }));
        self.insert(method, handler);
    }

    /// Registers a streaming handler that wants to know about its call, and sees an
    /// `Err` item where its requests are cut off.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn register_streaming_with_context<F, Fut, S>(&self, method: &str, handler: F)
    where
        F: Fn(CallContext, RequestResults) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
        S: Stream<Item = Result<Vec<u8>, RpcError>> + Send + 'static,
    {
        self.insert_streaming(method, handler);
    }

    /// Registers a streaming handler on shared buffers: no copy of a long response; of the
    /// requests neither where they are taken by [`RequestResults::next_bytes`] and came in one
    /// piece.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn register_streaming_bytes<F, Fut, S>(&self, method: &str, handler: F)
    where
        F: Fn(CallContext, RequestResults) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        self.insert_streaming(method, handler);
    }

    /// Adds the methods of a typed service; those of the same names are replaced.
    ///
    /// May be called before and after [`start`](Self::start), as
    /// [`register`](Self::register) may. Services whose names differ do not collide,
    /// whatever their methods are called.
    pub fn add_service(&self, service: Service) {
        self.shared.insert(service.into_routes());
    }

    fn insert_streaming<F, Fut, S, T>(&self, method: &str, handler: F)
    where
        F: Fn(CallContext, RequestResults) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
        S: Stream<Item = Result<T, RpcError>> + Send + 'static,
        T: Into<Bytes>,
    {
        let handler = Arc::new(handler);
        let handler = Handler::Streaming(Arc::new(move |context, requests| {
            let handler = handler.clone();
            Box::pin(
                async move { into_responses(handler(context, RequestResults(requests)).await) },
            )
        }));
        self.insert(method, handler);
    }

    fn insert(&self, method: &str, handler: Handler) {
        let (contract, about) = (None, None);
        match Method::new(method) {
            Ok(method) => {
                let route = Route {
                    handler,
                    contract,
                    about,
                    cell: None,
                };
                self.shared.insert(vec![(method, route)]);
            }
            Err(error) => {
                let problem = format!("method `{}`: {error}", method.escape_debug());
                tracing::error!(problem, "handler not registered");
                let mut first = self
                    .shared
                    .misnamed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(problem);
            }
        }
    }

    /// Reads the certificates and binds the port. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`], [`RpcError::TlsError`] or [`RpcError::IoError`], naming
    /// the setting, the method, the file or the address that is wrong.
    pub fn bind(&mut self) -> Result<s2n_quic::Server, RpcError> {
        let config = &self.shared.config;
        config.validate()?;
        if let Some(problem) = self.shared.first_misnamed() {
            return Err(RpcError::config(problem));
        }
        let certificates = Certificates::load(config)?;
        let (tls, events) = (&certificates.tls, self.shared.events.clone());
        let server = quic::bind(config, tls, self.shared.admission.clone(), events)?;
        self.shared.hold(certificates);
        self.socket_addr = Some(server.local_addr()?);
        Ok(server)
    }

    /// Accepts connections and serves calls until the server is shut down.
    ///
    /// # Errors
    ///
    /// None at present: what goes wrong with a connection or a call ends that one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the server at once, as soon as its task is run: every connection is
    /// closed, and calls under way are cut. Use [`shutdown`](Self::shutdown) to let them finish.
    pub async fn start(&self, quic_server: s2n_quic::Server) -> Result<(), RpcError> {
        let _serving = Serving::new(self.shared.clone());
        // On a task of its own, which runs where the socket is served: a thread that blocks on
        // this future would be woken for each connection, to wake another for its task.
        let accepting = Tasks::new();
        accepting.spawn_until_stopped(accept(self.shared.clone(), Listener(Some(quic_server))));
        accepting.wait().await;
        Ok(())
    }

    /// Binds and starts in one.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind) and [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the server at once, as [`start`](Self::start) does.
    pub async fn serve(&mut self) -> Result<(), RpcError> {
        let quic_server = self.bind()?;
        self.start(quic_server).await
    }

    /// Serves until `signal` completes, then shuts down with this much grace.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the server at once, as [`start`](Self::start) does.
    pub async fn serve_with_shutdown(
        &self,
        quic_server: s2n_quic::Server,
        signal: impl Future<Output = ()>,
        grace: Duration,
    ) -> Result<ShutdownReport, RpcError> {
        let shutdown = async {
            let mut serving = self.shared.serving.subscribe();
            tokio::select! {
                () = signal => {}
                _ = serving.wait_for(|serving| *serving == 0) => {}
            }
            self.shutdown(grace).await
        };
        let (ended, report) = tokio::join!(self.start(quic_server), shutdown);
        ended.map(|()| report)
    }

    /// Shuts the server down: announces it to every client, refuses new calls as safe
    /// to send elsewhere, waits for running ones, and cuts what is left when the grace
    /// period is over. Returns within the grace period and two seconds.
    ///
    /// Where the server's node is a member of a cluster, the members hear first that it
    /// [drains](crate::cluster::Member::is_draining), and it goes on serving every call for
    /// [the drain notice](crate::cluster::ClusterConfig::with_drain_notice), but for no more
    /// than a quarter of the grace period. It leaves the cluster when its calls are done, or
    /// just before the grace period is over.
    ///
    /// Replies that are complete are delivered before their connection is closed. A second
    /// call waits for the first, whose grace period holds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the shutdown, which has begun.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        self.shared.shut_down(grace).await
    }

    pub(crate) fn config(&self) -> &RpcConfig {
        &self.shared.config
    }

    /// How many calls are running now.
    #[must_use]
    pub fn running_calls(&self) -> usize {
        self.shared.places.taken()
    }

    /// Counts of what became of connections and handshakes.
    #[must_use]
    pub fn counters(&self) -> ServerCounters {
        ServerCounters {
            running_calls: self.shared.places.taken(),
            connections: self.shared.connections.taken(),
            handshakes_failed: self.shared.events.handshake_failures().count(),
            handshakes_retried: self.shared.admission.retries(),
        }
    }

    /// Why the latest handshake failed, if one has: such a client is never seen otherwise.
    #[must_use]
    pub fn last_handshake_failure(&self) -> Option<TlsError> {
        self.shared.events.handshake_failures().last("this server")
    }
}

impl Shared {
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.is_draining()
    }

    fn insert(&self, routes: Vec<(Method, Route)>) {
        self.router
            .insert(routes, |method| self.figures.cell(method));
    }

    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first_misnamed(&self) -> Option<String> {
        self.misnamed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn into_responses<S, T>(responses: S) -> Responses
where
    S: Stream<Item = Result<T, RpcError>> + Send + 'static,
    T: Into<Bytes>,
{
    Box::pin(IntoBytes { responses })
}

/// Counts of what became of a server's connections and handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCounters {
    /// Calls that are running now.
    pub running_calls: usize,
    /// Connections that are open now.
    pub connections: usize,
    /// Handshakes that failed since the start, because either side refused.
    pub handshakes_failed: u64,
    /// Handshakes answered with Retry since the start, because too many were in flight.
    pub handshakes_retried: usize,
}

/// Accepts connections until the door is closed, and waits for their end.
async fn accept(shared: Arc<Shared>, mut listener: Listener) {
    let door = &shared.shutdown.door;
    let connections = Tasks::under(shared.tasks.token());
    loop {
        let accepted = tokio::select! {
            biased;
            () = door.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Some((quic, acceptor)) = accepted else {
            break;
        };
        // Retry answers past the admission check, so that the limit holds here too.
        let Some(place) = shared.connections.take() else {
            shared.figures.connections_refused.one();
            quic.close(ErrorCode::TooManyConnections);
            continue;
        };
        shared.figures.connections_accepted.one();
        let shared = shared.clone();
        let tasks = Tasks::under(connections.token());
        connections.spawn(async move {
            let _place = place;
            connection::serve(shared, quic, acceptor, tasks).await;
        });
    }
    connections.wait().await;
}

/// Counts a `start` future in, and out again when it ends or is dropped.
struct Serving(Arc<Shared>);

impl Serving {
    fn new(shared: Arc<Shared>) -> Self {
        shared.serving.send_modify(|serving| *serving += 1);
        Self(shared)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.send_modify(|serving| *serving -= 1);
    }
}

/// The bound endpoint, which frees its port when it is dropped.
struct Listener(Option<s2n_quic::Server>);

impl Listener {
    async fn accept(&mut self) -> Option<(quic::QuicConnection, quic::Acceptor)> {
        quic::accept(self.0.as_mut()?).await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(server) = self.0.take() else { return };
        let address = server.local_addr();
        drop(server);
        if let Ok(address) = address {
            quic::wake_closed_endpoint(address);
        }
    }
}
