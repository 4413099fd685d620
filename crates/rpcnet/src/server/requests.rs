//! The requests of a streaming call, as its handler reads them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::wire::{ErrorCode, RequestEvent, RequestReader, WireError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::PollSemaphore;

use super::budget::{COUNTED_REQUEST_BYTES_MIN, permits};
use crate::context::{CallContext, Ending};
use crate::error::{HandlerRan, RpcError, StreamError, StreamErrorKind};
use crate::metrics::MethodCell;
use crate::transport::fairness::{Fairness, bytes_of};
use crate::transport::interrupted::wire_error;
use crate::transport::{Interrupted, RecvHalf};

/// The requests of one call as plain payloads; ends only where the caller ended it.
///
/// A stream that was cut off never looks complete: the whole call is cancelled
/// instead, and this stream stays pending until the handler is dropped. Nothing is
/// read ahead beyond the flow-control window: a slow handler holds its caller back.
///
/// # Cancel safety
///
/// `next` is cancel safe: a message is taken only when it is returned.
#[derive(Debug)]
pub struct RequestStream {
    requests: Requests,
    is_cut: bool,
}

impl RequestStream {
    pub(crate) fn new(requests: Requests) -> Self {
        Self {
            requests,
            is_cut: false,
        }
    }
}

impl Stream for RequestStream {
    type Item = Vec<u8>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let this = self.get_mut();
        // W-32: what was cut off is never shown as an end, also not to a handler that is
        // polled once more before it is dropped.
        if this.is_cut {
            return Poll::Pending;
        }
        match ready!(this.requests.poll_request(cx)) {
            Some(Ok(message)) => Poll::Ready(Some(message.into())),
            None => Poll::Ready(None),
            Some(Err(cut)) => {
                this.is_cut = true;
                this.requests.end_call(cut.ending());
                Poll::Pending
            }
        }
    }
}

/// The requests of one call, where the handler wants to see how they end.
///
/// An `Err` item, always the last, says that the stream was cut off, malformed or
/// stalled; the handler may still answer.
///
/// # Cancel safety
///
/// `next` is cancel safe: a message is taken only when it is returned.
#[derive(Debug)]
pub struct RequestResults(pub(crate) Requests);

impl RequestResults {
    /// Waits for the next request, in a shared buffer: no copy where it came in one piece.
    ///
    /// # Errors
    ///
    /// As the items of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a request is taken only when it is returned.
    pub async fn next_bytes(&mut self) -> Option<Result<Bytes, RpcError>> {
        poll_fn(|cx| self.poll_bytes(cx)).await
    }

    /// As [`next_bytes`](Self::next_bytes), polled.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RpcError>>> {
        let item = ready!(self.0.poll_request(cx));
        Poll::Ready(item.map(|item| item.map_err(Cut::into_error)))
    }
}

impl Stream for RequestResults {
    type Item = Result<Vec<u8>, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.get_mut().poll_bytes(cx));
        Poll::Ready(item.map(|item| item.map(Vec::from)))
    }
}

/// Where the requests of a call come from.
#[derive(Debug)]
pub(crate) enum Requests {
    /// A stream of the transport.
    Wire(Box<WireRequests>),
    /// A caller in this process.
    Local(LocalRequests),
}

impl Requests {
    pub(crate) fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        match self {
            Self::Wire(requests) => requests.poll_request(cx),
            Self::Local(requests) => requests
                .messages
                .as_mut()
                .poll_next(cx)
                .map(|it| it.map(Ok)),
        }
    }

    /// Ends the whole call, its handler included.
    pub(crate) fn end_call(&self, ending: Ending) {
        match self {
            Self::Wire(requests) => requests.context.end(ending),
            Self::Local(requests) => requests.context.end(ending),
        }
    }
}

/// The requests of a call within one process: nothing can cut them off.
pub(crate) struct LocalRequests {
    pub(crate) messages: Pin<Box<dyn Stream<Item = Bytes> + Send>>,
    pub(crate) context: CallContext,
}

impl fmt::Debug for LocalRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRequests").finish_non_exhaustive()
    }
}

/// Reads a call's request half when the handler asks, and only then.
#[derive(Debug)]
pub(crate) struct WireRequests {
    recv: RecvHalf,
    reader: RequestReader,
    context: CallContext,
    budget: PollSemaphore,
    /// Budget of the message that is being assembled.
    held: Option<OwnedSemaphorePermit>,
    stall_timeout: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    /// Where they are counted, if they are.
    cell: Option<Arc<MethodCell>>,
    fairness: Fairness,
    is_open: bool,
    is_done: bool,
}

