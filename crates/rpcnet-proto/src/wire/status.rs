//! The frame that says why a call did not succeed.

use std::time::Duration;

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
    // Whoever wrote a STATUS before this field existed ends it here.
    let retry_after_ms = if body.is_empty() { 0 } else { body.varint()? };
    Ok((
        Status {
            code,
            message,
            details,
            // W-71.
            retry_after: (retry_after_ms > 0)
                .then(|| Duration::from_millis(retry_after_ms).min(Status::RETRY_AFTER_MAX)),
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
    if let Some(retry_after) = status.retry_after.filter(|time| !time.is_zero()) {
        varint::encode(whole_ms(retry_after), out);
    }
}

/// Rounded up, so that nobody comes too early.
fn whole_ms(time: Duration) -> u64 {
    let ms = time
        .min(Status::RETRY_AFTER_MAX)
        .as_nanos()
        .div_ceil(1_000_000);
    u64::try_from(ms).unwrap_or(varint::MAX)
}

/// The longest start of `text` that has at most `limit` bytes and whole characters.
pub(super) fn truncated(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit))
        .unwrap_or_default()
}
