//! What either side reads from the other's control stream.

use bytes::Bytes;

use super::{Cancel, Frame, FrameDecoder, FrameKind, FrameLimits, GoAway, Settings, WireError};

/// One thing that the peer said about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlEvent {
    /// What the peer accepts: the first event, and only the first.
    Settings(Settings),
    /// The peer is draining.
    GoAway(GoAway),
    /// The client no longer wants a call.
    Cancel(Cancel),
}

/// Reads a control stream, after its kind byte.
///
/// `push` what arrived and call `next_event` until it returns `None`. There is
/// no `finish`: a control stream has no end marker and lives as long as its
/// connection.
#[derive(Debug)]
pub struct ControlReader {
    frames: FrameDecoder,
    has_settings: bool,
}

impl ControlReader {
    /// Makes a reader at the start of a control stream.
    #[must_use]
    pub fn new() -> Self {
        // Neither MESSAGE nor HEADER is admitted, so their limits never matter.
        Self {
            frames: FrameDecoder::new(FrameLimits::default()),
            has_settings: false,
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
    /// connection is to be closed with its code.
    pub fn next_event(&mut self) -> Result<Option<ControlEvent>, WireError> {
        let has_settings = self.has_settings;
        let Some(frame) = self
            .frames
            .next_admitted(|kind| admit(has_settings, kind))?
        else {
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

    fn event(&mut self, frame: Frame) -> Result<ControlEvent, WireError> {
        match frame {
            Frame::Settings(body) => {
                self.has_settings = true;
                Settings::decode(body).map(ControlEvent::Settings)
            }
            Frame::GoAway(body) => GoAway::decode(body).map(ControlEvent::GoAway),
            Frame::Cancel(body) => Cancel::decode(body).map(ControlEvent::Cancel),
            frame => Err(frame.unexpected()),
        }
    }
}

impl Default for ControlReader {
    fn default() -> Self {
        Self::new()
    }
}

/// W-39, W-44: what may come next.
fn admit(has_settings: bool, kind: FrameKind) -> Result<(), WireError> {
    match (has_settings, kind) {
        (false, FrameKind::Settings) | (true, FrameKind::GoAway | FrameKind::Cancel) => Ok(()),
        _ => Err(WireError::UnexpectedFrame { kind }),
    }
}
