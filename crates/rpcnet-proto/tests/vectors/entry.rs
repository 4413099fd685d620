//! How the vectors write down entries, numbers, bytes and errors.

use std::time::Duration;

use rpcnet_proto::CallKind;
use rpcnet_proto::wire::WireError;
use serde_json::{Map, Value, json};

use crate::VECTORS;

pub(crate) fn error_name(error: &WireError) -> &'static str {
    match error {
        WireError::VarintNotShortest => "varint-not-shortest",
        WireError::UnknownFrame { .. } => "unknown-frame",
        WireError::UnexpectedFrame { .. } => "unexpected-frame",
        WireError::UnexpectedEnd => "unexpected-end",
        WireError::MessageMissing => "message-missing",
        WireError::Truncated => "truncated",
        WireError::TrailingBytes => "trailing-bytes",
        WireError::MessageTooLarge { .. } => "message-too-large",
        WireError::HeaderTooLarge { .. } => "header-too-large",
        WireError::FrameTooLarge { .. } => "frame-too-large",
        WireError::BodyTooShort { .. } => "body-too-short",
        WireError::UnknownCallKind { .. } => "unknown-call-kind",
        WireError::Method(_) => "method",
        WireError::Metadata(_) => "metadata",
        WireError::TextNotUtf8 { .. } => "text-not-utf8",
        WireError::FieldTooLong { .. } => "field-too-long",
        WireError::NotUnary { .. } => "not-unary",
        WireError::NoAnswerDue { .. } => "no-answer-due",
        WireError::DuplicateSetting { .. } => "duplicate-setting",
        WireError::TooManySettings => "too-many-settings",
        WireError::Name(_) => "name",
        WireError::UnknownBeat { .. } => "unknown-beat",
        _ => "an error that the specification does not name",
    }
}

pub(crate) fn entries(array: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    vectors[array]
        .as_array()
        .expect("an array of entries")
        .clone()
}

pub(crate) fn fields(entry: &Value) -> Value {
    let mut fields = entry.as_object().expect("an entry is an object").clone();
    fields.retain(|key, _| !matches!(key.as_str(), "name" | "hex" | "canonical"));
    Value::Object(fields)
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is text in {value}"))
}

pub(crate) fn integer(value: &Value, key: &str) -> u64 {
    let value = &value[key];
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .expect("an integer")
}

/// As the specification writes integers: beyond 2^53 as a string.
pub(crate) fn number(value: u64) -> Value {
    if value <= 1 << 53 {
        json!(value)
    } else {
        json!(value.to_string())
    }
}

pub(crate) fn us(duration: Duration) -> u64 {
    duration
        .as_micros()
        .try_into()
        .expect("what came off the wire fits")
}

pub(crate) fn hex(entry: &Value) -> Vec<u8> {
    from_hex(text(entry, "hex"))
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn call_kind(fields: &Value, key: &str) -> CallKind {
    (0..4)
        .filter_map(CallKind::from_byte)
        .find(|kind| kind.to_string().replace(' ', "-") == text(fields, key))
        .expect("a call kind")
}