/// Why the requests ended before their end marker.
#[derive(Debug)]
pub(crate) enum Cut {
    Interrupted(Interrupted),
    Wire(WireError),
    Stalled,
}

impl WireRequests {
    pub(crate) fn new(
        mut recv: RecvHalf,
        reader: RequestReader,
        context: CallContext,
        (budget, stall_timeout): (Arc<Semaphore>, Duration),
    ) -> Self {
        // W-34: a handler that stops reading has answered early, which is no failure.
        recv.complete();
        Self {
            recv,
            reader,
            context,
            budget: PollSemaphore::new(budget),
            held: None,
            stall_timeout,
            stall: None,
            cell: None,
            fairness: Fairness::default(),
            is_open: true,
            is_done: false,
        }
    }

    pub(crate) fn counted_by(mut self, cell: Option<Arc<MethodCell>>) -> Self {
        self.cell = cell;
        self
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let proceed = ready!(self.fairness.poll_proceed(cx));
        let item = ready!(self.poll_item(cx));
        self.fairness.made_progress(proceed, bytes_of(&item));
        if let (Some(cell), Some(Ok(message))) = (&self.cell, &item) {
            cell.count_request(message.len());
        }
        self.is_done = !matches!(item, Some(Ok(_)));
        self.held = None;
        self.stall = None;
        Poll::Ready(item)
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if let Some(message) = self.reader.next_whole_message() {
                return Poll::Ready(Some(Ok(message)));
            }
            match self.reader.next_event() {
                Ok(Some(RequestEvent::Message(message))) => return Poll::Ready(Some(Ok(message))),
                // W-7: judged by what came along; a handler does not wait for more.
                Ok(Some(RequestEvent::End)) if self.reader.buffered() > 0 => {
                    return Poll::Ready(Some(Err(Cut::Wire(WireError::TrailingBytes))));
                }
                Ok(Some(RequestEvent::End)) => return Poll::Ready(None),
                // The header came first and comes once.
                Ok(Some(RequestEvent::Header(_)) | None) => {}
                Err(error) => return Poll::Ready(Some(Err(Cut::Wire(error)))),
            }
            if !self.is_open {
                let cut = self.reader.finish().err().unwrap_or(WireError::Truncated);
                return Poll::Ready(Some(Err(Cut::Wire(cut))));
            }
            ready!(self.poll_budget(cx));
            let reader = &mut self.reader;
            match self.recv.poll_receive(cx, |chunk| reader.push(chunk)) {
                Poll::Ready(Ok(is_open)) => {
                    self.is_open = is_open;
                    self.stall = None;
                }
                Poll::Ready(Err(interrupted)) => {
                    return Poll::Ready(Some(Err(Cut::Interrupted(interrupted))));
                }
                Poll::Pending => {
                    ready!(self.poll_stall(cx));
                    return Poll::Ready(Some(Err(Cut::Stalled)));
                }
            }
        }
    }

    /// Waits for the connection's budget where a long message has begun.
    fn poll_budget(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let pending = self.reader.pending_message().unwrap_or(0);
        if pending > COUNTED_REQUEST_BYTES_MIN && self.held.is_none() {
            // Never closed, so there is always a permit in the end.
            self.held = ready!(self.budget.poll_acquire_many(cx, permits(pending)));
        }
        Poll::Ready(())
    }

    /// Between messages a caller may take its time; inside one it may not.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.reader.buffered() == 0 && self.reader.pending_message().is_none() {
            return Poll::Pending;
        }
        let timeout = self.stall_timeout;
        self.stall
            .get_or_insert_with(|| Box::pin(sleep(timeout)))
            .as_mut()
            .poll(cx)
    }
}

impl Cut {
    /// What the call ends with where its handler cannot see the cut.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Interrupted(Interrupted::Lost(_)) => Ending::ConnectionLost,
            Self::Interrupted(_) => Ending::Cancelled,
            Self::Wire(error) => Ending::RequestCut(error.error_code()),
            Self::Stalled => Ending::RequestCut(ErrorCode::Stalled),
        }
    }

    pub(crate) fn into_error(self) -> RpcError {
        let ran = HandlerRan::Maybe;
        match self {
            Self::Interrupted(interrupted) => interrupted.into_error(ran, ""),
            Self::Wire(error) => wire_error(error, ran),
            Self::Stalled => {
                RpcError::StreamError(StreamError::new(StreamErrorKind::Stalled, ran, None))
            }
        }
    }
}
