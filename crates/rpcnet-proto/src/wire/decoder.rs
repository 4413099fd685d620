//! From chunks to frames.

use bytes::Bytes;

use super::chunks::Chunks;
use super::{FrameKind, WireError, varint};

/// The longest bodies that a receiver accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// The longest body of a MESSAGE, in bytes. Default 4 MiB.
    pub message_bytes_max: usize,
    /// The longest body of a HEADER, in bytes. Default 8 KiB.
    pub header_bytes_max: usize,
}

impl FrameLimits {
    /// The longest body of a STATUS, in bytes: room for the longest message and
    /// details, and for fields that are yet to come.
    pub const STATUS_BYTES_MAX: usize = 16 * 1024;
    /// The longest body of an ANSWER, in bytes: room for fields that are yet to come.
    pub const ANSWER_BYTES_MAX: usize = 64;
    /// The longest body of a SETTINGS, GOAWAY or CANCEL, in bytes.
    pub const CONTROL_BYTES_MAX: usize = 4 * 1024;
    /// The longest body of a HELLO, in bytes: room for fields that are yet to come.
    pub const HELLO_BYTES_MAX: usize = 512;
    /// The longest body of a GOSSIP, in bytes.
    pub const GOSSIP_BYTES_MAX: usize = 64 * 1024;
    /// The length of the body of a BEAT, in bytes.
    pub const BEAT_BYTES_MAX: usize = 9;
    /// The longest body of a LOAD, in bytes: room for fields that are yet to come.
    pub const LOAD_BYTES_MAX: usize = 512;
    /// The longest body of a frame that is skipped because its type is not known, in bytes.
    pub const IGNORABLE_BYTES_MAX: usize = 16 * 1024;
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            message_bytes_max: 4 * 1024 * 1024,
            header_bytes_max: 8 * 1024,
        }
    }
}

/// One frame; the bytes are its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Opens a call; see [`Header::decode`](super::Header::decode).
    Header(Bytes),
    /// One message, in the codec that the HEADER names.
    Message(Bytes),
    /// The call did not succeed; see [`decode_status`](super::decode_status).
    Status(Bytes),
    /// The number of a call in its batch, counted from 0.
    Answer(Bytes),
    /// See [`Settings::decode`](super::Settings::decode).
    Settings(Bytes),
    /// See [`GoAway::decode`](super::GoAway::decode).
    GoAway(Bytes),
    /// See [`Cancel::decode`](super::Cancel::decode).
    Cancel(Bytes),
    /// See [`Hello::decode`](super::Hello::decode).
    Hello(Bytes),
    /// See [`Message::decode`](crate::swim::Message::decode).
    Gossip(Bytes),
    /// See [`Beat::decode`](super::Beat::decode).
    Beat(Bytes),
    /// See [`Load::decode`](super::Load::decode).
    Load(Bytes),
    /// The end marker: the sender has no more messages.
    End,
}

/// Cuts received chunks into frames.
///
/// `push` what arrived, call `next_frame` until it returns `None`, and call
/// `finish` when the stream ended. A limit is checked on the prefix of a frame,
/// before anything of its body is kept; memory never runs ahead of what arrived.
#[derive(Debug)]
pub struct FrameDecoder {
    limits: FrameLimits,
    queue: Chunks,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Between frames, or within the prefix of one.
    Prefix,
    /// The prefix of a known frame was read; its body is awaited.
    Body { kind: FrameKind, len: usize },
    /// Within the body of a frame that nobody here knows.
    Skip { left: usize },
    /// The end marker was read.
    Ended,
    /// What was wrong.
    Failed(WireError),
}

