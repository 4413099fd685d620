//! Unary calls that share a stream, from the first byte to the last answer.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{
    Answer, BatchResponseEvent, BatchResponseReader, FrameLimits, HeaderRef, Load, StreamKind,
    WireError, encode,
};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::connection::CallGuard;
use super::unary;
use crate::error::{ConnectionError, ConnectionErrorKind, HandlerRan, RpcError};
use crate::transport::interrupted::wire_error;
use crate::transport::{Interrupted, RecvHalf, SendHalf};

/// The most calls that leave in one stream.
const CALLS_MAX: usize = 64;

/// The most bytes that leave in one stream: what the transport takes at once.
const BYTES_MAX: usize = 60 << 10;

/// The longest header and payload, together, of a call that leaves with others; a longer
/// one would hold them up.
const CALL_BYTES_MAX: usize = 8 << 10;

const _: () = assert!(CALLS_MAX <= rpcnet_proto::wire::BATCH_CALLS_MAX);
const _: () = assert!(CALL_BYTES_MAX <= rpcnet_proto::wire::BATCH_MESSAGE_BYTES_MAX);
const _: () = assert!(CALL_BYTES_MAX + 2 * encode::PREFIX_BYTES_MAX < BYTES_MAX);

/// Whether a call is short enough to travel with others.
pub(super) fn fits(header: &HeaderRef<'_>, payload: &Bytes) -> bool {
    call_bytes(header, payload) <= CALL_BYTES_MAX
}

fn call_bytes(header: &HeaderRef<'_>, payload: &Bytes) -> usize {
    header.body_len().saturating_add(payload.len())
}

/// How a call ended that travelled with others, and how busy the server said it is.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The server has said how the call ended; there is nothing left to cancel.
    is_verdict: bool,
    load: Option<Load>,
    result: Result<Bytes, RpcError>,
}

/// Whoever waits for the outcome of a call. Nobody learns anything where it is dropped: the
/// call was not sent.
type Seat = oneshot::Sender<Outcome>;

/// The way to the outcome of a call that was queued.
pub(super) type Waiting = oneshot::Receiver<Outcome>;

/// Waits for the outcome of a call that was queued; `None` where it was not sent.
///
/// # Cancel safety
///
/// Dropping the future cancels the call.
pub(super) async fn answered(
    waiting: Waiting,
    mut guard: CallGuard,
    load: &mut Option<Load>,
) -> Option<Result<Bytes, RpcError>> {
    let outcome = waiting.await;
    let Ok(outcome) = outcome else {
        guard.complete();
        return None;
    };
    if outcome.is_verdict {
        guard.complete();
    }
    *load = outcome.load;
    Some(outcome.result)
}

/// Calls that wait to leave together: what is sent, and who waits for the answers.
#[derive(Debug)]
pub(super) struct Batch {
    frames: BytesMut,
    seats: Vec<Seat>,
    /// When the last of the calls has given up.
    until: Instant,
}

impl Batch {
    pub(super) fn new() -> Self {
        let mut frames = BytesMut::new();
        encode::stream_kind(&mut frames, StreamKind::Batch);
        Self {
            frames,
            seats: Vec::new(),
            until: Instant::now(),
        }
    }

    /// Whether one more call would be too much.
    pub(super) fn is_full_for(&self, header: &HeaderRef<'_>, payload: &Bytes) -> bool {
        let bytes = call_bytes(header, payload) + 2 * encode::PREFIX_BYTES_MAX + 1;
        self.seats.len() >= CALLS_MAX || self.frames.len() + bytes > BYTES_MAX
    }

    /// Whether it need not wait for another call.
    pub(super) fn is_full(&self) -> bool {
        self.seats.len() >= CALLS_MAX
    }

    pub(super) fn push(
        &mut self,
        header: &HeaderRef<'_>,
        payload: &Bytes,
        until: Instant,
    ) -> Waiting {
        let (seat, waiting) = oneshot::channel();
        encode::header_ref(&mut self.frames, header);
        encode::message(&mut self.frames, payload);
        self.seats.push(seat);
        self.until = self.until.max(until);
        waiting
    }

    /// Whether all its calls were given up before they left.
    pub(super) fn is_forsaken(&self) -> bool {
        self.seats.iter().all(Seat::is_closed)
    }

