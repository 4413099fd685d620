//! Method name to handler; looked up without a lock that a handler could hold.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::{CallKind, Method};

use super::pace::Pace;
use super::requests::Requests;
use crate::context::CallContext;
use crate::error::RpcError;

pub(crate) type UnaryFuture = Pin<Box<dyn Future<Output = Result<Bytes, RpcError>> + Send>>;
pub(crate) type Responses = Pin<Box<dyn Stream<Item = Result<Bytes, RpcError>> + Send>>;
pub(crate) type StreamingFuture = Pin<Box<dyn Future<Output = Responses> + Send>>;

type Unary = dyn Fn(CallContext, Bytes) -> UnaryFuture + Send + Sync;
type Streaming = dyn Fn(CallContext, Requests) -> StreamingFuture + Send + Sync;

/// What serves a method.
#[derive(Clone)]
pub(crate) enum Handler {
    Unary(Arc<Unary>, Arc<Pace>),
    Streaming(Arc<Streaming>),
}

impl Handler {
    /// Returns true where the handler serves calls of this kind.
    ///
    /// A streaming handler serves all three streaming kinds: it reads as many requests
    /// and yields as many responses as the call has.
    pub(crate) fn serves(&self, kind: CallKind) -> bool {
        matches!(self, Self::Unary(..)) == (kind == CallKind::Unary)
    }
}

/// The methods of a server. Registering copies the table, so that lookups never wait.
#[derive(Default)]
pub(crate) struct Router {
    methods: ArcSwap<HashMap<Method, Handler>>,
}

impl Router {
    pub(crate) fn insert(&self, method: &Method, handler: &Handler) {
        self.methods.rcu(|methods| {
            let mut methods = HashMap::clone(methods);
            methods.insert(method.clone(), handler.clone());
            methods
        });
    }

    pub(crate) fn find(&self, method: &Method) -> Option<Handler> {
        self.methods.load().get(method).cloned()
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.methods.load().keys()).finish()
    }
}

pin_project_lite::pin_project! {
    /// A handler's responses, as shared buffers.
    pub(crate) struct IntoBytes<S> {
        #[pin]
        pub(crate) responses: S,
    }
}

impl<S: Stream<Item = Result<Vec<u8>, RpcError>>> Stream for IntoBytes<S> {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.project().responses.poll_next(cx);
        item.map(|item| item.map(|item| item.map(Bytes::from)))
    }
}
