//! Payloads: values to bytes and back, by the codec that the call names.
//!
//! Any type with serde's derives travels by any of these codecs:
//!
//! | codec | format | names fields | feature |
//! |---|---|---|---|
//! | [`CodecId::POSTCARD`] | postcard 1 | no | |
//! | [`CodecId::JSON`] | JSON text | yes | |
//! | [`CodecId::MESSAGE_PACK`] | MessagePack, structs as maps | yes | `messagepack` |
//! | [`CodecId::BINCODE`] | bincode 1, as `bincode::serialize` writes it | no | `bincode` |
//!
//! [`CodecId::RAW`] payloads are bytes that only the application understands, and
//! [`CodecId::PROTOBUF`] ones belong to types that Protocol Buffers describe, not serde.
//!
//! # Examples
//!
//! ```
//! use rpcnet::{CodecId, codec};
//!
//! # fn main() -> Result<(), rpcnet::RpcError> {
//! let payload = codec::encode(CodecId::JSON, &("greet", 3))?;
//! assert_eq!(&payload[..], br#"["greet",3]"#);
//! let (name, times): (String, u32) = codec::decode(CodecId::JSON, &payload)?;
//! assert_eq!((name.as_str(), times), ("greet", 3));
//! # Ok(())
//! # }
//! ```
//!
//! # What a payload may cost
//!
//! A payload comes from the peer, so decoding trusts none of its claims. It nests no deeper
//! than [`NESTING_MAX`], loops over no more elements than the payload has bytes plus
//! [`ZERO_SIZE_ELEMENTS_MAX`], and reserves room for no more elements than the payload has
//! bytes, all its collections together.
//!
//! # What no format carries
//!
//! JSON has no NaN and no infinities: they are written as `null`. JSON and MessagePack write
//! `Some(None)` as they write `None`. The codecs that do not name fields cannot decode what
//! asks the payload for its own structure: `serde(flatten)`, `serde(untagged)`, `serde(tag)`
//! and dynamic values such as `serde_json::Value`.

mod bounded;
mod error;
mod formats;
#[cfg(test)]
mod tests;

pub use bounded::{NESTING_MAX, ZERO_SIZE_ELEMENTS_MAX};
pub use error::CodecError;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CodecId, RpcError};

/// Encodes a value as the payload of a message.
///
/// # Errors
///
/// [`SerializationError`](variant@RpcError::SerializationError) with a [`CodecError`]: the
/// codec is not compiled in or not for serde's types, or its format cannot express the value.
pub fn encode<T: Serialize + ?Sized>(codec: CodecId, value: &T) -> Result<Bytes, RpcError> {
    let encoded = match codec {
        CodecId::POSTCARD => formats::postcard::encode(value),
        CodecId::JSON => formats::json::encode(value),
        #[cfg(feature = "messagepack")]
        CodecId::MESSAGE_PACK => formats::messagepack::encode(value),
        #[cfg(feature = "bincode")]
        CodecId::BINCODE => formats::bincode::encode(value),
        other => Err(CodecError::unavailable(other)),
    };
    encoded.map_err(RpcError::SerializationError)
}

/// Decodes the payload of a message, all of it.
///
/// An empty JSON payload is read as `null`, so that a method without arguments can be called
/// with nothing.
///
/// # Errors
///
/// [`SerializationError`](variant@RpcError::SerializationError) with a [`CodecError`]: the
/// codec is not compiled in or not for serde's types, the payload is no such value or has
/// bytes left over, or it claims more than the [limits](self#what-a-payload-may-cost) allow.
pub fn decode<T: DeserializeOwned>(codec: CodecId, payload: &[u8]) -> Result<T, RpcError> {
    let decoded = match codec {
        CodecId::POSTCARD => formats::postcard::decode(payload),
        CodecId::JSON => formats::json::decode(payload),
        #[cfg(feature = "messagepack")]
        CodecId::MESSAGE_PACK => formats::messagepack::decode(payload),
        #[cfg(feature = "bincode")]
        CodecId::BINCODE => formats::bincode::decode(payload),
        other => Err(CodecError::unavailable(other)),
    };
    decoded.map_err(RpcError::SerializationError)
}

#[cfg(feature = "prost")]
pub(crate) use prost::Message as ProstMessage;

/// Encodes a message of Protocol Buffers.
#[cfg(feature = "prost")]
pub(crate) fn encode_prost<M: ProstMessage>(message: &M) -> Bytes {
    formats::protobuf::encode(message)
}

/// Decodes a message of Protocol Buffers; fields that it does not know are skipped.
///
/// The format checks each length against what is left, and nests at most 100 deep.
#[cfg(feature = "prost")]
pub(crate) fn decode_prost<M: ProstMessage + Default>(payload: &[u8]) -> Result<M, RpcError> {
    formats::protobuf::decode(payload).map_err(RpcError::SerializationError)
}

/// Returns true where [`encode`] and [`decode`] know the codec in this build.
#[must_use]
pub fn is_available(codec: CodecId) -> bool {
    let is_extra = cfg!(feature = "messagepack") && codec == CodecId::MESSAGE_PACK
        || cfg!(feature = "bincode") && codec == CodecId::BINCODE;
    is_extra || matches!(codec, CodecId::POSTCARD | CodecId::JSON)
}

/// Returns true for codecs whose payloads name their fields.
///
/// Both sides may then know different versions of a type: what one does not know is skipped,
/// and what is absent takes its default. Their calls are exempt from the fingerprint check.
pub(crate) fn is_self_describing(codec: CodecId) -> bool {
    matches!(
        codec,
        CodecId::JSON | CodecId::MESSAGE_PACK | CodecId::PROTOBUF
    )
}
