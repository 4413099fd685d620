//! [`Responses`]: what a streaming method answers, item by item.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::{CodecId, Status};

use super::encoding::Encoding;
use super::error::CallError;
use crate::error::RpcError;

type Payloads = Pin<Box<dyn Stream<Item = Result<Bytes, RpcError>> + Send>>;

/// The responses of a typed streaming call, in order.
///
/// An `Err` is the last item: the service's own error arrives as
/// [`CallError::Service`], also one that it returned before its first item. Ends with
/// `None` only where the handler's stream did. Dropping it earlier cancels the call.
///
/// # Cancel safety
///
/// `next` is cancel safe: an item is taken only when it is returned.
#[must_use = "dropping the responses cancels the call"]
pub struct Responses<T, E> {
    payloads: Option<Payloads>,
    codec: CodecId,
    decode: fn(CodecId, &[u8]) -> Result<T, RpcError>,
    fail: fn(CodecId, RpcError) -> CallError<E>,
}

impl<T, E> Responses<T, E> {
    pub(super) fn new<X>(
        payloads: impl Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
        codec: CodecId,
    ) -> Self
    where
        X: Encoding<T> + Encoding<E>,
    {
        Self {
            payloads: Some(Box::pin(payloads)),
            codec,
            decode: <X as Encoding<T>>::decode,
            fail: failure::<E, X>,
        }
    }
}

impl<T, E> Stream for Responses<T, E> {
    type Item = Result<T, CallError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(payloads) = &mut self.payloads else {
            return Poll::Ready(None);
        };
        let item = match ready!(payloads.as_mut().poll_next(cx)) {
            Some(Ok(payload)) => Some((self.decode)(self.codec, &payload).map_err(CallError::Rpc)),
            Some(Err(error)) => Some(Err((self.fail)(self.codec, error))),
            None => None,
        };
        if !matches!(item, Some(Ok(_))) {
            // What cannot be read cancels the call, and what has ended lets go of it.
            self.payloads = None;
        }
        Poll::Ready(item)
    }
}

/// Every field is `Unpin`, whatever the items are.
impl<T, E> Unpin for Responses<T, E> {}

impl<T, E> fmt::Debug for Responses<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responses")
            .field("codec", &self.codec)
            .field("is_done", &self.payloads.is_none())
            .finish_non_exhaustive()
    }
}

/// What an error of the carrier means to a typed caller.
pub(super) fn failure<E, X: Encoding<E>>(codec: CodecId, error: RpcError) -> CallError<E> {
    match error {
        RpcError::ServiceError(status) => service_error::<E, X>(codec, &status),
        other => CallError::Rpc(other),
    }
}

/// W-58: the details are the method's error in the codec of the call.
fn service_error<E, X: Encoding<E>>(codec: CodecId, status: &Status) -> CallError<E> {
    match X::decode(codec, &status.details) {
        Ok(error) => CallError::Service(error),
        Err(error) => CallError::Rpc(error),
    }
}
