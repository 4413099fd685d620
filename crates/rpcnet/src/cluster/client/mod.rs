//! [`ClusterClient`]: calls to a worker that fits, whatever becomes of single workers.
//!
//! A call asks the registry for a worker, makes one attempt over the line to it, and lets
//! [`decide`] say what a failed attempt means: only that file knows what may be repeated.

mod attempt;
mod certificates;
mod choose;
mod config;
mod counters;
mod decide;
mod hedge;
mod line;
mod lines;
mod metrics;
mod pool;
mod scatter;
mod stream;
mod unary;
mod upload;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::CallKind;
use rpcnet_proto::balance::RetryBudget;

pub use self::config::ClusterClientConfig;
pub use self::counters::ClusterClientCounters;
use self::counters::Counters;
use self::lines::Lines;
#[cfg(any(feature = "metrics", feature = "prometheus"))]
pub(crate) use self::metrics::WeakClusterClient;
pub use self::metrics::{ClusterClientMetrics, WorkerMetrics};
pub use self::pool::WorkerPool;
pub use self::scatter::WorkerResult;
pub use self::stream::{WorkerBytes, WorkerStream};
use super::filter::FilterError;
use super::workers::WorkerRegistry;
use crate::call_options::CallOptions;
use crate::client::{IntoBytes, Request, only};
use crate::error::RpcError;
use crate::metrics::ClientFigures;
use crate::task::Tasks;

/// Calls whichever worker of a cluster fits, and another one where that helps.
///
/// There is one connection to each worker, made ahead of the first call, kept and
/// re-established, closed when the worker goes. A worker is verified as its own node name,
/// whatever server name the [`RpcConfig`](crate::RpcConfig) has: nobody else can take its
/// place.
///
/// # What becomes of a failed attempt
///
/// - Nothing was sent, or the worker refused before any handler was entered: another worker
///   is asked, whatever the method.
/// - It may have been executed, as when its worker died: another worker is asked only where
///   the call is [idempotent](CallOptions::idempotent).
/// - The worker answered, were it with an error: that is the result.
///
/// All within the call's deadline, at most
/// [`with_attempts_max`](ClusterClientConfig::with_attempts_max) times, and only as far as the
/// [retry budget](ClusterClientConfig::with_retry_budget) goes, so that retries do not make an
/// outage worse. An idempotent call also leaves a worker that falls silent, without waiting
/// for its deadline.
///
/// Where there is no worker, or none has room, a call fails at once with
/// [`RpcError::NoWorker`]; with [`CallOptions::wait_for_ready`] it waits under its deadline,
/// and goes on waiting after attempts that were not executed, however many.
///
/// # Cancel safety
///
/// Dropping a call's future, or the stream of its responses, cancels the call at its worker
/// and gives its place back.
///
/// # Examples
///
/// ```no_run
/// # async fn example(cluster: std::sync::Arc<rpcnet::cluster::ClusterMembership>)
/// # -> Result<(), rpcnet::RpcError> {
/// use rpcnet::RpcConfig;
/// use rpcnet::cluster::{ClusterClient, LoadBalancingStrategy, WorkerRegistry};
///
/// let registry = WorkerRegistry::new(cluster, LoadBalancingStrategy::PeakEwma);
/// registry.start().await;
/// let client = ClusterClient::new(registry, RpcConfig::new("certs/ca.pem", "0.0.0.0:0"));
/// let answer = client.call_worker("compute", b"21 * 2".to_vec(), Some("gpu")).await?;
/// # let _ = answer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ClusterClient {
    inner: Arc<Inner>,
    /// Ends with the last handle; calls under way do not need it.
    _tasks: Arc<Tasks>,
}

#[derive(Debug)]
struct Inner {
    registry: Arc<WorkerRegistry>,
    config: ClusterClientConfig,
    lines: Arc<Lines>,
    budget: RetryBudget,
    counters: Counters,
    figures: Arc<ClientFigures>,
}

/// Which workers a call may go to.
#[derive(Clone, Debug, Default)]
struct Target {
    filter: Option<Box<str>>,
    key: Option<u64>,
}

impl Target {
    fn new(filter: Option<&str>) -> Self {
        Self {
            filter: filter.map(Into::into),
            key: None,
        }
    }
}