impl FrameDecoder {
    /// Makes a decoder at the start of a stream, after its kind byte.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            queue: Chunks::default(),
            state: State::Prefix,
        }
    }

    /// Takes what arrived. An empty chunk, or any after an error, is dropped.
    pub fn push(&mut self, chunk: Bytes) {
        if !matches!(self.state, State::Failed(_)) {
            self.queue.push(chunk);
        }
    }

    /// Returns the next frame, or `None` where more bytes are needed or the end was read.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed, now and in every later call.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        self.next_admitted(|_| Ok(()))
    }

    /// As [`next_frame`](Self::next_frame), but asks `admit` about each known
    /// frame as soon as its prefix is there, before its size is looked at and
    /// before any of its body is waited for.
    pub(super) fn next_admitted(
        &mut self,
        admit: impl Fn(FrameKind) -> Result<(), WireError>,
    ) -> Result<Option<Frame>, WireError> {
        self.advance(admit)
            .inspect_err(|error| self.fail(error.clone()))
    }

    /// The body of the next frame, where that is of this kind and has arrived in one piece.
    ///
    /// Nearly all frames are there as a whole, and of the kind that has to come; such a one
    /// needs little of what the others do. `None` says nothing about what comes:
    /// [`next_admitted`](Self::next_admitted) does. Only for where the kind is in its place.
    #[inline]
    pub(super) fn next_whole(&mut self, kind: FrameKind) -> Option<Bytes> {
        if !matches!(self.state, State::Prefix) {
            return None;
        }
        let (prefix, len) = self.short_prefix(kind, self.queue.piece())?;
        self.queue.take_of_piece(prefix, len)
    }

    /// As [`next_whole`](Self::next_whole): an ANSWER, of a call that is due, and the MESSAGE
    /// behind it; the number of the call, and the body of the latter. What `is_due` says yes
    /// to is returned.
    #[inline]
    pub(super) fn next_whole_answer(
        &mut self,
        is_due: impl FnOnce(usize) -> bool,
    ) -> Option<(usize, Bytes)> {
        const ANSWER: u8 = FrameKind::Answer.to_byte();
        if !matches!(self.state, State::Prefix) {
            return None;
        }
        let piece = self.queue.piece();
        let (index, answer) = match *piece {
            [0x02, ANSWER, index @ 0..0x40, ..] => (usize::from(index), 3),
            [0x03, ANSWER, high @ 0x40..0x80, low, ..] => (short(high, low)?, 4),
            _ => return None,
        };
        let (prefix, len) = self.short_prefix(FrameKind::Message, piece.get(answer..)?)?;
        if piece.len() < answer + prefix + len || !is_due(index) {
            return None;
        }
        let body = self.queue.take_of_piece(answer + prefix, len)?;
        Some((index, body))
    }

    /// The length of a prefix of two or three bytes, and of the body that it announces, where
    /// that is of this kind and no longer than it may be.
    #[inline]
    fn short_prefix(&self, kind: FrameKind, bytes: &[u8]) -> Option<(usize, usize)> {
        let (prefix, length, byte) = match *bytes {
            [length @ 0x01..0x40, byte, ..] => (2, usize::from(length), byte),
            [high @ 0x40..0x80, low, byte, ..] => (3, short(high, low)?, byte),
            _ => return None,
        };
        let len = length - 1;
        let fits = byte == kind.to_byte() && self.check_len(kind, len as u64).is_ok();
        fits.then_some((prefix, len))
    }

    /// The declared length of the MESSAGE body that is being received, in bytes;
    /// `None` between frames and within other frames.
    #[must_use]
    pub fn pending_message(&self) -> Option<usize> {
        match self.state {
            State::Body {
                kind: FrameKind::Message,
                len,
            } => Some(len),
            _ => None,
        }
    }

    /// The bytes that were pushed and are not part of a returned frame.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.queue.len()
    }

    /// Says whether a stream that ends here ended where it must. Call it after
    /// [`next_frame`](Self::next_frame) returned `None`.
    ///
    /// # Errors
    /// [`WireError::Truncated`] unless the end marker was read,
    /// [`WireError::TrailingBytes`] where bytes follow it, or the error that
    /// the decoder is in.
    pub fn finish(&self) -> Result<(), WireError> {
        match &self.state {
            State::Ended if self.queue.len() == 0 => Ok(()),
            State::Ended => Err(WireError::TrailingBytes),
            State::Failed(error) => Err(error.clone()),
            // W-8: what lacks the marker was cut off, however complete it looks.
            State::Prefix | State::Body { .. } | State::Skip { .. } => Err(WireError::Truncated),
        }
    }

    /// As [`finish`](Self::finish), for a stream that has no end marker: it may end
    /// wherever no frame was begun.
    pub(super) fn finish_between_frames(&self) -> Result<(), WireError> {
        match &self.state {
            State::Prefix if self.queue.len() == 0 => Ok(()),
            State::Failed(error) => Err(error.clone()),
            _ => Err(WireError::Truncated),
        }
    }

    /// Everything that was pushed and that no frame has claimed.
    pub(super) fn take_unread(&mut self) -> Bytes {
        self.queue.take(self.queue.len()).unwrap_or_default()
    }

    /// Stays in `error` for ever, and gives the memory back.
    pub(super) fn fail(&mut self, error: WireError) {
        self.queue.clear();
        self.state = State::Failed(error);
    }

    fn advance(
        &mut self,
        admit: impl Fn(FrameKind) -> Result<(), WireError>,
    ) -> Result<Option<Frame>, WireError> {
        loop {
            match &mut self.state {
                State::Prefix => match self.read_prefix(&admit)? {
                    Some(state) => self.state = state,
                    None => return Ok(None),
                },
                State::Body { kind, len } => {
                    let Some(body) = self.queue.take(*len) else {
                        return Ok(None);
                    };
                    let frame = Frame::new(*kind, body);
                    self.state = State::Prefix;
                    return Ok(Some(frame));
                }
                State::Skip { left } => {
                    *left -= self.queue.skip(*left);
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::Prefix;
                }
                // W-7: even where the end was returned already.
                State::Ended if self.queue.len() > 0 => return Err(WireError::TrailingBytes),
                State::Ended => return Ok(None),
                State::Failed(error) => return Err(error.clone()),
            }
            if matches!(self.state, State::Ended) {
                return Ok(Some(Frame::End));
            }
        }
    }

    /// Reads a length and a type, and decides what follows; `None` until both are there.
    fn read_prefix(
        &mut self,
        admit: impl Fn(FrameKind) -> Result<(), WireError>,
    ) -> Result<Option<State>, WireError> {
        let (prefix, available) = self.queue.peek();
        let prefix = prefix.get(..available).unwrap_or_default();
        let Some((length, length_len)) = varint::decode(prefix)? else {
            return Ok(None);
        };
        if length == 0 {
            self.queue.skip(length_len);
            return Ok(Some(State::Ended));
        }
        let Some(&byte) = prefix.get(length_len) else {
            return Ok(None);
        };
        let state = match FrameKind::from_byte(byte) {
            Some(kind) => {
                admit(kind)?;
                State::Body {
                    kind,
                    len: self.check_len(kind, length - 1)?,
                }
            }
            // W-10: whoever sends such a frame can do without its being read.
            None if byte >= FrameKind::IGNORABLE_MIN => {
                let limit = FrameLimits::IGNORABLE_BYTES_MAX;
                State::Skip {
                    left: fits(length - 1, limit, too_large(byte))?,
                }
            }
            // W-11.
            None => return Err(WireError::UnknownFrame { byte }),
        };
        self.queue.skip(length_len + 1);
        Ok(Some(state))
    }

    /// W-9: a length is only a claim; nothing is kept on its word.
    #[inline]
    fn check_len(&self, kind: FrameKind, len: u64) -> Result<usize, WireError> {
        match kind {
            FrameKind::Message => fits(len, self.limits.message_bytes_max, |len, limit| {
                WireError::MessageTooLarge { len, limit }
            }),
            FrameKind::Header => fits(len, self.limits.header_bytes_max, |len, limit| {
                WireError::HeaderTooLarge { len, limit }
            }),
            FrameKind::Status => fits(
                len,
                FrameLimits::STATUS_BYTES_MAX,
                too_large(kind.to_byte()),
            ),
            FrameKind::Answer => fits(
                len,
                FrameLimits::ANSWER_BYTES_MAX,
                too_large(kind.to_byte()),
            ),
            FrameKind::Settings | FrameKind::GoAway | FrameKind::Cancel => fits(
                len,
                FrameLimits::CONTROL_BYTES_MAX,
                too_large(kind.to_byte()),
            ),
            FrameKind::Hello => fits(len, FrameLimits::HELLO_BYTES_MAX, too_large(kind.to_byte())),
            FrameKind::Gossip => fits(
                len,
                FrameLimits::GOSSIP_BYTES_MAX,
                too_large(kind.to_byte()),
            ),
            FrameKind::Beat => fits(len, FrameLimits::BEAT_BYTES_MAX, too_large(kind.to_byte())),
            FrameKind::Load => fits(len, FrameLimits::LOAD_BYTES_MAX, too_large(kind.to_byte())),
        }
    }
}

