//! Method name to handler; looked up without a lock that a handler could hold.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::wire::Header;
use rpcnet_proto::{CallKind, Code, CodecId, Method, Origin, Status};

use super::about::About;
use super::pace::Pace;
use super::requests::Requests;
use crate::codec;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::hash::ByName;
use crate::metrics::{Metered, MethodCell, Reason};

pub(crate) type UnaryFuture = Pin<Box<dyn Future<Output = Result<Bytes, Failure>> + Send>>;
pub(crate) type Responses = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>;
pub(crate) type StreamingFuture = Pin<Box<dyn Future<Output = Responses> + Send>>;

pub(crate) type Unary = dyn Fn(CallContext, Bytes) -> UnaryFuture + Send + Sync;
pub(crate) type Streaming = dyn Fn(CallContext, Requests) -> StreamingFuture + Send + Sync;

/// Why a handler has no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What user code returned.
    Handler(RpcError),
    /// What the library around a typed handler says.
    Verdict(Box<(Status, Origin)>),
}

impl Failure {
    pub(crate) fn verdict(status: Status, origin: Origin) -> Self {
        Self::Verdict(Box::new((status, origin)))
    }

    /// What the caller is told.
    pub(crate) fn into_peer(self) -> (Status, Origin) {
        match self {
            Self::Handler(error) => error.to_peer(),
            Self::Verdict(verdict) => *verdict,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(error) => error.fmt(f),
            Self::Verdict(verdict) => verdict.0.fmt(f),
        }
    }
}

/// What serves a method.
#[derive(Clone)]
pub(crate) enum Handler {
    Unary(Arc<Unary>, Arc<Pace>),
    Streaming(Arc<Streaming>),
}

impl Handler {
    pub(crate) fn unary(run: Arc<Unary>) -> Self {
        Self::Unary(run, Arc::default())
    }

    /// Returns true where the handler serves calls of this kind.
    ///
    /// A streaming handler serves all three streaming kinds: it reads as many requests
    /// and yields as many responses as the call has.
    pub(crate) fn serves(&self, kind: CallKind) -> bool {
        matches!(self, Self::Unary(..)) == (kind == CallKind::Unary)
    }
}

/// What a typed method demands of a call before its handler is entered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contract {
    pub(crate) kind: CallKind,
    pub(crate) accepts: fn(CodecId) -> bool,
    pub(crate) schema: Option<u64>,
}

impl Contract {
    fn check(&self, header: &Header) -> Result<(), Status> {
        if header.kind != self.kind {
            let message = format!("the method is {}, not {}", self.kind, header.kind);
            return Err(Status::new(Code::Unimplemented, message));
        }
        // W-22, W-57.
        if !(self.accepts)(header.codec) {
            let message = format!(
                "the method does not accept the codec {}; send the arguments in postcard or \
                 JSON, or whatever else the server was built with",
                header.codec
            );
            return Err(Status::new(Code::InvalidArgument, message));
        }
        // W-59.
        match (header.schema, self.schema) {
            (Some(theirs), Some(ours))
                if theirs != ours && !codec::is_self_describing(header.codec) =>
            {
                let message = format!(
                    "`{}` has schema {theirs:016x} at the caller and {ours:016x} at this server; \
                     deploy matching definitions, or call with JSON or MessagePack",
                    header.method
                );
                Err(Status::new(Code::FailedPrecondition, message))
            }
            _ => Ok(()),
        }
    }
}

/// A method's handler, what it demands, and what is known about it.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) handler: Handler,
    pub(crate) contract: Option<Contract>,
    pub(crate) about: Option<Arc<About>>,
    /// Where its calls are counted, once it is registered and if they are.
    pub(crate) cell: Option<Arc<MethodCell>>,
}

impl Metered for Arc<Route> {
    fn cell(&self) -> Option<&MethodCell> {
        self.cell.as_deref()
    }
}

