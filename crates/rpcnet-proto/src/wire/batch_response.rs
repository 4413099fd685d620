//! What a client reads from a batch of calls.

use bytes::Bytes;

use super::body::Body;
use super::{Frame, FrameDecoder, FrameKind, FrameLimits, Load, WireError, decode_status};
use crate::{Origin, Status};

/// What became of one call of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The number of the call in its batch, counted from 0.
    pub index: usize,
    /// How busy the server is, where it was asked and said so.
    pub load: Option<Load>,
    /// The call's one response, or how it failed.
    pub result: Result<Bytes, (Status, Origin)>,
}

/// One thing that a server said about a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchResponseEvent {
    /// One call has ended. It counts at once, whatever becomes of the others (W-76).
    Answer(Answer),
    /// Every call was answered; nothing follows.
    End,
}

/// Reads the response half of a batch.
///
/// `push` what arrived, call `next_event` until it returns `None`, and call
/// `finish` when the server finished the stream.
#[derive(Debug)]
pub struct BatchResponseReader {
    frames: FrameDecoder,
    state: State,
    /// For each call, whether its answer is due.
    due: Vec<bool>,
    /// How many answers are due.
    left: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    BetweenAnswers,
    /// The response or the status of this call must come.
    Answering {
        index: usize,
        load: Option<Load>,
    },
    Ended,
}

