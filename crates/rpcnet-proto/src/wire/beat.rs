//! A sign of life.

use bytes::{BufMut, Bytes, BytesMut};

use super::body::Body;
use super::{FrameKind, WireError};

/// A question for a sign of life, or the answer to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a third kind is another frame")]
pub enum Beat {
    /// Are you there? The receiver answers at once, on the same stream (W-66).
    Question {
        /// Chosen by who asks.
        nonce: u64,
    },
    /// I am.
    Answer {
        /// That of the question.
        nonce: u64,
    },
}

const QUESTION: u8 = 0;
const ANSWER: u8 = 1;

impl Beat {
    /// Reads the body of a BEAT.
    ///
    /// # Errors
    /// [`WireError`] says what is malformed.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::Beat, body);
        let byte = body.byte()?;
        let nonce = u64::from_be_bytes(body.array()?);
        match byte {
            QUESTION => Ok(Self::Question { nonce }),
            ANSWER => Ok(Self::Answer { nonce }),
            byte => Err(WireError::UnknownBeat { byte }),
        }
    }

    /// Appends the body.
    pub(super) fn encode_body(self, out: &mut BytesMut) {
        let (byte, nonce) = match self {
            Self::Question { nonce } => (QUESTION, nonce),
            Self::Answer { nonce } => (ANSWER, nonce),
        };
        out.put_u8(byte);
        out.put_u64(nonce);
    }
}
