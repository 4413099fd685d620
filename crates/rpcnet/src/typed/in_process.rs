//! [`InProcess`]: calls to handlers in the same process, without a network.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::wire::Header;
use rpcnet_proto::{CallId, CallKind, Deadline, Method, Origin};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::carrier::Carrier;
use crate::call_options::CallOptions;
use crate::clock;
use crate::config::{DEFAULT_STREAM_TIMEOUT, DEFAULT_TIMEOUT};
use crate::context::{self, CallContext, Ending, Peer};
use crate::error::RpcError;
use crate::server::call::{Verdict, contain_panic_in, supervise};
use crate::server::requests::{LocalRequests, Requests};
use crate::server::{Failure, Handler, Responses, Route, Router, Service};

/// Carries the calls of generated clients to services in the same process.
///
/// What a call means stays the same: payloads are encoded and decoded, deadlines hold,
/// dropping a call drops its handler, a panic is that call's own error. What belongs
/// to connections is absent: certificates, limits, calls that are lost. Handlers run in
/// the task of the caller, so that a test with paused time is in control of them.
///
/// # Examples
///
/// ```
/// # mod shop {
/// #[rpcnet::service]
/// pub trait Shop {
///     async fn price(&self, article: String) -> Result<u32, String>;
/// }
/// # }
/// # use shop::*;
///
/// struct Fixed(u32);
///
/// impl ShopHandler for Fixed {
///     async fn price(&self, article: String) -> Result<u32, String> {
///         if article.is_empty() { Err("which one?".into()) } else { Ok(self.0) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let client = ShopClient::new(rpcnet::InProcess::new(ShopServer::service(Fixed(3))));
/// assert_eq!(client.price("bread".into()).await.unwrap(), 3);
/// assert_eq!(client.price(String::new()).await.unwrap_err().service().unwrap(), "which one?");
/// # }
/// ```
#[derive(Clone)]
pub struct InProcess(Arc<Inner>);

struct Inner {
    router: Router,
    next_id: AtomicU64,
    peer: Arc<Peer>,
}

impl InProcess {
    /// Carries calls to this service.
    #[must_use]
    pub fn new(service: Service) -> Self {
        let carrier = Self(Arc::new(Inner {
            router: Router::default(),
            next_id: AtomicU64::new(1),
            peer: Arc::new(Peer {
                address: None,
                identity: None,
            }),
        }));
        carrier.with_service(service)
    }

    /// Carries calls to this service as well.
    #[must_use]
    pub fn with_service(self, service: Service) -> Self {
        self.0.router.insert(service.into_routes(), |_| None);
        self
    }

    /// Finds the handler of a call and makes its context, as a server does.
    fn admit(
        &self,
        method: &str,
        kind: CallKind,
        options: CallOptions,
    ) -> Result<(Arc<Route>, CallContext), RpcError> {
        let method = Method::new(method).map_err(|error| RpcError::config(error.to_string()))?;
        let default = match kind {
            CallKind::Unary => DEFAULT_TIMEOUT,
            _ => DEFAULT_STREAM_TIMEOUT,
        };
        let now = clock::now();
        let own = Deadline::after(now, options.timeout.unwrap_or(default));
        let (inherited, trace) = context::inherited();
        let deadline = inherited.map_or(own, |inherited| own.earlier(inherited));
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let header = Header {
            call_id: CallId::new(id & CallId::MAX.get()).unwrap_or(CallId::MAX),
            kind,
            codec: options.codec(),
            idempotent: options.idempotent,
            timeout: deadline.remaining(now).ok_or(RpcError::Timeout)?,
            method,
            trace: options.trace.or(trace),
            metadata: options.metadata,
            schema: options.schema,
            // There is no server here that could be busy.
            load_report: false,
        };
        let found = self.0.router.find(&header);
        let route = found.map_err(|(_, status)| RpcError::from_peer(status, Origin::Refused))?;
        let context = CallContext::new(header, deadline, self.0.peer.clone());
        Ok((route, context))
    }

    fn open(
        &self,
        method: &str,
        kind: CallKind,
        options: CallOptions,
        requests: impl Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    ) -> Result<LocalResponses, RpcError> {
        let (route, context) = self.admit(method, kind, options)?;
        let Handler::Streaming(handler) = &route.handler else {
            // The router compares the shapes of typed methods.
            return Err(RpcError::internal(
                "a method that streams has no such handler",
            ));
        };
        let problem = Problem::default();
        let messages = Box::pin(Messages {
            requests,
            problem: problem.clone(),
            context: context.clone(),
        });
        let requests = Requests::Local(LocalRequests {
            messages,
            context: context.clone(),
        });
        let responses = context.clone().enter(|| handler(context.clone(), requests));
        Ok(LocalResponses {
            deadline: Box::pin(sleep_until(Instant::from_std(context.deadline()))),
            ended: Box::pin(context.cancellation()),
            state: State::Opening(responses),
            problem,
            context,
        })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProcess").field(&self.0.router).finish()
    }
}