/// A varint of two bytes that needs them (W-6).
fn short(high: u8, low: u8) -> Option<usize> {
    let value = usize::from(high & 0x3f) << 8 | usize::from(low);
    (value >= 0x40).then_some(value)
}

impl Frame {
    fn new(kind: FrameKind, body: Bytes) -> Self {
        match kind {
            FrameKind::Header => Self::Header(body),
            FrameKind::Message => Self::Message(body),
            FrameKind::Status => Self::Status(body),
            FrameKind::Answer => Self::Answer(body),
            FrameKind::Settings => Self::Settings(body),
            FrameKind::GoAway => Self::GoAway(body),
            FrameKind::Cancel => Self::Cancel(body),
            FrameKind::Hello => Self::Hello(body),
            FrameKind::Gossip => Self::Gossip(body),
            FrameKind::Beat => Self::Beat(body),
            FrameKind::Load => Self::Load(body),
        }
    }

    /// W-12: the error for a frame that came where it has no place.
    pub(super) const fn unexpected(&self) -> WireError {
        let kind = match self {
            Self::Header(_) => FrameKind::Header,
            Self::Message(_) => FrameKind::Message,
            Self::Status(_) => FrameKind::Status,
            Self::Answer(_) => FrameKind::Answer,
            Self::Settings(_) => FrameKind::Settings,
            Self::GoAway(_) => FrameKind::GoAway,
            Self::Cancel(_) => FrameKind::Cancel,
            Self::Hello(_) => FrameKind::Hello,
            Self::Gossip(_) => FrameKind::Gossip,
            Self::Beat(_) => FrameKind::Beat,
            Self::Load(_) => FrameKind::Load,
            Self::End => return WireError::UnexpectedEnd,
        };
        WireError::UnexpectedFrame { kind }
    }
}

/// Compares in 64 bits, so that no length wraps where `usize` is narrower.
fn fits(len: u64, limit: usize, error: impl Fn(u64, u64) -> WireError) -> Result<usize, WireError> {
    match usize::try_from(len) {
        Ok(len) if len <= limit => Ok(len),
        _ => Err(error(len, limit as u64)),
    }
}

fn too_large(byte: u8) -> impl Fn(u64, u64) -> WireError {
    move |len, limit| WireError::FrameTooLarge { byte, len, limit }
}
