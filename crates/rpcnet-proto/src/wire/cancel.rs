//! A client takes a call back.

use bytes::{Bytes, BytesMut};

use super::body::Body;
use super::{ErrorCode, FrameKind, WireError, varint};
use crate::CallId;

/// The client no longer wants a call. It may arrive before the call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The call.
    pub call_id: CallId,
    /// Why; [`ErrorCode::Cancelled`] or [`ErrorCode::DeadlineExceeded`] as a rule.
    pub code: ErrorCode,
}

impl Cancel {
    /// Reads the body of a CANCEL. Bytes after the last field are ignored, and
    /// a code that this version does not know is [`ErrorCode::Cancelled`]: the
    /// call is unwanted all the same (W-50).
    ///
    /// # Errors
    /// [`WireError`] says what is malformed.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::Cancel, body);
        Ok(Self {
            // A varint holds no number beyond the largest id.
            call_id: CallId::new(body.varint()?).unwrap_or(CallId::MAX),
            code: ErrorCode::from_wire(body.varint()?).unwrap_or(ErrorCode::Cancelled),
        })
    }

    /// Appends the body.
    pub(super) fn encode_body(self, out: &mut BytesMut) {
        varint::encode(self.call_id.get(), out);
        varint::encode(self.code.to_wire(), out);
    }
}
