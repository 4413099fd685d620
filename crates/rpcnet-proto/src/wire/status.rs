//! The frame that says why a call did not succeed.

use bytes::{BufMut, Bytes, BytesMut};

use super::body::{Body, check_field_len};
use super::header::put_field;
use super::{FrameKind, WireError, varint};
use crate::{Code, Origin, Status};

/// Reads the body of a STATUS; the details share its memory.
///
/// Bytes after the last field are ignored, so that the status can grow (W-14).
///
/// # Errors
/// [`WireError`] says what is malformed.
pub fn decode(body: Bytes) -> Result<(Status, Origin), WireError> {
    let mut body = Body::new(FrameKind::Status, body);
    let code = Code::from_wire(body.varint()?);
    let origin = Origin::from_byte(body.byte()?);
    let message = body.text(Status::MESSAGE_BYTES_MAX)?;
    let details = body.bytes()?;
    check_field_len(FrameKind::Status, details.len(), Status::DETAILS_BYTES_MAX)?;
    Ok((
        Status {
            code,
            message,
            details,
        },
        origin,
    ))
}

/// Appends the body, within its limits (W-29).
pub(super) fn encode_body(status: &Status, origin: Origin, out: &mut BytesMut) {
    varint::encode(status.code.to_wire(), out);
    out.put_u8(origin.to_byte());
    put_field(
        truncated(&status.message, Status::MESSAGE_BYTES_MAX).as_bytes(),
        out,
    );
    if status.details.len() <= Status::DETAILS_BYTES_MAX {
        put_field(&status.details, out);
    } else {
        put_field(&[], out);
    }
}

/// The longest start of `text` that has at most `limit` bytes and whole characters.
pub(super) fn truncated(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit))
        .unwrap_or_default()
}
