//! The two halves of a QUIC stream, which abort on drop unless ended on purpose.
//!
//! The QUIC library finishes a stream that is dropped, so that a cancelled or
//! panicked sender would look complete. These guards reset instead.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{ErrorCode, encode};
use s2n_quic::application;
use s2n_quic::stream::{BidirectionalStream, Error as StreamError, ReceiveStream, SendStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Interrupted;
use super::udp::{corked, corked_polls};

/// Bytes handed to the transport at once.
///
/// It takes a whole piece as soon as one byte of its buffer is free, so pieces bound
/// by how much the buffer overshoots.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// Messages of up to this many bytes are copied behind their frame prefix, and behind each
/// other.
pub(super) const COPIED_MESSAGE_BYTES_MAX: usize = 8 << 10;

/// The end marker, as a part of its own.
pub(crate) const END: Bytes = Bytes::from_static(&[0]);

/// Chunks taken from the transport at once.
const CHUNKS_PER_RECEIVE: usize = 4;

/// Splits an accepted or opened stream.
pub(crate) fn split(stream: BidirectionalStream) -> (SendHalf, RecvHalf) {
    let (recv, send) = stream.split();
    (SendHalf::new(send), RecvHalf::new(recv))
}

/// The sending half: reset on drop unless finished (W-31).
#[derive(Debug)]
pub(crate) struct SendHalf {
    stream: SendStream,
    /// Bytes handed over since the last look at the send buffer, and what it held then.
    queued: usize,
    stall_timeout: Option<Duration>,
    is_torn: bool,
    /// Nothing was sent yet.
    is_fresh: bool,
    /// The transport was told that nothing more comes.
    is_finishing: bool,
    /// What the bytes that wait for the peer hold of their owner's budget.
    share: Option<OwnedSemaphorePermit>,
    /// What to reset with on drop; `None` once the half has ended.
    abort: Option<ErrorCode>,
}

impl SendHalf {
    pub(crate) fn new(stream: SendStream) -> Self {
        Self {
            stream,
            queued: 0,
            stall_timeout: None,
            is_torn: false,
            is_fresh: true,
            is_finishing: false,
            share: None,
            abort: Some(ErrorCode::Cancelled),
        }
    }

    /// From here on a write that finds no room for this long fails as stalled.
    pub(crate) fn set_stall_timeout(&mut self, timeout: Duration) {
        self.stall_timeout = Some(timeout);
    }

    /// Sends whole frames: the parts in order, piece by piece, waiting for room.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part of a frame may have been sent. The half is
    /// [torn](Self::is_torn) then, and can only be reset.
    pub(crate) async fn write<const N: usize>(
        &mut self,
        parts: [Bytes; N],
    ) -> Result<(), Interrupted> {
        for mut part in parts {
            while !part.is_empty() {
                // A stream on which nothing was sent has room for one piece.
                if !self.is_fresh {
                    self.room().await?;
                }
                self.push(part.split_to(part.len().min(PIECE_BYTES_MAX)))?;
                self.is_torn = true;
            }
        }
        self.is_torn = false;
        Ok(())
    }

    /// As [`write`](Self::write), and ends the half in good order: with the last packet, as a
    /// rule.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](Self::write).
    pub(crate) async fn write_last<const N: usize>(
        &mut self,
        parts: [Bytes; N],
    ) -> Result<(), Interrupted> {
        let writing = pin!(async {
            self.write(parts).await?;
            self.finish()
        });
        corked_polls(writing).await
    }

    /// Sends one MESSAGE frame with a long body.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](Self::write).
    pub(crate) async fn write_long(&mut self, message: Bytes) -> Result<(), Interrupted> {
        let mut prefix = BytesMut::with_capacity(encode::PREFIX_BYTES_MAX);
        encode::message_prefix(&mut prefix, message.len());
        self.write([prefix.freeze(), message]).await
    }

    /// How many bytes more can be sent without waiting.
    pub(crate) fn room_now(&mut self) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        match self.stream.poll_send_ready(&mut cx) {
            Poll::Ready(Ok(room)) => room,
            _ => 0,
        }
    }

    /// Returns true where a frame was begun and not ended: whatever were written now
    /// would be taken for a part of it.
    pub(crate) fn is_torn(&self) -> bool {
        self.is_torn
    }

    async fn room(&mut self) -> Result<(), Interrupted> {
        let room = poll_fn(|cx| self.stream.poll_send_ready(cx));
        within(self.stall_timeout, room).await.map(|_bytes| ())
    }

    /// Polls for room for one more piece.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Interrupted>> {
        self.stream
            .poll_send_ready(cx)
            .map_ok(|_| ())
            .map_err(Interrupted::from)
    }

    /// Hands over one piece after [`poll_room`](Self::poll_room) said that there is room.
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<(), Interrupted> {
        self.queued = self.queued.saturating_add(piece.len());
        self.is_fresh = false;
        Ok(self.stream.send_data(piece)?)
    }

    /// Hands over the only piece of a fresh half, and ends it in good order with the same packet.
    pub(crate) fn push_last(&mut self, piece: Bytes) -> Result<(), Interrupted> {
        corked(|| {
            self.push(piece)?;
            self.finish()
        })
    }

    /// How many bytes of this half wait in the transport at most, where its send
    /// buffer for the stream holds `buffer` bytes.
    fn queued(&mut self, buffer: usize) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok(room)) = self.stream.poll_send_ready(&mut cx) {
            self.queued = self.queued.min(buffer.saturating_sub(room));
        }
        self.queued
    }

    /// Ends the half in good order.
    pub(crate) fn finish(&mut self) -> Result<(), Interrupted> {
        self.abort = None;
        self.is_finishing = true;
        Ok(self.stream.finish()?)
    }

    /// Ends the half in good order and waits until the peer has acknowledged all of it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the half unfinished in spirit: its drop resets.
    pub(crate) async fn close(&mut self) -> Result<(), Interrupted> {
        // Not `finish` and then `flush`: the transport would keep the stream, and the
        // peer's credit for it, until somebody asks for the end that `flush` has seen.
        self.is_finishing = true;
        let close = self.stream.close();
        within(self.stall_timeout, close).await?;
        self.share = None;
        self.abort = None;
        Ok(())
    }

    /// Waits until the peer has acknowledged all that was sent; the share is given back.
    pub(crate) async fn acknowledged(&mut self) -> Result<(), Interrupted> {
        let flush = self.stream.flush();
        within(self.stall_timeout, flush).await?;
        self.share = None;
        Ok(())
    }

    /// Ends the half without an end marker, so that the peer knows it for cut off.
    ///
    /// Where nothing waits in the transport this is a reset with `code`. Where bytes wait,
    /// the half is finished instead (W-31), and they stay until the peer takes them, stops
    /// the stream or is gone. The QUIC library would announce a final size that includes
    /// credit it has reserved and not used; where the stream is held back by its window
    /// that is beyond what the peer allows, and costs the whole connection.
    pub(crate) fn reset(&mut self, code: ErrorCode) {
        if self.abort.take().is_none() {
            return;
        }
        let mut cx = Context::from_waker(Waker::noop());
        // It has ended already, whether its owner waited for that or not. To ask with a
        // flush would hide the end from the transport, as `close` says.
        if self.is_finishing {
            let _ = self.stream.poll_close(&mut cx);
            return;
        }
        // The only failure of either is that there is nothing left to end.
        let _ = match self.stream.poll_flush(&mut cx) {
            Poll::Pending => self.stream.finish(),
            Poll::Ready(_) => self.stream.reset(application_code(code)),
        };
    }

    /// As [`reset`](Self::reset), and waits until nothing of the half is left in the
    /// transport, so that its owner can account for the memory.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the half has ended with the first poll.
    pub(crate) async fn give_up(&mut self, code: ErrorCode) {
        self.reset(code);
        // An error says that the stream is over, which is what is waited for. Not `flush`,
        // for the reason that `close` has.
        let _ = self.stream.close().await;
        self.share = None;
    }

    /// Adds to what the half holds of a budget for bytes that wait for the peer.
    pub(crate) fn hold(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.share {
            Some(share) => share.merge(more),
            none => *none = Some(more),
        }
    }

    /// Returns true where the half holds a share of a budget.
    pub(crate) fn holds_share(&self) -> bool {
        self.share.is_some()
    }

    /// Gives back what the half holds beyond the bytes that still wait in the transport,
    /// whose send buffer for the stream has `buffer` bytes.
    pub(crate) fn trim_share(&mut self, buffer: usize) {
        let queued = self.queued(buffer);
        if let Some(share) = &mut self.share {
            let beyond = share.num_permits().saturating_sub(queued);
            drop(share.split(beyond));
        }
    }
}