impl ClusterClient {
    /// Makes a client, which begins to connect to the registry's workers. Reads no file yet:
    /// what is wrong with one, the first call says. Must be called within a Tokio runtime.
    ///
    /// Values of the configuration that are out of range are brought into it, with a
    /// warning in the log.
    pub fn new(
        registry: impl Into<Arc<WorkerRegistry>>,
        config: impl Into<ClusterClientConfig>,
    ) -> Self {
        let registry = registry.into();
        let config = config.into().in_range();
        let figures = Arc::new(ClientFigures::new(config.rpc.are_calls_counted));
        let lines = Arc::new(Lines::new(&config, Arc::clone(&figures)));
        let tasks = Arc::new(Tasks::new());
        let kept = Arc::clone(&lines).keep(Arc::clone(registry.shared()));
        tasks.spawn_until_stopped(kept);
        let (ratio, per_second) = config.retry_budget;
        let inner = Inner {
            budget: RetryBudget::new(ratio, per_second),
            counters: Counters::default(),
            figures,
            registry,
            config,
            lines,
        };
        Self {
            inner: Arc::new(inner),
            _tasks: tasks,
        }
    }

    /// Calls a method of a worker that passes the filter, `None` for any worker: one message
    /// there, one back.
    ///
    /// # Errors
    ///
    /// See [`RpcError`]; [`RpcError::handler_ran`] says whether the call may have been
    /// executed. [`RpcError::NoWorker`] where there is nobody to call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_worker(
        &self,
        method: &str,
        data: Vec<u8>,
        filter: Option<&str>,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<> {
        self.call_worker_with(method, data, filter, CallOptions::new())
    }

    /// [`call_worker`](Self::call_worker) with options.
    ///
    /// # Errors
    ///
    /// As [`call_worker`](Self::call_worker).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_worker_with(
        &self,
        method: &str,
        data: Vec<u8>,
        filter: Option<&str>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<> {
        let call = self.unary(method, data.into(), Target::new(filter), options);
        async move { call.await.map(Vec::from) }
    }

