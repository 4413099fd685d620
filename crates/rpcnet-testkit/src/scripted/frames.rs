//! The bytes that tests begin with, before they cut, bend or repeat them.

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::wire::{Header, Settings, StreamKind, encode};
use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};
use std::time::Duration;

/// Time that a raw call gives its handler, unless the test says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A header without anything that is optional.
///
/// # Panics
///
/// Panics where `id` or `method` is not a legal one: to send such a thing, write its bytes.
#[must_use]
pub fn header(id: u64, kind: CallKind, method: &str) -> Header {
    Header {
        call_id: CallId::new(id).expect("a call id fits a varint"),
        kind,
        codec: CodecId::RAW,
        idempotent: false,
        timeout: TIMEOUT,
        method: Method::new(method).expect("a legal method name"),
        trace: None,
        metadata: Metadata::new(),
        schema: None,
        load_report: false,
    }
}

/// The stream kind and the header of a call.
#[must_use]
pub fn head(header: &Header) -> BytesMut {
    let mut out = BytesMut::new();
    encode::stream_kind(&mut out, StreamKind::Call);
    encode::header(&mut out, header);
    out
}

/// A whole unary request: kind, header, message, end marker.
#[must_use]
pub fn unary(id: u64, method: &str, payload: &[u8]) -> Bytes {
    request(id, CallKind::Unary, method, &[payload])
}

/// A whole request of any kind.
#[must_use]
pub fn request(id: u64, kind: CallKind, method: &str, messages: &[&[u8]]) -> Bytes {
    let mut out = head(&header(id, kind, method));
    for message in messages {
        encode::message(&mut out, message);
    }
    encode::end(&mut out);
    out.freeze()
}

/// A whole response that succeeds.
#[must_use]
pub fn response(messages: &[&[u8]]) -> Bytes {
    let mut out = BytesMut::new();
    for message in messages {
        encode::message(&mut out, message);
    }
    encode::end(&mut out);
    out.freeze()
}

/// A unary request whose method is these bytes, legal or not.
#[must_use]
pub fn unary_of_any_method(id: u64, method: &[u8]) -> Bytes {
    // A legal header of the same length, whose name is then replaced.
    let mut body = BytesMut::new();
    encode::header(&mut body, &header(id, CallKind::Unary, "m"));
    // Frame: length (1 byte), type, then the fields up to the name's length.
    let fields = &body[2..body.len() - 3];
    let mut out = BytesMut::new();
    out.put_u8(StreamKind::Call.to_byte());
    let mut name = BytesMut::new();
    put_varint(&mut name, method.len());
    name.put_slice(method);
    put_varint(&mut out, 1 + fields.len() + name.len() + 1);
    out.put_u8(HEADER);
    out.put_slice(fields);
    out.put_slice(&name);
    out.put_u8(0);
    encode::message(&mut out, b"x");
    encode::end(&mut out);
    out.freeze()
}

/// The beginning of a control stream: its kind and SETTINGS.
#[must_use]
pub fn control(settings: &Settings) -> Bytes {
    let mut out = BytesMut::new();
    encode::stream_kind(&mut out, StreamKind::Control);
    encode::settings(&mut out, settings);
    out.freeze()
}

/// The type byte of a HEADER.
const HEADER: u8 = 0x01;

/// Appends a length as a varint; at most 16,383, which is all that tests need.
fn put_varint(out: &mut BytesMut, length: usize) {
    if length < 1 << 6 {
        out.put_u8(length as u8);
    } else {
        out.put_u16(0x4000 | length as u16);
    }
}
