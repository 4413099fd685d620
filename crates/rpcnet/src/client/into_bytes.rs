//! [`IntoBytes`]: a caller's requests, as shared buffers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::error::RpcError;

pin_project_lite::pin_project! {
    /// A caller's requests, as shared buffers.
    pub(crate) struct IntoBytes<S> {
        #[pin]
        requests: S,
    }
}

impl<S> IntoBytes<S> {
    pub(crate) const fn new(requests: S) -> Self {
        Self { requests }
    }
}

impl<S: Stream<Item: Into<Bytes>>> Stream for IntoBytes<S> {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.project().requests.poll_next(cx));
        Poll::Ready(item.map(|item| Ok(item.into())))
    }
}