impl BatchResponseReader {
    /// Makes a reader for the answers to a batch of so many calls.
    #[must_use]
    pub fn new(limits: FrameLimits, calls: usize) -> Self {
        Self {
            frames: FrameDecoder::new(limits),
            state: State::BetweenAnswers,
            due: vec![true; calls],
            left: calls,
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
    pub fn next_event(&mut self) -> Result<Option<BatchResponseEvent>, WireError> {
        if let Some(answered) = self.next_whole() {
            return Ok(Some(answered));
        }
        loop {
            let state = self.state;
            let admit = |kind| admit(state, kind);
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

    /// How many calls have no answer yet.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
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

    fn event(&mut self, frame: Frame) -> Result<Option<BatchResponseEvent>, WireError> {
        match (self.state, frame) {
            (State::BetweenAnswers, Frame::Answer(body)) => {
                let index = self.claim(body)?;
                self.state = State::Answering { index, load: None };
                Ok(None)
            }
            (State::Answering { index, load: None }, Frame::Load(body)) => {
                let load = Some(Load::decode(body)?);
                self.state = State::Answering { index, load };
                Ok(None)
            }
            (State::Answering { index, load }, Frame::Message(body)) => {
                Ok(Some(self.answered(index, load, Ok(body))))
            }
            (State::Answering { index, load }, Frame::Status(body)) => {
                let status = decode_status(body)?;
                Ok(Some(self.answered(index, load, Err(status))))
            }
            (State::BetweenAnswers, Frame::End) if self.left == 0 => {
                self.state = State::Ended;
                Ok(Some(BatchResponseEvent::End))
            }
            // W-76.
            (State::BetweenAnswers | State::Answering { .. }, Frame::End) => {
                Err(WireError::MessageMissing)
            }
            (_, frame) => Err(frame.unexpected()),
        }
    }

    /// The next answer, where it is a response and all there: as it is, as a rule.
    fn next_whole(&mut self) -> Option<BatchResponseEvent> {
        if !matches!(self.state, State::BetweenAnswers) {
            return None;
        }
        let due = &mut self.due;
        let claim = |index: usize| due.get_mut(index).is_some_and(std::mem::take);
        let (index, body) = self.frames.next_whole_answer(claim)?;
        Some(self.answered(index, None, Ok(body)))
    }

    /// W-75: which call is answered, of those that have no answer yet.
    fn claim(&mut self, body: Bytes) -> Result<usize, WireError> {
        let number = Body::new(FrameKind::Answer, body).varint()?;
        let index = usize::try_from(number).ok();
        let due = index.and_then(|index| Some((index, self.due.get_mut(index)?)));
        match due {
            Some((index, due @ true)) => {
                *due = false;
                Ok(index)
            }
            _ => Err(WireError::NoAnswerDue { index: number }),
        }
    }

    fn answered(
        &mut self,
        index: usize,
        load: Option<Load>,
        result: Result<Bytes, (Status, Origin)>,
    ) -> BatchResponseEvent {
        self.state = State::BetweenAnswers;
        self.left -= 1;
        BatchResponseEvent::Answer(Answer {
            index,
            load,
            result,
        })
    }
}

/// W-75: what may come next.
fn admit(state: State, kind: FrameKind) -> Result<(), WireError> {
    match (state, kind) {
        (State::BetweenAnswers, FrameKind::Answer)
        | (State::Answering { .. }, FrameKind::Message | FrameKind::Status)
        | (State::Answering { load: None, .. }, FrameKind::Load) => Ok(()),
        _ => Err(WireError::UnexpectedFrame { kind }),
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::encode;
    use super::*;
    use crate::Code;

    fn reader(calls: usize, bytes: BytesMut) -> BatchResponseReader {
        let mut reader = BatchResponseReader::new(FrameLimits::default(), calls);
        reader.push(bytes.freeze());
        reader
    }

    #[test]
    fn answers_come_in_any_order_with_load_and_status() {
        let load = Load {
            utilization: 7,
            running: 3,
        };
        let status = Status::new(Code::NotFound, "no");
        let mut bytes = BytesMut::new();
        encode::answer(&mut bytes, 1);
        encode::load(&mut bytes, load);
        encode::message(&mut bytes, b"one");
        encode::answer(&mut bytes, 0);
        encode::status(&mut bytes, &status, Origin::Handler);
        encode::end(&mut bytes);
        let mut reader = reader(2, bytes);
        let first = Answer {
            index: 1,
            load: Some(load),
            result: Ok(Bytes::from_static(b"one")),
        };
        let second = Answer {
            index: 0,
            load: None,
            result: Err((status, Origin::Handler)),
        };
        for answer in [first, second] {
            let event = BatchResponseEvent::Answer(answer);
            assert_eq!(reader.next_event(), Ok(Some(event)));
        }
        assert_eq!(reader.left(), 0);
        assert_eq!(reader.next_event(), Ok(Some(BatchResponseEvent::End)));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn an_answer_that_is_not_due_is_an_error() {
        for indices in [&[2][..], &[0, 0][..]] {
            let mut bytes = BytesMut::new();
            for index in indices {
                encode::answer(&mut bytes, *index);
                encode::message(&mut bytes, b"");
            }
            let mut reader = reader(2, bytes);
            let mut events = std::iter::from_fn(|| reader.next_event().transpose());
            let error = events.find_map(Result::err);
            let index = indices[0] as u64;
            assert_eq!(error, Some(WireError::NoAnswerDue { index }));
        }
    }

    #[test]
    fn an_end_before_all_were_answered_is_an_error() {
        let mut bytes = BytesMut::new();
        encode::answer(&mut bytes, 0);
        encode::message(&mut bytes, b"");
        encode::end(&mut bytes);
        let mut reader = reader(2, bytes);
        assert!(matches!(reader.next_event(), Ok(Some(_))));
        assert_eq!(reader.next_event(), Err(WireError::MessageMissing));
    }

    #[test]
    fn a_second_load_and_a_load_of_nobody_have_no_place() {
        let kind = FrameKind::Load;
        let load = Load {
            utilization: 0,
            running: 0,
        };
        let mut twice = BytesMut::new();
        encode::answer(&mut twice, 0);
        encode::load(&mut twice, load);
        encode::load(&mut twice, load);
        let mut nobody = BytesMut::new();
        encode::load(&mut nobody, load);
        for bytes in [twice, nobody] {
            let expected = Err(WireError::UnexpectedFrame { kind });
            assert_eq!(reader(1, bytes).next_event(), expected);
        }
    }
}
