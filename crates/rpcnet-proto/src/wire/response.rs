//! What a client reads from a call's stream.

use bytes::Bytes;

use super::{Frame, FrameDecoder, FrameKind, FrameLimits, Load, WireError, decode_status};
use crate::{CallKind, Origin, Status};

/// One thing that a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseEvent {
    /// A message, in the order in which it was sent. Where the call has one
    /// response, it is the result only once [`ResponseEvent::End`] followed (W-33).
    Message(Bytes),
    /// How busy the server is, at most once; says nothing about the call.
    Load(Load),
    /// The call succeeded; nothing follows.
    End,
    /// The call did not succeed; nothing follows, the end marker came too.
    Failed(Status, Origin),
}

/// Reads the response half of a call's stream.
///
/// `push` what arrived, call `next_event` until it returns `None`, and call
/// `finish` when the server finished the stream.
#[derive(Debug)]
pub struct ResponseReader {
    frames: FrameDecoder,
    state: State,
    /// A LOAD came; no other may.
    has_load: bool,
}

#[derive(Debug)]
enum State {
    /// One message or a status must come.
    AwaitingMessage,
    /// Any number of messages, and a status, may come.
    Streaming,
    /// The one message came; nothing but the end may follow.
    AwaitingEnd,
    /// A status came; it counts once the end marker shows that it is whole (W-26).
    Failing(Status, Origin),
    Ended,
}

impl ResponseReader {
    /// Makes a reader for the answer to a call of `kind`.
    #[must_use]
    pub fn new(limits: FrameLimits, kind: CallKind) -> Self {
        let state = if kind.streams_responses() {
            State::Streaming
        } else {
            State::AwaitingMessage
        };
        Self {
            frames: FrameDecoder::new(limits),
            state,
            has_load: false,
        }
    }

    /// Takes what arrived. An empty chunk, or any after an error, is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        self.frames.push(chunk);
    }

    /// Returns the next event, or `None` where more bytes are needed or the end was read.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed, now and in every later call.
    pub fn next_event(&mut self) -> Result<Option<ResponseEvent>, WireError> {
        loop {
            let (state, has_load) = (&self.state, self.has_load);
            let admit = |kind| admit(state, has_load, kind);
            let Some(frame) = self.frames.next_admitted(admit)? else {
                return Ok(None);
            };
            match self.event(frame) {
                Ok(None) => {}
                Ok(event) => return Ok(event),
                Err(error) => {
                    self.frames.fail(error.clone());
                    return Err(error);
                }
            }
        }
    }

    /// The next event, where it is a message that has arrived in one piece and that others may
    /// follow. `None` says nothing: [`next_event`](Self::next_event) does, and gives the same
    /// messages, at a higher price.
    #[inline]
    pub fn next_whole_message(&mut self) -> Option<Bytes> {
        match self.state {
            State::Streaming => self.frames.next_whole(FrameKind::Message),
            State::AwaitingMessage | State::AwaitingEnd | State::Failing(..) | State::Ended => None,
        }
    }

    /// The declared length of the message that is being received, in bytes, if one is.
    #[must_use]
    pub fn pending_message(&self) -> Option<usize> {
        self.frames.pending_message()
    }

    /// The bytes that were pushed and are not part of a returned event.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.frames.buffered()
    }

    /// Says whether a stream that ends here is whole. Call it after
    /// [`next_event`](Self::next_event) returned `None`.
    ///
    /// # Errors
    /// [`WireError::Truncated`] where the stream was cut off,
    /// [`WireError::TrailingBytes`] where it goes on after its end, or the
    /// error that the reader is in.
    pub fn finish(&self) -> Result<(), WireError> {
        self.frames.finish()
    }

    fn event(&mut self, frame: Frame) -> Result<Option<ResponseEvent>, WireError> {
        match (&mut self.state, frame) {
            (State::AwaitingMessage | State::Streaming | State::AwaitingEnd, Frame::Load(body)) => {
                self.has_load = true;
                Load::decode(body).map(|load| Some(ResponseEvent::Load(load)))
            }
            (State::AwaitingMessage, Frame::Message(body)) => {
                self.state = State::AwaitingEnd;
                Ok(Some(ResponseEvent::Message(body)))
            }
            (State::Streaming, Frame::Message(body)) => Ok(Some(ResponseEvent::Message(body))),
            (State::AwaitingMessage | State::Streaming, Frame::Status(body)) => {
                let (status, origin) = decode_status(body)?;
                self.state = State::Failing(status, origin);
                Ok(None)
            }
            (State::AwaitingEnd | State::Streaming, Frame::End) => {
                self.state = State::Ended;
                Ok(Some(ResponseEvent::End))
            }
            (State::Failing(status, origin), Frame::End) => {
                let failed = ResponseEvent::Failed(status.clone(), *origin);
                self.state = State::Ended;
                Ok(Some(failed))
            }
            // W-25.
            (State::AwaitingMessage, Frame::End) => Err(WireError::MessageMissing),
            (_, frame) => Err(frame.unexpected()),
        }
    }
}

/// W-25, W-26, W-68, W-69: what may come next.
fn admit(state: &State, has_load: bool, kind: FrameKind) -> Result<(), WireError> {
    match (state, kind) {
        (State::AwaitingMessage | State::Streaming, FrameKind::Message | FrameKind::Status) => {
            Ok(())
        }
        (State::AwaitingMessage | State::Streaming | State::AwaitingEnd, FrameKind::Load)
            if !has_load =>
        {
            Ok(())
        }
        _ => Err(WireError::UnexpectedFrame { kind }),
    }
}
