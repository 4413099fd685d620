//! The requests of a streaming call, from the caller's items to payloads.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::CodecId;

use super::encoding::Encoding;
use crate::error::RpcError;

pin_project_lite::pin_project! {
    /// The arguments first, where there are any, then the items (W-56).
    pub(super) struct Upload<S, I, X> {
        head: Option<Result<Bytes, RpcError>>,
        #[pin]
        items: S,
        codec: CodecId,
        encoding: PhantomData<fn(I) -> X>,
    }
}

impl<S, I, X> Upload<S, I, X> {
    pub(super) fn new<A>(args: &A, items: S, codec: CodecId) -> Self
    where
        X: Encoding<A>,
    {
        let head = <X as Encoding<A>>::IS_SENT.then(|| X::encode(codec, args));
        Self {
            head,
            items,
            codec,
            encoding: PhantomData,
        }
    }
}

impl<S: Stream<Item = I>, I, X: Encoding<I>> Stream for Upload<S, I, X> {
    type Item = Result<Bytes, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if let Some(head) = this.head.take() {
            return Poll::Ready(Some(head));
        }
        let item = ready!(this.items.poll_next(cx));
        Poll::Ready(item.map(|item| X::encode(*this.codec, &item)))
    }
}