/// Waits for the transport, for no longer than this where it is given.
async fn within<T>(
    stall_timeout: Option<Duration>,
    work: impl Future<Output = Result<T, StreamError>>,
) -> Result<T, Interrupted> {
    let done = match stall_timeout {
        None => work.await,
        Some(stall_timeout) => match timeout(stall_timeout, work).await {
            Ok(done) => done,
            Err(_elapsed) => return Err(Interrupted::Stalled),
        },
    };
    Ok(done?)
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        if let Some(code) = self.abort {
            self.reset(code);
        }
    }
}

/// The receiving half: asks the peer to stop on drop unless the end was seen.
#[derive(Debug)]
pub(crate) struct RecvHalf {
    stream: ReceiveStream,
    abort: Option<ErrorCode>,
}

impl RecvHalf {
    pub(crate) fn new(stream: ReceiveStream) -> Self {
        Self {
            stream,
            abort: Some(ErrorCode::Cancelled),
        }
    }

    /// Polls for what has arrived, in order; each chunk goes to `sink`.
    ///
    /// Ready with `true` while more may come, `false` once the peer has finished.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        mut sink: impl FnMut(Bytes),
    ) -> Poll<Result<bool, Interrupted>> {
        let mut chunks = [const { Bytes::new() }; CHUNKS_PER_RECEIVE];
        match self.stream.poll_receive_vectored(&mut chunks, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok((count, is_open))) => {
                chunks.into_iter().take(count).for_each(&mut sink);
                if !is_open {
                    self.abort = None;
                }
                Poll::Ready(Ok(is_open))
            }
            Poll::Ready(Err(error)) => {
                self.abort = None;
                Poll::Ready(Err(error.into()))
            }
        }
    }

    /// Waits for bytes; see [`poll_receive`](Self::poll_receive).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken from the stream unless the future completes.
    pub(crate) async fn receive(
        &mut self,
        mut sink: impl FnMut(Bytes),
    ) -> Result<bool, Interrupted> {
        poll_fn(|cx| self.poll_receive(cx, &mut sink)).await
    }

    /// Asks the peer to stop sending, for this reason.
    pub(crate) fn stop(&mut self, code: ErrorCode) {
        if self.abort.is_none() {
            return;
        }
        // Told to stop a stream that the peer has reset, the QUIC library keeps it, and
        // its credit, until somebody asks for the reset: so this asks first. What else
        // there is to read is dropped with the stream.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = self.poll_receive(&mut cx, drop);
        if self.abort.take().is_some() {
            // Fails only where there is nothing left to stop.
            let _ = self.stream.stop_sending(application_code(code));
        }
    }

    /// From here on a drop is no cancellation: the call is complete on this half.
    pub(crate) fn complete(&mut self) {
        self.abort = self.abort.map(|_| ErrorCode::NoError);
    }
}

impl Drop for RecvHalf {
    fn drop(&mut self) {
        if let Some(code) = self.abort {
            self.stop(code);
        }
    }
}

pub(crate) fn application_code(code: ErrorCode) -> application::Error {
    application::Error::new(code.to_wire()).unwrap_or(application::Error::UNKNOWN)
}
