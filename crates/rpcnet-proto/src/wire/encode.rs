//! Writes frames. Each function appends one whole frame to `out`, except
//! [`message_prefix`] and [`gossip_prefix`], after which the caller appends the body
//! itself.

use bytes::{BufMut, BytesMut};

use super::{
    Beat, Cancel, FrameKind, GoAway, Header, HeaderRef, Hello, Load, Settings, StreamKind,
    status as status_body, varint,
};
use crate::{Origin, Status};

/// The longest frame that [`load`] appends, in bytes.
pub const LOAD_FRAME_BYTES_MAX: usize = 2 + 2 * varint::BYTES_MAX;

/// The longest frame that [`answer`] appends, in bytes.
pub const ANSWER_FRAME_BYTES_MAX: usize = 2 + varint::BYTES_MAX;

/// The longest prefix that [`message_prefix`] appends, in bytes.
pub const PREFIX_BYTES_MAX: usize = varint::BYTES_MAX + 1;

/// Appends the byte with which a stream begins.
pub fn stream_kind(out: &mut BytesMut, kind: StreamKind) {
    out.put_u8(kind.to_byte());
}

/// Appends a HEADER.
pub fn header(out: &mut BytesMut, header: &Header) {
    header_ref(out, &header.borrowed());
}

/// Appends a HEADER that borrows its parts.
pub fn header_ref(out: &mut BytesMut, header: &HeaderRef<'_>) {
    let body_len = header.body_len();
    out.reserve(PREFIX_BYTES_MAX + body_len);
    prefix(out, FrameKind::Header, body_len);
    header.encode_body(out);
}

/// Appends length and type of a MESSAGE whose body of `body_len` bytes the
/// caller appends or sends next.
pub fn message_prefix(out: &mut BytesMut, body_len: usize) {
    prefix(out, FrameKind::Message, body_len);
}

/// Appends a MESSAGE.
pub fn message(out: &mut BytesMut, body: &[u8]) {
    out.reserve(PREFIX_BYTES_MAX + body.len());
    message_prefix(out, body.len());
    out.put_slice(body);
}

/// Appends a STATUS, its message and details cut to their limits as
/// [`Status`] says.
pub fn status(out: &mut BytesMut, status: &Status, origin: Origin) {
    small_frame(out, FrameKind::Status, |body| {
        status_body::encode_body(status, origin, body)
    });
}

/// Appends an ANSWER: what follows is about the call with this number in its batch.
pub fn answer(out: &mut BytesMut, index: usize) {
    let index = index as u64;
    prefix(out, FrameKind::Answer, varint::encoded_len(index));
    varint::encode(index, out);
}

/// Appends a LOAD, its utilization cut to its limit; takes no memory beyond `out`.
pub fn load(out: &mut BytesMut, load: Load) {
    prefix(out, FrameKind::Load, load.body_len());
    load.encode_body(out);
}

/// Appends the end marker.
pub fn end(out: &mut BytesMut) {
    varint::encode(0, out);
}

/// Appends a SETTINGS.
pub fn settings(out: &mut BytesMut, settings: &Settings) {
    small_frame(out, FrameKind::Settings, |body| settings.encode_body(body));
}

/// Appends a GOAWAY, its message cut to its limit.
pub fn goaway(out: &mut BytesMut, goaway: &GoAway) {
    small_frame(out, FrameKind::GoAway, |body| goaway.encode_body(body));
}

/// Appends a CANCEL.
pub fn cancel(out: &mut BytesMut, cancel: &Cancel) {
    small_frame(out, FrameKind::Cancel, |body| cancel.encode_body(body));
}

/// Appends a HELLO.
pub fn hello(out: &mut BytesMut, hello: &Hello) {
    small_frame(out, FrameKind::Hello, |body| hello.encode_body(body));
}

/// Appends length and type of a GOSSIP whose body of `body_len` bytes the caller
/// appends next.
pub fn gossip_prefix(out: &mut BytesMut, body_len: usize) {
    prefix(out, FrameKind::Gossip, body_len);
}

/// Appends a BEAT.
pub fn beat(out: &mut BytesMut, beat: Beat) {
    small_frame(out, FrameKind::Beat, |body| beat.encode_body(body));
}

/// Writes the body aside to learn its length: these frames are small and rare.
fn small_frame(out: &mut BytesMut, kind: FrameKind, encode_body: impl FnOnce(&mut BytesMut)) {
    let mut body = BytesMut::new();
    encode_body(&mut body);
    out.reserve(PREFIX_BYTES_MAX + body.len());
    prefix(out, kind, body.len());
    out.put_slice(&body);
}

fn prefix(out: &mut BytesMut, kind: FrameKind, body_len: usize) {
    varint::encode((body_len as u64).saturating_add(1), out);
    out.put_u8(kind.to_byte());
}
