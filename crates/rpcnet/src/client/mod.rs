//! [`RpcClient`]: calls to one server over one connection that re-establishes itself.

mod backoff;
mod batch;
mod batcher;
mod certificates;
mod connection;
mod endpoint;
mod habits;
mod into_bytes;
mod link;
mod metrics;
mod only;
mod request;
mod seat;
mod streaming;
#[cfg(test)]
mod tests;
mod unary;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::{CallId, CallKind};

pub(crate) use self::backoff::Backoff;
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::into_bytes::IntoBytes;
use self::link::Link;
#[cfg(any(feature = "metrics", feature = "prometheus"))]
pub(crate) use self::metrics::WeakClient;
pub(crate) use self::metrics::{StreamMeter, failed};
pub(crate) use self::only::only;
pub(crate) use self::request::Request;
pub use self::streaming::ResponseStream;
pub(crate) use self::streaming::{OpenedUpload, count_item};
pub(crate) use self::unary::Attempted;
use crate::call_options::CallOptions;
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::metrics::ClientFigures;

/// Calls the methods of one server.
///
/// Clones are cheap and share one connection, on which every call has a stream of its
/// own. A connection that is lost is re-established by the next call; see
/// [`RpcConfig::with_connect_timeout`] and [`RpcConfig::with_reconnect_backoff`].
///
/// The futures that calls return borrow nothing from the client, so they can be
/// spawned as they are.
///
/// # Cancel safety
///
/// Dropping a call's future, or the stream of its responses, cancels the call: its
/// stream is reset, and a CANCEL frame ends a handler that is neither reading nor
/// writing. Whether the handler had finished before is then unknown.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), rpcnet::RpcError> {
/// use rpcnet::{RpcClient, RpcConfig};
///
/// let config = RpcConfig::new("certs/ca.pem", "127.0.0.1:0").with_server_name("localhost");
/// let client = RpcClient::connect("127.0.0.1:8080".parse().expect("an address"), config).await?;
/// let answer = client.call("echo", b"hello".to_vec()).await?;
/// # let _ = answer;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RpcClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    link: Arc<Link>,
    next_id: AtomicU64,
    figures: Arc<ClientFigures>,
}