impl Carrier for InProcess {
    type Responses = LocalResponses;

    fn call(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        let admitted = self.admit(method, CallKind::Unary, options);
        async move {
            let (route, context) = admitted?;
            let Handler::Unary(handler, _) = &route.handler else {
                return Err(RpcError::internal("a unary method has no such handler"));
            };
            // Tasks that the handler left are told when the call is over or dropped.
            let _over = context.clone().close_on_drop();
            let work = pin!(async {
                let replied = handler(context.clone(), payload).await;
                replied.map_err(Verdict::of_failure)
            });
            supervise(&context, work).await.map_err(verdict_error)
        }
    }

    fn call_server_streaming(
        &self,
        method: &str,
        payload: Bytes,
        options: CallOptions,
    ) -> impl Future<Output = Result<LocalResponses, RpcError>> + Send + use<> {
        let request = Only(Some(payload));
        let opened = self.open(method, CallKind::ServerStreaming, options, request);
        async move { opened }
    }

    fn call_streaming<S>(
        &self,
        method: &str,
        kind: CallKind,
        requests: S,
        options: CallOptions,
    ) -> impl Future<Output = Result<LocalResponses, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        let opened = self.open(method, kind, options, requests);
        async move { opened }
    }
}

/// What the end of a call in this process means to its caller.
fn verdict_error(verdict: Verdict) -> RpcError {
    match verdict {
        Verdict::Status(status, origin) => RpcError::from_peer(status, origin),
        Verdict::Reset(_) | Verdict::Answered => RpcError::Cancelled,
    }
}

/// One request.
struct Only(Option<Bytes>);

impl Stream for Only {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

/// What went wrong with the requests on the caller's side.
type Problem = Arc<Mutex<Option<RpcError>>>;

pin_project_lite::pin_project! {
    /// The caller's requests as the handler reads them: an `Err` ends the call.
    struct Messages<S> {
        #[pin]
        requests: S,
        problem: Problem,
        context: CallContext,
    }
}

impl<S: Stream<Item = Result<Bytes, RpcError>>> Stream for Messages<S> {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self.project();
        match ready!(this.requests.poll_next(cx)) {
            Some(Ok(message)) => Poll::Ready(Some(message)),
            None => Poll::Ready(None),
            Some(Err(error)) => {
                *this.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Wakes the reader of the responses, who looks for the problem first.
                this.context.end(Ending::Cancelled);
                Poll::Pending
            }
        }
    }
}

/// The responses of a streaming call in this process.
#[must_use = "dropping the responses cancels the call"]
pub struct LocalResponses {
    state: State,
    context: CallContext,
    deadline: Pin<Box<Sleep>>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    problem: Problem,
}

enum State {
    Opening(Pin<Box<dyn Future<Output = Responses> + Send>>),
    Open(Responses),
    Done,
}

impl State {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            match self {
                Self::Opening(opening) => *self = Self::Open(ready!(opening.as_mut().poll(cx))),
                Self::Open(responses) => return responses.as_mut().poll_next(cx),
                Self::Done => return Poll::Ready(None),
            }
        }
    }
}

impl LocalResponses {
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<RpcError> {
        let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = problem.take() {
            return Poll::Ready(error);
        }
        drop(problem);
        if self.ended.as_mut().poll(cx).is_ready() {
            let ending = self.context.ending();
            return Poll::Ready(verdict_error(Verdict::of_ending(ending)));
        }
        self.deadline.as_mut().poll(cx).map(|()| RpcError::Timeout)
    }
}

impl Stream for LocalResponses {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let fairness = ready!(tokio::task::coop::poll_proceed(cx));
        let state = &mut this.state;
        let context = this.context.clone();
        let polled = contain_panic_in(&this.context, || context.enter(|| state.poll_item(cx)));
        let item = match polled {
            Err(verdict) => Some(Err(verdict_error(verdict))),
            Ok(Poll::Ready(item)) => {
                item.map(|item| item.map_err(|failure| verdict_error(Verdict::of_failure(failure))))
            }
            Ok(Poll::Pending) => Some(Err(ready!(this.poll_end(cx)))),
        };
        fairness.made_progress();
        if !matches!(item, Some(Ok(_))) {
            // The handler ends with its call, not when the caller drops the stream.
            this.state = State::Done;
            this.context.close();
        }
        Poll::Ready(item)
    }
}

impl Drop for LocalResponses {
    fn drop(&mut self) {
        self.context.close();
    }
}

impl fmt::Debug for LocalResponses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalResponses")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
