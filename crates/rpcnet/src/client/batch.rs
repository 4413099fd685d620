//! Unary calls that share a stream, from the first byte to the last answer.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{
    Answer, BatchResponseEvent, BatchResponseReader, FrameLimits, HeaderRef, Load, StreamKind,
    WireError, encode,
};
use tokio::time::{Sleep, sleep_until};

use super::connection::CallGuard;
use super::request::Request;
use super::seat::{self, Teller, Woken, seat};
use super::unary;
use crate::clock;
use crate::error::{ConnectionError, ConnectionErrorKind, HandlerRan, RpcError};
use crate::transport::interrupted::wire_error;
use crate::transport::{Interrupted, RecvHalf, SendHalf};

/// The most calls that leave in one stream.
pub(super) const CALLS_MAX: usize = 128;

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
    /// When the answer was there.
    at: Option<Instant>,
    result: Result<Bytes, RpcError>,
}

/// Whoever waits for the outcome of a call, and until when. Nobody learns anything where it
/// is dropped: the call was not sent.
#[derive(Debug)]
struct Seat {
    outcome: Teller<Outcome>,
    until: Instant,
}

impl Seat {
    fn tell(self, outcome: Outcome, woken: &mut Woken) {
        self.outcome.tell(outcome, woken);
    }
}

/// The way to the outcome of a call that was queued.
pub(super) type Waiting = seat::Waiting<Outcome>;

/// Waits for the outcome of a call that was queued, until its deadline; `None` where it was
/// not sent.
///
/// # Cancel safety
///
/// Dropping the future cancels the call.
pub(super) async fn answered(
    waiting: Waiting,
    request: &Request,
    mut guard: CallGuard,
    load: &mut Option<Load>,
) -> Option<Result<Bytes, RpcError>> {
    // Whoever holds the other end keeps the deadline too, with one timer for many calls.
    request.is_watched.store(true, Ordering::Relaxed);
    let outcome = waiting.await;
    request.is_watched.store(false, Ordering::Relaxed);
    let Some(outcome) = outcome else {
        guard.complete();
        return None;
    };
    if outcome.is_verdict {
        guard.complete();
    }
    *load = outcome.load;
    request.note_answer(outcome.at);
    Some(outcome.result)
}

/// The most room that is made before there is something to put there.
const ROOM_BYTES_MAX: usize = 8 << 10;

/// How much there is in a batch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    bytes: usize,
    calls: usize,
}

/// Calls that wait to leave together: what is sent, and who waits for the answers.
#[derive(Debug)]
pub(super) struct Batch {
    frames: BytesMut,
    seats: Seats,
}

impl Batch {
    /// Makes room for as much as there was in another batch.
    pub(super) fn with_room(room: Room) -> Self {
        let mut frames = BytesMut::with_capacity(room.bytes);
        encode::stream_kind(&mut frames, StreamKind::Batch);
        Self {
            frames,
            seats: Seats(Vec::with_capacity(room.calls)),
        }
    }

    /// The room that its like would need.
    pub(super) fn room(&self) -> Room {
        Room {
            // The end marker too.
            bytes: (self.frames.len() + encode::PREFIX_BYTES_MAX).min(ROOM_BYTES_MAX),
            calls: self.seats.0.len(),
        }
    }

    /// Whether one more call would be too much.
    pub(super) fn is_full_for(&self, header: &HeaderRef<'_>, payload: &Bytes) -> bool {
        let bytes = call_bytes(header, payload) + 2 * encode::PREFIX_BYTES_MAX + 1;
        self.is_full() || self.frames.len() + bytes > BYTES_MAX
    }

    /// Whether it need not wait for another call.
    pub(super) fn is_full(&self) -> bool {
        self.seats.0.len() >= CALLS_MAX
    }

    pub(super) fn push(
        &mut self,
        header: &HeaderRef<'_>,
        payload: &Bytes,
        until: Instant,
    ) -> Waiting {
        let (outcome, waiting) = seat();
        encode::header_ref(&mut self.frames, header);
        encode::message(&mut self.frames, payload);
        self.seats.0.push(Some(Seat { outcome, until }));
        waiting
    }

    /// How many calls wait in it, those that were given up included.
    pub(super) fn len(&self) -> usize {
        self.seats.0.len()
    }

    /// Whether all its calls were given up before they left.
    pub(super) fn is_forsaken(&self) -> bool {
        let mut seats = self.seats.0.iter().flatten();
        seats.all(|seat| seat.outcome.is_forsaken())
    }

    /// Fails the calls whose deadlines have passed; the first of those that are left.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        self.seats.expire(now)
    }

    /// Sends the calls on a stream and hands out the answers, until the last of the calls
    /// has given up at the latest.
    pub(super) async fn exchange(
        mut self,
        (mut send, mut recv): (SendHalf, RecvHalf),
        limits: FrameLimits,
        server_name: &str,
    ) {
        let mut seats = Sent(self.seats);
        encode::end(&mut self.frames);
        let calls = seats.0.0.len();
        if calls == 1
            && let Some(kind) = self.frames.first_mut()
        {
            // One call in a batch has the very bytes that it has alone, but for the kind.
            *kind = StreamKind::Call.to_byte();
        }
        // It is short enough for a fresh stream to take it without waiting.
        let sent = send.push_last(self.frames.freeze());
        // Where the server stopped our sending, its answers say why.
        if let Err(lost @ Interrupted::Lost(_)) = sent {
            let error = || lost.clone().into_error(HandlerRan::Maybe, server_name);
            return seats.0.fail(error);
        }
        if calls == 1 {
            read_one(&mut recv, &mut seats, limits, server_name).await;
        } else {
            let mut reader = Reader {
                recv: &mut recv,
                frames: BatchResponseReader::new(limits, calls),
                is_open: true,
                server_name,
            };
            seats
                .until_expired(|seats, cx| reader.poll(seats, cx))
                .await;
        }
    }
}