impl RpcClient {
    /// Connects to a server and exchanges settings with it.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`], [`RpcError::TlsError`] or [`RpcError::IoError`] where
    /// the configuration or a file is wrong; [`RpcError::TlsError`] where either side
    /// refuses the other's certificate; [`RpcError::ConnectionError`] where no server
    /// answered within the connect timeout.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub async fn connect(address: SocketAddr, config: RpcConfig) -> Result<Self, RpcError> {
        let client = Self::new(address, config)?;
        client.shared.link.connection().await?;
        Ok(client)
    }

    /// Makes a client that connects with its first call.
    ///
    /// Where that is unary it leaves with the end of the handshake, so that its answer is here after two round
    /// trips; [`connect`](Self::connect) takes two by itself. Others that are made meanwhile wait
    /// until the server has said what it accepts.
    ///
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`], [`RpcError::TlsError`] or [`RpcError::IoError`] where
    /// the configuration or a file is wrong.
    pub fn new(address: SocketAddr, config: RpcConfig) -> Result<Self, RpcError> {
        let endpoint = match config.has_own_socket {
            true => Endpoint::new(&config)?,
            false => Endpoint::shared(&config)?,
        };
        let figures = Arc::new(ClientFigures::new(config.are_calls_counted));
        Ok(Self::over(endpoint, address, config, figures))
    }

    /// A client over a socket that it shares with others.
    pub(crate) fn over(
        endpoint: Arc<Endpoint>,
        address: SocketAddr,
        config: RpcConfig,
        figures: Arc<ClientFigures>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                link: Link::new(endpoint, address, config, figures.clone()),
                next_id: AtomicU64::new(1),
                figures,
            }),
        }
    }

    /// Calls a method: one message there, one back.
    ///
    /// # Errors
    ///
    /// See [`RpcError`]; [`RpcError::handler_ran`] says whether the call may have been
    /// executed. The call itself is sent again only where it provably was not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call(
        &self,
        method: &str,
        payload: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<> {
        self.call_with(method, payload, CallOptions::new())
    }

    /// Calls a method with options.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_with(
        &self,
        method: &str,
        payload: Vec<u8>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<> {
        let shared = self.shared.clone();
        let mut request = Request::new(method, CallKind::Unary, options, &shared.link.config);
        let payload = Bytes::from(payload);
        async move {
            // Borrowed, so that the future holds it once.
            let request = match request {
                Ok(ref mut request) => {
                    request.begin_span();
                    &*request
                }
                Err(error) => return Err(error),
            };
            let mut meter = shared.figures.begin(request, payload.len());
            let call = pin!(unary::call(&shared, request, &payload));
            let replied = request.within_deadline(call).await;
            request.count(&mut meter, &replied);
            request.end_span(&replied);
            replied.map(Vec::from)
        }
    }

    /// Calls a method with shared buffers: no copy where the reply came in one piece.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_bytes(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        let shared = self.shared.clone();
        let mut request = Request::new(method, CallKind::Unary, options, &shared.link.config);
        async move {
            // Borrowed, so that the future holds it once.
            let request = match request {
                Ok(ref mut request) => {
                    request.begin_span();
                    &*request
                }
                Err(error) => return Err(error),
            };
            let mut meter = shared.figures.begin(request, payload.len());
            let call = pin!(unary::call(&shared, request, &payload));
            let replied = request.within_deadline(call).await;
            request.count(&mut meter, &replied);
            request.end_span(&replied);
            replied
        }
    }

    /// Calls a method with a stream of messages and receives a stream of them.
    ///
    /// Sending and receiving are independent: messages are sent as the server takes
    /// them, whether or not the responses are read. Ends when both are done.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), from connecting and opening the stream. Later errors
    /// arrive as the stream's last item.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_streaming<S>(
        &self,
        method: &str,
        requests: S,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        self.call_streaming_with(method, requests, CallOptions::new())
    }

    /// [`call_streaming`](Self::call_streaming) with options.
    ///
    /// # Errors
    ///
    /// As [`call_streaming`](Self::call_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_streaming_with<S>(
        &self,
        method: &str,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        let requests = IntoBytes::new(requests);
        self.open_with_upload(method, CallKind::Bidirectional, requests, options)
    }

    /// [`call_streaming_with`](Self::call_streaming_with) on shared buffers: no copy of a long
    /// request; of the responses neither where they are taken by
    /// [`ResponseStream::next_bytes`] and came in one piece.
    ///
    /// Also for a stream of one request, and for responses of which there is one.
    ///
    /// # Errors
    ///
    /// As [`call_streaming`](Self::call_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_streaming_bytes<S>(
        &self,
        method: &str,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let requests = IntoBytes::new(requests);
        self.open_with_upload(method, CallKind::Bidirectional, requests, options)
    }

    /// Calls a method with one message and receives a stream of them.
    ///
    /// # Errors
    ///
    /// As [`call_streaming`](Self::call_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_server_streaming(
        &self,
        method: &str,
        payload: Vec<u8>,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<> {
        self.call_server_streaming_with(method, payload, CallOptions::new())
    }

    /// [`call_server_streaming`](Self::call_server_streaming) with options.
    ///
    /// # Errors
    ///
    /// As [`call_streaming`](Self::call_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_server_streaming_with(
        &self,
        method: &str,
        payload: Vec<u8>,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<> {
        self.open_with_message(method, payload.into(), options)
    }

    /// Calls a method with a stream of messages and receives one.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). The call is never sent twice: its messages are gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_client_streaming<S>(
        &self,
        method: &str,
        requests: S,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        self.call_client_streaming_with(method, requests, CallOptions::new())
    }

    /// [`call_client_streaming`](Self::call_client_streaming) with options.
    ///
    /// # Errors
    ///
    /// As [`call_client_streaming`](Self::call_client_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_client_streaming_with<S>(
        &self,
        method: &str,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        let requests = IntoBytes::new(requests);
        let opened = self.open_with_upload(method, CallKind::ClientStreaming, requests, options);
        async move { only(pin!(opened.await?)).await }
    }

    /// Opens a call with one message, for whoever decodes the responses.
    pub(crate) fn open_with_message(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<> {
        let client = self.clone();
        let kind = CallKind::ServerStreaming;
        let request = Request::new(method, kind, options, &self.shared.link.config);
        // Boxed once, where it is made: whoever wraps the future would move all of it.
        Box::pin(async move {
            let request = request?.with_span();
            let meter = client.shared.figures.begin_stream(&request);
            meter.count_request(payload.len());
            let opened = client.open(&request, payload).await;
            opened_call(&request, meter, opened)
        })
    }

    /// Opens a call with any number of messages, for whoever decodes the responses.
    pub(crate) fn open_with_upload<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<ResponseStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        let client = self.clone();
        let request = Request::new(method, kind, options, &self.shared.link.config);
        Box::pin(async move {
            let request = request?.with_span();
            let meter = client.shared.figures.begin_stream(&request);
            let cell = meter.metered().clone();
            let opened = client.open_for_upload(&request).await;
            let opened = opened.map(|opened| opened.upload(requests, cell));
            opened_call(&request, meter, opened)
        })
    }

    /// Sends a unary call once, within a deadline that the caller sees to.
    pub(crate) async fn attempt(&self, request: &Request, payload: &Bytes) -> Attempted {
        unary::attempt(&self.shared, request, payload).await
    }

    /// Opens a call with one message once.
    pub(crate) async fn open(
        &self,
        request: &Request,
        payload: Bytes,
    ) -> Result<ResponseStream, RpcError> {
        streaming::open_with_message(&self.shared, request, payload).await
    }

    /// Opens a call with any number of messages once; none is taken yet.
    pub(crate) async fn open_for_upload(
        &self,
        request: &Request,
    ) -> Result<OpenedUpload, RpcError> {
        streaming::open_for_upload(&self.shared, request).await
    }

    /// Whether a call can be sent without waiting for a connection or for a place on it.
    pub(crate) fn has_place(&self) -> bool {
        self.shared.link.has_place()
    }

    /// Whether a call can be sent without waiting for a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.shared.link.is_connected()
    }

    /// How many calls wait to be sent together.
    pub(crate) fn queued(&self) -> usize {
        self.shared.link.queued()
    }

    /// Waits until there is a connection, for at most the connect timeout.
    pub(crate) async fn connected(&self) -> Result<(), RpcError> {
        self.shared.link.connection().await.map(drop)
    }

    /// The server's address.
    #[must_use]
    pub fn remote_addr(&self) -> SocketAddr {
        self.shared.link.target()
    }

    /// This client's own address, while it is connected.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.shared.link.local_addr()
    }

    /// The largest datagram that is known to get through to the server, in bytes, without the headers of
    /// IP and UDP; `None` while there is no connection. It grows within the first round trips of a
    /// connection, up to what [`Limits::mtu_max`](crate::Limits::mtu_max) and the path allow.
    #[must_use]
    pub fn path_mtu(&self) -> Option<u16> {
        self.shared.link.path_mtu()
    }

    /// Closes the client and all its clones: calls under way are cancelled, and fail, as later
    /// ones do, with
    /// [`ConnectionErrorKind::ClientClosed`](crate::ConnectionErrorKind::ClientClosed).
    ///
    /// Dropping the last clone does the same, after the calls under way have ended.
    pub fn close(&self) {
        self.shared.link.close();
    }
}

/// The responses of a call that has no other attempt.
fn opened_call(
    request: &Request,
    mut meter: StreamMeter,
    opened: Result<ResponseStream, RpcError>,
) -> Result<ResponseStream, RpcError> {
    match opened {
        Ok(responses) => Ok(responses.call(request.span(), meter)),
        Err(error) => {
            let failed = Err(failed(&mut meter, error));
            request.end_span(&failed);
            failed
        }
    }
}

impl Shared {
    /// The number of the next call: unique among this client's calls, and so on each of
    /// its connections (W-16).
    fn next_call_id(&self) -> CallId {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        // Wraps after 2^62 calls, which is 14,000 years at ten million a second.
        CallId::new(id & CallId::MAX.get()).unwrap_or(CallId::MAX)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.link.close();
    }
}
