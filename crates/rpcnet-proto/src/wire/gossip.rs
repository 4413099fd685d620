//! What either side reads from a gossip stream.

use bytes::Bytes;

use super::{Beat, Frame, FrameDecoder, FrameKind, FrameLimits, Hello, WireError};

/// One thing that a member said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GossipEvent {
    /// Who speaks: the first event, and only the first.
    Hello(Hello),
    /// A message of the membership protocol; see
    /// [`Message::decode`](crate::swim::Message::decode).
    Message(Bytes),
    /// A sign of life, asked for or given; only on a link.
    Beat(Beat),
}

/// Reads one half of a gossip stream, after its kind byte where it has one.
///
/// `push` what arrived, call `next_event` until it returns `None`, and call
/// `finish` when the peer finished the half.
#[derive(Debug)]
pub struct GossipReader {
    frames: FrameDecoder,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AwaitingHello,
    /// The stream stays open: messages and signs of life come.
    Link,
    /// Messages come, and then the end.
    Messages,
}

impl GossipReader {
    /// Makes a reader at the start of a half.
    #[must_use]
    pub fn new() -> Self {
        // Neither MESSAGE nor HEADER is admitted, so their limits never matter.
        Self {
            frames: FrameDecoder::new(FrameLimits::default()),
            state: State::AwaitingHello,
        }
    }

    /// Takes what arrived. An empty chunk, or any after an error, is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        self.frames.push(chunk);
    }

    /// Returns the next event, or `None` where more bytes are needed.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed, now and in every later call; the
    /// stream is to be reset with its code, and the connection goes on (W-67).
    pub fn next_event(&mut self) -> Result<Option<GossipEvent>, WireError> {
        let state = self.state;
        let Some(frame) = self.frames.next_admitted(|kind| admit(state, kind))? else {
            return Ok(None);
        };
        self.event(frame)
            .map(Some)
            .inspect_err(|error| self.frames.fail(error.clone()))
    }

    /// The bytes that were pushed and are not part of a returned event.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.frames.buffered()
    }

    /// Says whether a half that ends here ended between two frames (W-65). Call it
    /// after [`next_event`](Self::next_event) returned `None`.
    ///
    /// # Errors
    /// [`WireError::Truncated`] where the half ends before its HELLO or within a
    /// frame, or the error that the reader is in.
    pub fn finish(&self) -> Result<(), WireError> {
        match self.frames.finish_between_frames() {
            Ok(()) if self.state == State::AwaitingHello => Err(WireError::Truncated),
            ended => ended,
        }
    }

    fn event(&mut self, frame: Frame) -> Result<GossipEvent, WireError> {
        match frame {
            Frame::Hello(body) => {
                let hello = Hello::decode(body)?;
                self.state = if hello.is_link {
                    State::Link
                } else {
                    State::Messages
                };
                Ok(GossipEvent::Hello(hello))
            }
            Frame::Gossip(body) => Ok(GossipEvent::Message(body)),
            Frame::Beat(body) => Beat::decode(body).map(GossipEvent::Beat),
            frame => Err(frame.unexpected()),
        }
    }
}

impl Default for GossipReader {
    fn default() -> Self {
        Self::new()
    }
}

/// W-60, W-64: what may come next.
fn admit(state: State, kind: FrameKind) -> Result<(), WireError> {
    match (state, kind) {
        (State::AwaitingHello, FrameKind::Hello)
        | (State::Link | State::Messages, FrameKind::Gossip)
        | (State::Link, FrameKind::Beat) => Ok(()),
        _ => Err(WireError::UnexpectedFrame { kind }),
    }
}