    /// Calls a method of a worker with one message and receives a stream of them.
    ///
    /// A call that was refused before its first response goes to another worker, and so does
    /// an idempotent one that was lost by then. After that an error is the stream's last
    /// item, and where to go on is the caller's to know.
    ///
    /// # Errors
    ///
    /// As [`call_worker`](Self::call_worker), from finding a worker and opening the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_worker_server_streaming(
        &self,
        method: &str,
        data: Vec<u8>,
        filter: Option<&str>,
    ) -> impl Future<Output = Result<WorkerStream, RpcError>> + Send + use<> {
        self.call_worker_server_streaming_with(method, data, filter, CallOptions::new())
    }

    /// [`call_worker_server_streaming`](Self::call_worker_server_streaming) with options.
    ///
    /// # Errors
    ///
    /// As [`call_worker`](Self::call_worker).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_worker_server_streaming_with(
        &self,
        method: &str,
        data: Vec<u8>,
        filter: Option<&str>,
        options: CallOptions,
    ) -> impl Future<Output = Result<WorkerStream, RpcError>> + Send + use<> {
        self.server_streaming(method, data.into(), Target::new(filter), options)
    }

    /// Calls a method of a worker with a stream of messages and receives a stream of them.
    ///
    /// Another worker is asked only where none of the requests has been taken from the
    /// caller's stream: they cannot be taken twice.
    ///
    /// # Errors
    ///
    /// As [`call_worker`](Self::call_worker), from finding a worker and opening the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_worker_streaming<S>(
        &self,
        method: &str,
        requests: S,
        filter: Option<&str>,
    ) -> impl Future<Output = Result<WorkerStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        self.call_worker_streaming_with(method, requests, filter, CallOptions::new())
    }

    /// [`call_worker_streaming`](Self::call_worker_streaming) with options.
    ///
    /// # Errors
    ///
    /// As [`call_worker`](Self::call_worker).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or the stream, cancels the call.
    pub fn call_worker_streaming_with<S>(
        &self,
        method: &str,
        requests: S,
        filter: Option<&str>,
        options: CallOptions,
    ) -> impl Future<Output = Result<WorkerStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        let requests = IntoBytes::new(requests);
        let target = Target::new(filter);
        self.streaming(method, CallKind::Bidirectional, requests, target, options)
    }

    /// Calls a method of a worker with a stream of messages and receives one.
    ///
    /// # Errors
    ///
    /// As [`call_worker_streaming`](Self::call_worker_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_worker_client_streaming<S>(
        &self,
        method: &str,
        requests: S,
        filter: Option<&str>,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        self.call_worker_client_streaming_with(method, requests, filter, CallOptions::new())
    }

    /// [`call_worker_client_streaming`](Self::call_worker_client_streaming) with options.
    ///
    /// # Errors
    ///
    /// As [`call_worker_streaming`](Self::call_worker_streaming).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub fn call_worker_client_streaming_with<S>(
        &self,
        method: &str,
        requests: S,
        filter: Option<&str>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<u8>, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        let requests = IntoBytes::new(requests);
        let target = Target::new(filter);
        let opened = self.streaming(method, CallKind::ClientStreaming, requests, target, options);
        async move { only(pin!(opened.await?)).await }
    }

    /// Calls a method of every worker that passes the filter, each once, and returns what
    /// each answered, sorted by name. At most [`SCATTER_MAX`](Self::SCATTER_MAX) of the calls
    /// are under way at once.
    ///
    /// # Errors
    ///
    /// Only where nobody was called; a single worker's failure is its own result.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the calls that are under way.
    pub fn call_all(
        &self,
        method: &str,
        data: Vec<u8>,
        filter: Option<&str>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<WorkerResult>, RpcError>> + Send + use<> {
        self.scatter(
            usize::MAX,
            method,
            data.into(),
            Target::new(filter),
            options,
        )
    }

    /// As [`call_all`](Self::call_all), but done as soon as `successes` of the workers have
    /// succeeded: the calls that are under way then are cancelled, and not among the results.
    /// Where fewer succeed, the results are those of all.
    ///
    /// # Errors
    ///
    /// As [`call_all`](Self::call_all).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the calls that are under way.
    pub fn call_first(
        &self,
        successes: usize,
        method: &str,
        data: Vec<u8>,
        filter: Option<&str>,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<WorkerResult>, RpcError>> + Send + use<> {
        self.scatter(successes, method, data.into(), Target::new(filter), options)
    }

    /// The workers that pass a filter, as one carrier of calls: typed clients run over it
    /// as they do over an [`RpcClient`](crate::RpcClient).
    ///
    /// # Errors
    ///
    /// [`FilterError`] where the text is no filter.
    pub fn pool(&self, filter: Option<&str>) -> Result<WorkerPool, FilterError> {
        WorkerPool::new(self.clone(), filter)
    }

    /// The registry that chooses.
    #[must_use]
    pub fn registry(&self) -> &Arc<WorkerRegistry> {
        &self.inner.registry
    }

    /// What became of the calls so far.
    #[must_use]
    pub fn counters(&self) -> ClusterClientCounters {
        self.inner.counters.read()
    }

    /// Closes the client and all its clones: calls under way end as cancelled streams do,
    /// later ones fail with
    /// [`ConnectionErrorKind::ClientClosed`](crate::ConnectionErrorKind::ClientClosed).
    ///
    /// Dropping the last clone does the same, after the calls under way have ended.
    pub fn close(&self) {
        self.inner.lines.close();
    }

    /// The most calls of [`call_all`](Self::call_all) that are under way at once.
    pub const SCATTER_MAX: usize = 64;

    fn unary(
        &self,
        method: &str,
        payload: Bytes,
        target: Target,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        let request = self.request(method, CallKind::Unary, options);
        async move {
            let request = request?.with_span();
            let mut meter = inner.figures.begin(&request, payload.len());
            let call = pin!(unary::call(&inner, &request, &payload, &target));
            let replied = request.within_deadline(call).await;
            request.count(&mut meter, &replied);
            request.end_span(&replied);
            replied
        }
    }

    fn server_streaming(
        &self,
        method: &str,
        payload: Bytes,
        target: Target,
        options: CallOptions,
    ) -> impl Future<Output = Result<WorkerStream, RpcError>> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        let request = self.request(method, CallKind::ServerStreaming, options);
        Box::pin(async move { stream::open(inner, request?.with_span(), payload, target).await })
    }

    fn streaming<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        target: Target,
        options: CallOptions,
    ) -> impl Future<Output = Result<WorkerStream, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let request = self.request(method, kind, options);
        Box::pin(async move { upload::open(inner, request?.with_span(), requests, target).await })
    }

    fn scatter(
        &self,
        successes: usize,
        method: &str,
        payload: Bytes,
        target: Target,
        options: CallOptions,
    ) -> impl Future<Output = Result<Vec<WorkerResult>, RpcError>> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        let request = self.request(method, CallKind::Unary, options);
        async move {
            let request = request?.with_span();
            let called = scatter::call(&inner, &request, &payload, &target, successes).await;
            request.end_span(&called);
            called
        }
    }

    /// The call's deadline is fixed here, whatever attempts it takes.
    fn request(
        &self,
        method: &str,
        kind: CallKind,
        mut options: CallOptions,
    ) -> Result<Request, RpcError> {
        options.load_report = true;
        Request::new(method, kind, options, &self.inner.config.rpc)
    }
}
