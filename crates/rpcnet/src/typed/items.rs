//! The request stream of a typed method, as its handler reads it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use rpcnet_proto::CodecId;

use crate::context::Ending;
use crate::error::RpcError;
use crate::server::requests::Requests;

type Decode<I> = fn(CodecId, &[u8]) -> Result<I, RpcError>;

/// The items of a call's request stream; ends only where the caller ended it.
///
/// A stream that was cut off never looks complete, nor does one with an item that
/// cannot be decoded: the call ends instead, and its handler is dropped.
///
/// # Cancel safety
///
/// `next` is cancel safe: an item is taken only when it is returned.
pub struct RequestItems<I> {
    requests: Requests,
    codec: CodecId,
    decode: Decode<I>,
    is_cut: bool,
}

impl<I> RequestItems<I> {
    pub(super) fn new(requests: Requests, codec: CodecId, decode: Decode<I>) -> Self {
        Self {
            requests,
            codec,
            decode,
            is_cut: false,
        }
    }

    /// The same items for a handler that wants to see how they end.
    #[must_use]
    pub fn results(self) -> RequestItemResults<I> {
        RequestItemResults {
            items: self,
            is_done: false,
        }
    }
}

impl<I> Stream for RequestItems<I> {
    type Item = I;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I>> {
        // W-32: what was cut off is never shown as an end, also not to a handler that is
        // polled once more before it is dropped.
        if self.is_cut {
            return Poll::Pending;
        }
        let ending = match ready!(self.requests.poll_request(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(payload)) => match (self.decode)(self.codec, &payload) {
                Ok(item) => return Poll::Ready(Some(item)),
                Err(error) => {
                    tracing::debug!(error = ?error, "request item not decoded");
                    Ending::RequestUnreadable
                }
            },
            Some(Err(cut)) => cut.ending(),
        };
        self.is_cut = true;
        self.requests.end_call(ending);
        Poll::Pending
    }
}

/// Every field is `Unpin`, whatever the items are.
impl<I> Unpin for RequestItems<I> {}

impl<I> fmt::Debug for RequestItems<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestItems")
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

/// The items of a call's request stream, and how it ends where that is not in order.
///
/// An `Err`, always the last item, says that the stream was cut off, stalled, or that
/// an item cannot be decoded; the handler may still answer.
///
/// # Cancel safety
///
/// `next` is cancel safe: an item is taken only when it is returned.
#[derive(Debug)]
pub struct RequestItemResults<I> {
    items: RequestItems<I>,
    is_done: bool,
}

impl<I> Stream for RequestItemResults<I> {
    type Item = Result<I, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let item = match ready!(self.items.requests.poll_request(cx)) {
            None => None,
            Some(Ok(payload)) => Some((self.items.decode)(self.items.codec, &payload)),
            Some(Err(cut)) => Some(Err(cut.into_error())),
        };
        self.is_done = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}
