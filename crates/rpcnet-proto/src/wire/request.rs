//! What a server reads from a call's stream.

use bytes::Bytes;

use super::{Frame, FrameDecoder, FrameKind, FrameLimits, Header, WireError};
use crate::CallKind;

/// One thing that a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// The first event of every call, and only the first.
    Header(Header),
    /// A message, in the order in which it was sent.
    Message(Bytes),
    /// The client has no more messages, and none was lost.
    End,
}

/// Reads the request half of a call's stream, after its kind byte.
///
/// `push` what arrived, call `next_event` until it returns `None`, and call
/// `finish` when the client finished the stream.
#[derive(Debug)]
pub struct RequestReader {
    frames: FrameDecoder,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    AwaitingHeader,
    /// Exactly one message must come.
    AwaitingMessage,
    /// Any number of messages may come.
    Streaming,
    /// The one message came; nothing but the end may follow.
    AwaitingEnd,
    Ended,
}

impl RequestReader {
    /// Makes a reader at the start of a call.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            frames: FrameDecoder::new(limits),
            state: State::AwaitingHeader,
        }
    }

    /// Takes what arrived. An empty chunk, or any after an error, is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        self.frames.push(chunk);
    }

    /// Returns the next event, or `None` where more bytes are needed or the end was read.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed, now and in every later call. Of
    /// these, [`WireError::Method`] deserves an answer; any other, a reset.
    pub fn next_event(&mut self) -> Result<Option<RequestEvent>, WireError> {
        let state = self.state;
        let Some(frame) = self.frames.next_admitted(|kind| admit(state, kind))? else {
            return Ok(None);
        };
        self.event(frame)
            .map(Some)
            .inspect_err(|error| self.frames.fail(error.clone()))
    }

    /// The next event, where it is a message that has arrived in one piece and that others may
    /// follow. `None` says nothing: [`next_event`](Self::next_event) does, and gives the same
    /// messages, at a higher price.
    #[inline]
    pub fn next_whole_message(&mut self) -> Option<Bytes> {
        match self.state {
            State::Streaming => self.frames.next_whole(FrameKind::Message),
            State::AwaitingHeader | State::AwaitingMessage | State::AwaitingEnd | State::Ended => {
                None
            }
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

    /// Takes back what was pushed and not read, for a stream that turns out to be no call.
    #[must_use]
    pub fn take_unread(&mut self) -> Bytes {
        self.frames.take_unread()
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

    fn event(&mut self, frame: Frame) -> Result<RequestEvent, WireError> {
        match (self.state, frame) {
            (State::AwaitingHeader, Frame::Header(body)) => {
                let header = Header::decode(body)?;
                self.state = after_header(header.kind);
                Ok(RequestEvent::Header(header))
            }
            (State::AwaitingMessage, Frame::Message(body)) => {
                self.state = State::AwaitingEnd;
                Ok(RequestEvent::Message(body))
            }
            // W-23: an empty one, too.
            (State::Streaming, Frame::Message(body)) => Ok(RequestEvent::Message(body)),
            (State::AwaitingEnd | State::Streaming, Frame::End) => {
                self.state = State::Ended;
                Ok(RequestEvent::End)
            }
            // W-24.
            (State::AwaitingMessage, Frame::End) => Err(WireError::MessageMissing),
            (_, frame) => Err(frame.unexpected()),
        }
    }
}

fn after_header(kind: CallKind) -> State {
    if kind.streams_requests() {
        State::Streaming
    } else {
        State::AwaitingMessage
    }
}

/// W-15, W-24: what may come next.
fn admit(state: State, kind: FrameKind) -> Result<(), WireError> {
    match (state, kind) {
        (State::AwaitingHeader, FrameKind::Header)
        | (State::AwaitingMessage | State::Streaming, FrameKind::Message) => Ok(()),
        _ => Err(WireError::UnexpectedFrame { kind }),
    }
}
