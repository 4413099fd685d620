//! [`Caller`]: one connection and the call that is made on it.

use std::sync::Arc;

use bytes::Bytes;
use rpcnet::{CallOptions, RpcClient, RpcError};
use tokio::time::Instant;

/// Makes the same call again and again.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    client: RpcClient,
    method: Arc<str>,
    payload: Bytes,
    options: CallOptions,
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// When it was due: latency counts from here.
    pub(super) due: Instant,
    pub(super) done: Instant,
    /// Bytes of the reply.
    pub(super) result: Result<usize, RpcError>,
}

impl Caller {
    pub(super) fn new(
        client: RpcClient,
        method: Arc<str>,
        payload: Bytes,
        options: CallOptions,
    ) -> Self {
        Self {
            client,
            method,
            payload,
            options,
        }
    }

    /// Makes the call that was due then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub(super) fn call(&self, due: Instant) -> impl Future<Output = Ended> + Send + use<> {
        let payload = self.payload.clone();
        let options = self.options.clone();
        let call = self.client.call_bytes(&self.method, payload, options);
        async move {
            let result = call.await.map(|reply| reply.len());
            Ended {
                due,
                done: Instant::now(),
                result,
            }
        }
    }
}