    /// Sends the calls on a stream and hands out the answers, until the last of the calls
    /// has given up at the latest.
    pub(super) async fn exchange(
        mut self,
        (mut send, mut recv): (SendHalf, RecvHalf),
        limits: FrameLimits,
        server_name: &str,
    ) {
        let mut seats = Sent::new(self.seats);
        encode::end(&mut self.frames);
        let alone = seats.0.len() == 1;
        if alone && let Some(kind) = self.frames.first_mut() {
            // One call in a batch has the very bytes that it has alone, but for the kind.
            *kind = StreamKind::Call.to_byte();
        }
        // It is short enough for a fresh stream to take it without waiting.
        let sent = send.push(self.frames.freeze()).and_then(|()| send.finish());
        // Where the server stopped our sending, its answers say why.
        if let Err(lost @ Interrupted::Lost(_)) = sent {
            return seats.fail(|| lost.clone().into_error(HandlerRan::Maybe, server_name));
        }
        let until = self.until.into();
        // Past their deadlines nobody waits; the halves are given up with the stream.
        let _ = timeout_at(until, async {
            match alone {
                true => read_one(&mut recv, &mut seats, limits, server_name).await,
                false => read_all(&mut recv, &mut seats, limits, server_name).await,
            }
        })
        .await;
    }
}

async fn read_one(recv: &mut RecvHalf, seats: &mut Sent, limits: FrameLimits, server_name: &str) {
    let mut load = None;
    let read = unary::read(recv, limits, server_name, &mut load).await;
    let outcome = Outcome {
        is_verdict: read.is_ok(),
        load,
        result: read.unwrap_or_else(Err),
    };
    seats.answer(0, outcome);
}

async fn read_all(recv: &mut RecvHalf, seats: &mut Sent, limits: FrameLimits, server_name: &str) {
    let ran = HandlerRan::Maybe;
    let mut reader = BatchResponseReader::new(limits, seats.0.len());
    let mut is_open = true;
    loop {
        loop {
            match reader.next_event() {
                Ok(Some(BatchResponseEvent::Answer(answer))) => seats.take(answer),
                // W-7: every call has its answer; what follows changes none.
                Ok(Some(BatchResponseEvent::End)) => return recv.complete(),
                Ok(None) => break,
                Err(error) => return seats.fail(|| wire_error(error.clone(), ran)),
            }
        }
        if !is_open {
            let cut = reader.finish().err().unwrap_or(WireError::Truncated);
            return seats.fail(|| wire_error(cut.clone(), ran));
        }
        match recv.receive(|chunk| reader.push(chunk)).await {
            Ok(open) => is_open = open,
            Err(cut) => return seats.fail(|| cut.clone().into_error(ran, server_name)),
        }
    }
}

/// Those who wait for the answers to calls that were sent, by the calls' numbers. Dropped,
/// it tells who still waits that the client was closed, and that the call may have run.
#[derive(Debug)]
struct Sent(Vec<Option<Seat>>);

impl Sent {
    fn new(seats: Vec<Seat>) -> Self {
        Self(seats.into_iter().map(Some).collect())
    }

    fn take(&mut self, answer: Answer) {
        let result = answer
            .result
            .map_err(|(status, origin)| RpcError::from_peer(status, origin));
        let outcome = Outcome {
            is_verdict: true,
            load: answer.load,
            result,
        };
        self.answer(answer.index, outcome);
    }

    fn answer(&mut self, index: usize, outcome: Outcome) {
        if let Some(seat) = self.0.get_mut(index).and_then(Option::take) {
            // Who has given up meanwhile is told nothing.
            let _ = seat.send(outcome);
        }
    }

    /// Fails all calls that have no answer.
    fn fail(&mut self, error: impl Fn() -> RpcError) {
        for seat in self.0.iter_mut().filter_map(Option::take) {
            let _ = seat.send(Outcome {
                is_verdict: false,
                load: None,
                result: Err(error()),
            });
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let (kind, ran) = (ConnectionErrorKind::ClientClosed, HandlerRan::Maybe);
        self.fail(|| RpcError::ConnectionError(ConnectionError::new(kind, ran, None)));
    }
}