async fn read_one(recv: &mut RecvHalf, seats: &mut Sent, limits: FrameLimits, server_name: &str) {
    let (mut load, mut read) = (None, None);
    {
        let mut reading = pin!(unary::read(recv, limits, server_name, &mut load));
        let reading = |_: &mut Seats, cx: &mut Context<'_>| {
            read = Some(ready!(reading.as_mut().poll(cx)));
            Poll::Ready(())
        };
        seats.until_expired(reading).await;
    }
    let Some(read) = read else { return };
    let outcome = Outcome {
        is_verdict: read.is_ok(),
        load,
        at: None,
        result: read.unwrap_or_else(Err),
    };
    seats.0.answer(0, outcome, &mut Woken::default());
}

/// Reads the answers to a batch.
struct Reader<'a> {
    recv: &'a mut RecvHalf,
    frames: BatchResponseReader,
    is_open: bool,
    server_name: &'a str,
}

impl Reader<'_> {
    /// Hands out what has arrived; ready once there is nothing left to come.
    fn poll(&mut self, seats: &mut Seats, cx: &mut Context<'_>) -> Poll<()> {
        let ran = HandlerRan::Maybe;
        let mut woken = Woken::default();
        // One look at the clock for all answers that are there together.
        let mut at = None;
        loop {
            match self.frames.next_event() {
                Ok(Some(BatchResponseEvent::Answer(answer))) => {
                    let at = *at.get_or_insert_with(clock::now);
                    seats.take(answer, at, &mut woken);
                    continue;
                }
                // W-7: every call has its answer; what follows changes none.
                Ok(Some(BatchResponseEvent::End)) => {
                    self.recv.complete();
                    return Poll::Ready(());
                }
                Ok(None) if self.is_open => {}
                Ok(None) => {
                    let cut = self.frames.finish().err().unwrap_or(WireError::Truncated);
                    seats.fail(|| wire_error(cut.clone(), ran));
                    return Poll::Ready(());
                }
                Err(error) => {
                    seats.fail(|| wire_error(error.clone(), ran));
                    return Poll::Ready(());
                }
            }
            let frames = &mut self.frames;
            match ready!(self.recv.poll_receive(cx, |chunk| frames.push(chunk))) {
                Ok(is_open) => self.is_open = is_open,
                Err(cut) => {
                    seats.fail(|| cut.clone().into_error(ran, self.server_name));
                    return Poll::Ready(());
                }
            }
        }
    }
}

/// Those who wait for the answers, by the numbers of their calls; none where it was answered.
#[derive(Debug, Default)]
struct Seats(Vec<Option<Seat>>);

impl Seats {
    fn take(&mut self, answer: Answer, at: Instant, woken: &mut Woken) {
        let result = answer
            .result
            .map_err(|(status, origin)| RpcError::from_peer(status, origin));
        let outcome = Outcome {
            is_verdict: true,
            load: answer.load,
            at: Some(at),
            result,
        };
        self.answer(answer.index, outcome, woken);
    }

    fn answer(&mut self, index: usize, outcome: Outcome, woken: &mut Woken) {
        if let Some(seat) = self.0.get_mut(index).and_then(Option::take) {
            seat.tell(outcome, woken);
        }
    }

    /// Fails all calls that have no answer.
    fn fail(&mut self, error: impl Fn() -> RpcError) {
        let mut woken = Woken::default();
        for seat in self.0.iter_mut().filter_map(Option::take) {
            let outcome = Outcome {
                is_verdict: false,
                load: None,
                at: None,
                result: Err(error()),
            };
            seat.tell(outcome, &mut woken);
        }
    }

    /// W-38: fails the calls whose deadlines have passed; the first of those that are left.
    fn expire(&mut self, now: Instant) -> Option<Instant> {
        let mut first: Option<Instant> = None;
        let mut woken = Woken::default();
        for place in &mut self.0 {
            let Some(seat) = place.take_if(|seat| seat.until <= now) else {
                let until = place.as_ref().map(|seat| seat.until);
                first = until.into_iter().chain(first).min();
                continue;
            };
            let outcome = Outcome {
                is_verdict: false,
                load: None,
                at: None,
                result: Err(RpcError::Timeout),
            };
            seat.tell(outcome, &mut woken);
        }
        first
    }
}

/// Those who wait for the answers to calls that were sent. Dropped, it tells who still waits
/// that the client was closed, and that the call may have run.
#[derive(Debug)]
struct Sent(Seats);

impl Sent {
    /// Polls until that is ready, and fails calls at their deadlines meanwhile; until the last
    /// of them at the latest. The halves of the stream are given up then.
    async fn until_expired(
        &mut self,
        mut poll: impl FnMut(&mut Seats, &mut Context<'_>) -> Poll<()>,
    ) {
        let seats = &mut self.0;
        // Made only where the answers are not there at once.
        let mut alarm: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            if poll(seats, cx).is_ready() {
                return Poll::Ready(());
            }
            loop {
                let is_due = match &mut alarm {
                    None => true,
                    Some(alarm) => alarm.as_mut().poll(cx).is_ready(),
                };
                if !is_due {
                    return Poll::Pending;
                }
                let Some(first) = seats.expire(clock::now()) else {
                    return Poll::Ready(());
                };
                alarm = Some(Box::pin(sleep_until(first.into())));
            }
        })
        .await;
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let (kind, ran) = (ConnectionErrorKind::ClientClosed, HandlerRan::Maybe);
        self.0
            .fail(|| RpcError::ConnectionError(ConnectionError::new(kind, ran, None)));
    }
}
