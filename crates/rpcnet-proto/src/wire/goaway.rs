//! A side announces that it is leaving.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::body::Body;
use super::header::put_field;
use super::status::truncated;
use super::{FrameKind, WireError, varint};

/// The sender is draining: it finishes what runs and takes nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoAway {
    /// How long the sender goes on with what runs, in whole milliseconds on the wire.
    pub grace: Duration,
    /// How long to wait before trying the same address again, in whole
    /// milliseconds on the wire; zero says nothing about it.
    pub retry_after: Duration,
    /// Why, for people; empty says nothing. Beyond [`GoAway::MESSAGE_BYTES_MAX`]
    /// the encoder cuts it, at the last character that fits.
    pub message: String,
}

impl GoAway {
    /// The longest message that travels, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 1024;

    /// Reads the body of a GOAWAY. Bytes after the last field are ignored (W-14).
    ///
    /// # Errors
    /// [`WireError`] says what is malformed.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::GoAway, body);
        Ok(Self {
            grace: Duration::from_millis(body.varint()?),
            retry_after: Duration::from_millis(body.varint()?),
            message: body.text(Self::MESSAGE_BYTES_MAX)?,
        })
    }

    /// Appends the body, within its limits (W-29).
    pub(super) fn encode_body(&self, out: &mut BytesMut) {
        varint::encode(whole_ms(self.grace), out);
        varint::encode(whole_ms(self.retry_after), out);
        put_field(
            truncated(&self.message, Self::MESSAGE_BYTES_MAX).as_bytes(),
            out,
        );
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(varint::MAX)
}
