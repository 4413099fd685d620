//! What a server reads from a batch of calls.

use bytes::Bytes;

use super::{Frame, FrameDecoder, FrameKind, FrameLimits, Header, WireError};
use crate::{CallKind, MethodError};

/// The most calls of one batch (W-73).
pub const BATCH_CALLS_MAX: usize = 256;

/// The longest request message of a call in a batch, in bytes (W-74).
pub const BATCH_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// One thing that a client said in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchRequestEvent {
    /// The next call begins. An error is about its method's name and deserves an answer
    /// (W-20); the batch goes on.
    Header(Result<Header, MethodError>),
    /// The one message of the call that began last.
    Message(Bytes),
    /// There are no more calls, and none was lost.
    End,
}

/// Reads the request half of a batch, after its kind byte.
///
/// `push` what arrived, call `next_event` until it returns `None`, and call
/// `finish` when the client finished the stream.
#[derive(Debug)]
pub struct BatchRequestReader {
    frames: FrameDecoder,
    state: State,
    /// How many have begun.
    calls: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Another call, or the end of the batch, may come.
    BetweenCalls,
    /// The message of the call that has begun must come.
    AwaitingMessage,
    Ended,
}

impl BatchRequestReader {
    /// Makes a reader at the start of a batch.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        let message_bytes_max = limits.message_bytes_max.min(BATCH_MESSAGE_BYTES_MAX);
        Self {
            frames: FrameDecoder::new(FrameLimits {
                message_bytes_max,
                ..limits
            }),
            state: State::BetweenCalls,
            calls: 0,
        }
    }

    /// Takes what arrived. An empty chunk, or any after an error, is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        self.frames.push(chunk);
    }

    /// Returns the next event, or `None` where more bytes are needed or the end was read.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed, now and in every later call: the batch as a
    /// whole can be reset, and nothing else.
    pub fn next_event(&mut self) -> Result<Option<BatchRequestEvent>, WireError> {
        let (state, calls) = (self.state, self.calls);
        let whole = match state {
            State::BetweenCalls if calls < BATCH_CALLS_MAX => {
                let body = self.frames.next_whole(FrameKind::Header);
                body.map(Frame::Header)
            }
            State::AwaitingMessage => {
                let body = self.frames.next_whole(FrameKind::Message);
                body.map(Frame::Message)
            }
            State::BetweenCalls | State::Ended => None,
        };
        let admit = |kind| admit(state, calls, kind);
        let frame = match whole {
            Some(frame) => frame,
            None => match self.frames.next_admitted(admit)? {
                Some(frame) => frame,
                None => return Ok(None),
            },
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

    fn event(&mut self, frame: Frame) -> Result<BatchRequestEvent, WireError> {
        match (self.state, frame) {
            (State::BetweenCalls, Frame::Header(body)) => {
                let header = match Header::decode(body) {
                    Ok(header) if header.kind != CallKind::Unary => {
                        return Err(WireError::NotUnary { kind: header.kind });
                    }
                    Ok(header) => Ok(header),
                    Err(WireError::Method(error)) => Err(error),
                    Err(error) => return Err(error),
                };
                self.calls += 1;
                self.state = State::AwaitingMessage;
                Ok(BatchRequestEvent::Header(header))
            }
            (State::AwaitingMessage, Frame::Message(body)) => {
                self.state = State::BetweenCalls;
                Ok(BatchRequestEvent::Message(body))
            }
            (State::BetweenCalls, Frame::End) if self.calls > 0 => {
                self.state = State::Ended;
                Ok(BatchRequestEvent::End)
            }
            // W-24.
            (State::AwaitingMessage, Frame::End) => Err(WireError::MessageMissing),
            (_, frame) => Err(frame.unexpected()),
        }
    }
}

/// W-72, W-73: what may come next.
fn admit(state: State, calls: usize, kind: FrameKind) -> Result<(), WireError> {
    match (state, kind) {
        (State::BetweenCalls, FrameKind::Header) if calls < BATCH_CALLS_MAX => Ok(()),
        (State::AwaitingMessage, FrameKind::Message) => Ok(()),
        _ => Err(WireError::UnexpectedFrame { kind }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::BytesMut;

    use super::super::encode;
    use super::*;
    use crate::{CallId, CodecId, Metadata, Method};

    fn header(id: u64, kind: CallKind) -> Header {
        Header {
            call_id: CallId::new(id).expect("small"),
            kind,
            codec: CodecId::RAW,
            idempotent: false,
            timeout: Duration::from_secs(1),
            method: Method::new("m").expect("valid"),
            trace: None,
            metadata: Metadata::new(),
            schema: None,
            load_report: false,
        }
    }

    fn reader(bytes: BytesMut) -> BatchRequestReader {
        let mut reader = BatchRequestReader::new(FrameLimits::default());
        reader.push(bytes.freeze());
        reader
    }

    #[test]
    fn calls_come_one_after_the_other_and_then_the_end() {
        let mut bytes = BytesMut::new();
        for id in 1..=2 {
            encode::header(&mut bytes, &header(id, CallKind::Unary));
            encode::message(&mut bytes, &[id as u8]);
        }
        encode::end(&mut bytes);
        let mut reader = reader(bytes);
        for id in 1..=2 {
            let event = reader.next_event().expect("well formed");
            let expected = header(id, CallKind::Unary);
            assert_eq!(event, Some(BatchRequestEvent::Header(Ok(expected))));
            let event = reader.next_event().expect("well formed");
            let message = Bytes::from(vec![id as u8]);
            assert_eq!(event, Some(BatchRequestEvent::Message(message)));
        }
        assert_eq!(reader.next_event(), Ok(Some(BatchRequestEvent::End)));
        assert_eq!(reader.next_event(), Ok(None));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_batch_holds_at_least_one_call_and_no_more_than_its_limit() {
        let mut bytes = BytesMut::new();
        encode::end(&mut bytes);
        assert_eq!(reader(bytes).next_event(), Err(WireError::UnexpectedEnd));
        let mut bytes = BytesMut::new();
        for id in 0..=BATCH_CALLS_MAX as u64 {
            encode::header(&mut bytes, &header(id, CallKind::Unary));
            encode::message(&mut bytes, b"");
        }
        let mut reader = reader(bytes);
        for _ in 0..2 * BATCH_CALLS_MAX {
            assert!(matches!(reader.next_event(), Ok(Some(_))));
        }
        let kind = FrameKind::Header;
        let expected = Err(WireError::UnexpectedFrame { kind });
        assert_eq!(reader.next_event(), expected);
    }

    #[test]
    fn what_no_batch_may_hold_is_an_error() {
        let mut streaming = BytesMut::new();
        encode::header(&mut streaming, &header(1, CallKind::Bidirectional));
        let kind = CallKind::Bidirectional;
        assert_eq!(
            reader(streaming).next_event(),
            Err(WireError::NotUnary { kind })
        );
        let mut long = BytesMut::new();
        encode::header(&mut long, &header(1, CallKind::Unary));
        encode::message_prefix(&mut long, BATCH_MESSAGE_BYTES_MAX + 1);
        let mut long = reader(long);
        assert!(matches!(
            long.next_event(),
            Ok(Some(BatchRequestEvent::Header(Ok(_))))
        ));
        assert!(matches!(
            long.next_event(),
            Err(WireError::MessageTooLarge { .. })
        ));
        let mut missing = BytesMut::new();
        encode::header(&mut missing, &header(1, CallKind::Unary));
        encode::end(&mut missing);
        let mut missing = reader(missing);
        assert!(missing.next_event().is_ok());
        assert_eq!(missing.next_event(), Err(WireError::MessageMissing));
    }
}
