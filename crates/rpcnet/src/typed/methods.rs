//! [`Methods`]: turns typed handler functions into the routes of a service.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;

use bytes::Bytes;
use rpcnet_proto::{Code, CodecId, Origin, Status};

use super::emit::{Emitted, Out, Sent, emit};
use super::encoding::Encoding;
use super::items::RequestItems;
use super::method::{Encodes, Method};
use super::then::then;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::about::About;
use crate::server::requests::Requests;
use crate::server::{Failure, Handler, Responses, Route, Service};

/// A service under construction: a handler, and what each method does with it.
pub struct Methods<H> {
    handler: Arc<H>,
    service: Service,
    doc: &'static str,
}

/// What the definition of a method says beside its types.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notes {
    /// Its doc comment.
    pub doc: &'static str,
    /// The names of the arguments in the opening message, in their order.
    pub parameters: &'static [&'static str],
    /// The name of the stream of requests; empty where there is none.
    pub requests: &'static str,
}

impl<H: Send + Sync + 'static> Methods<H> {
    /// Begins with no method.
    pub fn new(service: &'static str, handler: H) -> Self {
        Self {
            handler: Arc::new(handler),
            service: Service::new(service),
            doc: "",
        }
    }

    /// The doc comment of the service, before its methods.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// What the definition says about the method that was added last.
    #[must_use]
    pub fn noted(mut self, notes: Notes) -> Self {
        let about = self.service.last().and_then(|route| route.about.as_mut());
        // Nobody shares it before the service is finished.
        if let Some(about) = about.and_then(Arc::get_mut) {
            about.doc = notes.doc;
            about.parameters = notes.parameters;
            about.requests = Some(notes.requests).filter(|name| !name.is_empty());
        }
        self
    }

    /// Adds a unary method.
    #[must_use]
    pub fn unary<A, R, E, X, F, Fut>(
        mut self,
        method: &'static Method<A, (), R, E, X>,
        run: F,
    ) -> Self
    where
        X: Encodes<A, (), R, E>,
        F: Fn(Arc<H>, CallContext, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let shared = self.handler.clone();
        let handler = Handler::unary(Arc::new(move |context: CallContext, payload: Bytes| {
            let codec = context.codec();
            // Read before the future is made, which then holds no payload.
            let running = <X as Encoding<A>>::decode(codec, &payload)
                .map(|args| run(shared.clone(), context, args));
            Box::pin(then(running, move |replied| match replied {
                Ok(replied) => reply::<R, E, X>(codec, replied),
                Err(error) => Err(unreadable(&error)),
            }))
        }));
        self.push(method, handler);
        self
    }

    /// Adds a method that streams its responses.
    #[must_use]
    pub fn server_streaming<A, R, E, X, F, Fut>(
        mut self,
        method: &'static Method<A, (), R, E, X>,
        run: F,
    ) -> Self
    where
        X: Encodes<A, (), R, E>,
        F: Fn(Arc<H>, CallContext, A, Out<R, E, X>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Sent> + Send + 'static,
        A: Send,
    {
        let (shared, run) = (self.handler.clone(), Arc::new(run));
        let handler = Handler::Streaming(Arc::new(move |context, mut requests| {
            let (shared, run) = (shared.clone(), run.clone());
            let codec = context.codec();
            Box::pin(async move {
                match only::<A, X>(&mut requests, codec).await {
                    Ok(args) => {
                        let name = error_name::<E>();
                        responses(emit(codec, name, |out| run(shared, context, args, out)))
                    }
                    Err(failure) => failed(failure),
                }
            })
        }));
        self.push(method, handler);
        self
    }

    /// Adds a method that takes a stream of requests.
    #[must_use]
    pub fn client_streaming<A, I, R, E, X, F, Fut>(
        mut self,
        method: &'static Method<A, I, R, E, X>,
        run: F,
    ) -> Self
    where
        X: Encodes<A, I, R, E>,
        F: Fn(Arc<H>, CallContext, A, RequestItems<I>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        A: Send,
    {
        let (shared, run) = (self.handler.clone(), Arc::new(run));
        let handler = Handler::Streaming(Arc::new(move |context, mut requests| {
            let (shared, run) = (shared.clone(), run.clone());
            let codec = context.codec();
            Box::pin(async move {
                let args = match first::<A, X>(&mut requests, codec).await {
                    Ok(args) => args,
                    Err(failure) => return failed(failure),
                };
                let items = RequestItems::new(requests, codec, <X as Encoding<I>>::decode);
                let replied = run(shared, context, args, items).await;
                Box::pin(Once(Some(reply::<R, E, X>(codec, replied)))) as Responses
            })
        }));
        self.push(method, handler);
        self
    }

    /// Adds a method that streams both ways.
    #[must_use]
    pub fn bidirectional<A, I, R, E, X, F, Fut>(
        mut self,
        method: &'static Method<A, I, R, E, X>,
        run: F,
    ) -> Self
    where
        X: Encodes<A, I, R, E>,
        F: Fn(Arc<H>, CallContext, A, RequestItems<I>, Out<R, E, X>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Sent> + Send + 'static,
        A: Send,
    {
        let (shared, run) = (self.handler.clone(), Arc::new(run));
        let handler = Handler::Streaming(Arc::new(move |context, mut requests| {
            let (shared, run) = (shared.clone(), run.clone());
            let codec = context.codec();
            Box::pin(async move {
                let args = match first::<A, X>(&mut requests, codec).await {
                    Ok(args) => args,
                    Err(failure) => return failed(failure),
                };
                let items = RequestItems::new(requests, codec, <X as Encoding<I>>::decode);
                let name = error_name::<E>();
                responses(emit(codec, name, |out| {
                    run(shared, context, args, items, out)
                }))
            })
        }));
        self.push(method, handler);
        self
    }

    /// The finished service.
    #[must_use]
    pub fn service(self) -> Service {
        self.service
    }

    fn push<A, I, R, E, X>(&mut self, method: &'static Method<A, I, R, E, X>, handler: Handler)
    where
        X: Encodes<A, I, R, E>,
    {
        let about = About {
            service_doc: self.doc,
            typed: Some(method),
            ..About::new(self.service.name(), method.kind)
        };
        let route = Route {
            handler,
            contract: Some(method.contract()),
            about: Some(Arc::new(about)),
            cell: None,
        };
        self.service.push(method.name, route);
    }
}

impl<H> fmt::Debug for Methods<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)
    }
}

