//! [`WorkerPool`]: workers that pass a filter, as one carrier of calls.

use std::future::Future;

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::CallKind;
use rpcnet_proto::balance::hash;

use super::stream::WorkerBytes;
use super::{ClusterClient, Target};
use crate::call_options::CallOptions;
use crate::cluster::filter::{FilterError, TagFilter};
use crate::error::RpcError;
use crate::typed::Carrier;

/// The workers that pass a filter, as one carrier of calls: typed clients run over it as
/// they do over one server.
///
/// Clones are cheap. Made by [`ClusterClient::pool`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(client: rpcnet::cluster::ClusterClient)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use bytes::Bytes;
/// use rpcnet::{CallOptions, Carrier};
///
/// let pool = client.pool(Some("role=worker,gpu"))?.with_key("user-7");
/// // A typed client takes it as its carrier: `GreetingClient::new(pool)`.
/// let answer = pool.call("greet", Bytes::from_static(b"world"), CallOptions::new()).await?;
/// # let _ = answer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WorkerPool {
    client: ClusterClient,
    target: Target,
}

impl WorkerPool {
    pub(super) fn new(client: ClusterClient, filter: Option<&str>) -> Result<Self, FilterError> {
        let filter = filter.unwrap_or_default();
        TagFilter::new(filter)?;
        let target = Target::new(Some(filter).filter(|filter| !filter.is_empty()));
        Ok(Self { client, target })
    }

    /// Sends calls of one key to one worker, as long as it is there and not much busier than
    /// the others. It counts with
    /// [`Rendezvous`](crate::cluster::LoadBalancingStrategy::Rendezvous) only.
    #[must_use]
    pub fn with_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.target.key = Some(hash(key.as_ref()));
        self
    }

    /// The client that carries the calls.
    #[must_use]
    pub fn client(&self) -> &ClusterClient {
        &self.client
    }
}

impl Carrier for WorkerPool {
    type Responses = WorkerBytes;

    fn call(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        self.client
            .unary(method, payload, self.target.clone(), options)
    }

    fn call_server_streaming(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<WorkerBytes, RpcError>> + Send + use<> {
        let target = self.target.clone();
        let opened = self
            .client
            .server_streaming(method, payload, target, options);
        async move { opened.await.map(WorkerBytes) }
    }

    fn call_streaming<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<WorkerBytes, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        let target = self.target.clone();
        let opened = self
            .client
            .streaming(method, kind, requests, target, options);
        async move { opened.await.map(WorkerBytes) }
    }
}