/// The methods of a server. Registering copies the table, so that lookups never wait.
///
/// A call holds its route as a whole: one count of owners for the calls of all threads to
/// write to, where one of each part would be several.
#[derive(Default)]
pub(crate) struct Router {
    methods: ArcSwap<HashMap<Method, Arc<Route>, ByName>>,
}

impl Router {
    /// Adds the methods, all at once; those of the same names are replaced.
    /// One that has a name already is counted where that was.
    pub(crate) fn insert(
        &self,
        mut routes: Vec<(Method, Route)>,
        cell: impl Fn(&Method) -> Option<Arc<MethodCell>>,
    ) {
        for (method, route) in &mut routes {
            route.cell = cell(method);
        }
        self.methods.rcu(|methods| {
            let mut methods = HashMap::clone(methods);
            for (method, route) in &routes {
                let mut route = route.clone();
                if let Some(before) = methods.get(method) {
                    route.cell.clone_from(&before.cell);
                }
                methods.insert(method.clone(), Arc::new(route));
            }
            methods
        });
    }

    /// Says about a method that is there, and has no definition, what it is.
    pub(super) fn describe(&self, method: &Method, about: &Arc<About>) {
        self.methods.rcu(|methods| {
            let mut methods = HashMap::clone(methods);
            if let Some(route) = methods.get_mut(method) {
                Arc::make_mut(route).about = Some(about.clone());
            }
            methods
        });
    }

    /// Whether a method belongs to this service.
    pub(super) fn offers(&self, service: &str) -> bool {
        let methods = self.methods.load();
        let mut abouts = methods.values().filter_map(|route| route.about.as_ref());
        abouts.any(|about| about.service == service)
    }

    /// All methods that pass, in the order of their names.
    pub(super) fn list(
        &self,
        passes: impl Fn(&str, Option<&About>) -> bool,
    ) -> Vec<(Method, Arc<Route>)> {
        let methods = self.methods.load();
        let mut passing: Vec<(Method, Arc<Route>)> = methods
            .iter()
            .filter(|(method, route)| passes(method.as_str(), route.about.as_deref()))
            .map(|(method, route)| (method.clone(), route.clone()))
            .collect();
        passing.sort_unstable_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        passing
    }

    /// Finds what serves a call, or says why it is refused (W-22).
    pub(crate) fn find(&self, header: &Header) -> Result<Arc<Route>, (Reason, Status)> {
        let methods = self.methods.load();
        // The method is not repeated: the caller knows it, and logs need no echo.
        let Some(route) = methods.get(&header.method) else {
            let message = "the server has no such method";
            let status = Status::new(Code::Unimplemented, message);
            return Err((Reason::UnknownMethod, status));
        };
        let handler = &route.handler;
        let mismatch = |status| (Reason::Mismatch, status);
        match &route.contract {
            Some(contract) => contract.check(header).map_err(mismatch)?,
            None if handler.serves(header.kind) => {}
            None => {
                let message = match header.kind {
                    CallKind::Unary => "the method streams: call it with call_streaming",
                    _ => "the method is unary: call it with call",
                };
                return Err(mismatch(Status::new(Code::Unimplemented, message)));
            }
        }
        Ok(route.clone())
    }

    /// Where the calls of a method are counted, if it is there and they are.
    pub(crate) fn cell(&self, method: &Method) -> Option<Arc<MethodCell>> {
        self.methods.load().get(method)?.cell.clone()
    }

    /// Where the calls of all methods are counted, in the order of their names.
    pub(crate) fn cells(&self) -> Vec<Arc<MethodCell>> {
        let methods = self.methods.load();
        let cells = methods.values().filter_map(|route| route.cell.clone());
        let mut cells: Vec<_> = cells.collect();
        cells.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        cells
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

impl<S, T> Stream for IntoBytes<S>
where
    S: Stream<Item = Result<T, RpcError>>,
    T: Into<Bytes>,
{
    type Item = Result<Bytes, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.project().responses.poll_next(cx));
        Poll::Ready(item.map(|item| item.map(T::into).map_err(Failure::Handler)))
    }
}
