//! [`Out`]: carries a handler's stream, which may borrow the handler, to the transport.
//!
//! The responses of a call must own all they need, but a handler's stream may borrow
//! the handler it comes from. So the stream stays inside the future that also holds
//! the handler; that future puts one item at a time into a slot and pauses, and the
//! stream of responses polls it and takes the item out.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::CodecId;

use super::encoding::Encoding;
use super::methods::{judged, unwritable};
use crate::server::Failure;

/// Takes the responses of one streaming call from its handler.
pub struct Out<T, E, X> {
    slot: Slot,
    codec: CodecId,
    error_name: &'static str,
    encoding: PhantomData<fn(T, E) -> X>,
}

/// Says that a handler's responses were all taken, or why not.
#[derive(Debug)]
pub struct Sent(Result<(), Failure>);

type Slot = Arc<Mutex<Option<Bytes>>>;

impl<T, E, X: Encoding<T> + Encoding<E>> Out<T, E, X> {
    /// Sends a stream that may fail on its way.
    pub async fn send_results<S>(self, responses: Result<S, E>) -> Sent
    where
        S: Stream<Item = Result<T, E>>,
    {
        Sent(self.send(responses, |item| item).await)
    }

    /// Sends a stream that cannot fail.
    pub async fn send_items<S>(self, responses: Result<S, E>) -> Sent
    where
        S: Stream<Item = T>,
    {
        Sent(self.send(responses, Ok).await)
    }

    async fn send<S: Stream>(
        &self,
        responses: Result<S, E>,
        item_of: impl Fn(S::Item) -> Result<T, E>,
    ) -> Result<(), Failure> {
        let failed = |error: E| judged::<E, X>(self.codec, self.error_name, &error);
        let mut responses = pin!(responses.map_err(failed)?);
        while let Some(item) = poll_fn(|cx| responses.as_mut().poll_next(cx)).await {
            let item = item_of(item).map_err(failed)?;
            let payload =
                <X as Encoding<T>>::encode(self.codec, &item).map_err(|e| unwritable(&e))?;
            // The item is not held while the reader is slow.
            drop(item);
            *lock(&self.slot) = Some(payload);
            pause().await;
        }
        Ok(())
    }
}

impl<T, E, X> fmt::Debug for Out<T, E, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").finish_non_exhaustive()
    }
}

/// Lets whoever polls look into the slot. Nobody is woken: the slot's reader comes back
/// by itself once it has dealt with the item.
async fn pause() {
    let mut has_paused = false;
    poll_fn(|_| {
        if has_paused {
            return Poll::Ready(());
        }
        has_paused = true;
        Poll::Pending
    })
    .await;
}

fn lock(slot: &Slot) -> std::sync::MutexGuard<'_, Option<Bytes>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The responses of a call, as the transport reads them.
pub(super) struct Emitted<F> {
    slot: Slot,
    work: Option<Pin<Box<F>>>,
}

/// Makes both ends; `work` is given the one that the handler writes to.
pub(super) fn emit<T, E, X, F>(
    codec: CodecId,
    error_name: &'static str,
    work: impl FnOnce(Out<T, E, X>) -> F,
) -> Emitted<F> {
    let slot = Slot::default();
    let out = Out {
        slot: slot.clone(),
        codec,
        error_name,
        encoding: PhantomData,
    };
    let work = Some(Box::pin(work(out)));
    Emitted { slot, work }
}

impl<F: Future<Output = Sent>> Stream for Emitted<F> {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(work) = &mut self.work else {
            return Poll::Ready(None);
        };
        match work.as_mut().poll(cx) {
            Poll::Ready(Sent(sent)) => {
                self.work = None;
                Poll::Ready(sent.err().map(Err))
            }
            Poll::Pending => match lock(&self.slot).take() {
                Some(payload) => Poll::Ready(Some(Ok(payload))),
                None => Poll::Pending,
            },
        }
    }
}