/// Reads the arguments, which come first where there are any (W-56).
async fn first<A, X: Encoding<A>>(requests: &mut Requests, codec: CodecId) -> Result<A, Failure> {
    if let Some(args) = X::absent() {
        return Ok(args);
    }
    match next(requests).await {
        Some(payload) => X::decode(codec, &payload).map_err(|error| unreadable(&error)),
        None => {
            let message = "the request ended before the arguments";
            let status = Status::new(Code::InvalidArgument, message);
            Err(Failure::verdict(status, Origin::Refused))
        }
    }
}

/// Reads the arguments of a request that holds nothing else, to its end: one that was
/// cut off behind them is not complete (W-8, W-24).
async fn only<A, X: Encoding<A>>(requests: &mut Requests, codec: CodecId) -> Result<A, Failure> {
    let args = first::<A, X>(requests, codec).await?;
    // A second message is an error of the protocol, and ends the call as a cut.
    let _ = next(requests).await;
    Ok(args)
}

/// The next message; where the request is cut off, the call ends instead.
async fn next(requests: &mut Requests) -> Option<Bytes> {
    match poll_fn(|cx| requests.poll_request(cx)).await? {
        Ok(payload) => Some(payload),
        Err(cut) => {
            requests.end_call(cut.ending());
            std::future::pending().await
        }
    }
}

fn responses<F: Future<Output = Sent> + Send + 'static>(emitted: Emitted<F>) -> Responses {
    Box::pin(emitted)
}

fn failed(failure: Failure) -> Responses {
    Box::pin(Once(Some(Err(failure))))
}

/// A stream of one item, or of none once it was taken.
struct Once(Option<Result<Bytes, Failure>>);

impl futures_core::Stream for Once {
    type Item = Result<Bytes, Failure>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take())
    }
}

fn reply<R, E, X>(codec: CodecId, replied: Result<R, E>) -> Result<Bytes, Failure>
where
    X: Encoding<R> + Encoding<E>,
{
    match replied {
        Ok(reply) => <X as Encoding<R>>::encode(codec, &reply).map_err(|e| unwritable(&e)),
        Err(error) => Err(judged::<E, X>(codec, error_name::<E>(), &error)),
    }
}

/// W-30: the arguments do not decode, so no handler is entered.
fn unreadable(error: &RpcError) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let mut message = "the arguments do not decode".to_owned();
    if let Some(cause) = cause {
        message.push_str(": ");
        message.extend(cause.escape_debug().take(Status::MESSAGE_BYTES_MAX / 2));
    }
    let status = Status::new(Code::InvalidArgument, message);
    Failure::verdict(status, Origin::Refused)
}

/// What the handler returned cannot be encoded: a bug of the service.
pub(super) fn unwritable(error: &RpcError) -> Failure {
    tracing::error!(error = ?error, "reply not encoded");
    let status = Status::new(Code::Internal, "the reply could not be encoded");
    Failure::verdict(status, Origin::Server)
}

/// W-58: the method's own error, in the codec of the call.
pub(super) fn judged<E, X>(codec: CodecId, name: &'static str, error: &E) -> Failure
where
    X: Encoding<E>,
{
    let details = match <X as Encoding<E>>::encode(codec, error) {
        Ok(details) => details,
        Err(error) => return unwritable(&error),
    };
    if details.len() > Status::DETAILS_BYTES_MAX {
        let message = format!(
            "the service's error `{name}` has {} bytes, more than the {} that travel",
            details.len(),
            Status::DETAILS_BYTES_MAX
        );
        return Failure::verdict(Status::new(Code::Unknown, message), Origin::Handler);
    }
    let status = Status::new(Code::Unknown, name).with_details(details);
    Failure::verdict(status, Origin::Service)
}

/// The name of the error's type, without the path to it.
fn error_name<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    let path_end = name.find('<').unwrap_or(name.len());
    let start = name[..path_end].rfind("::").map_or(0, |found| found + 2);
    &name[start..]
}
