//! Why a payload could not be written or read.

use std::error::Error as StdError;

use super::bounded::{Excess, NESTING_MAX};
use crate::CodecId;

/// Why a value could not be encoded, or a payload not decoded.
///
/// The source of an [`RpcError::SerializationError`](variant@crate::RpcError::SerializationError)
/// that comes from [`codec`](crate::codec).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The codec is not part of this build; the named feature of this crate adds it.
    #[error("{codec} payloads need the feature `{feature}` of rpcnet")]
    UnavailableCodec {
        /// What the call asked for.
        codec: CodecId,
        /// The feature that adds it.
        feature: &'static str,
    },
    /// The codec is none for types that serde describes.
    #[error("{0} payloads are not described by serde")]
    NotForSerde(CodecId),
    /// The payload goes on after its value: most likely the sides disagree on the type.
    #[error("bytes are left over after the value")]
    TrailingBytes,
    /// The payload nests deeper than [`NESTING_MAX`].
    #[error("the payload nests deeper than {NESTING_MAX} levels")]
    TooDeep,
    /// The payload claims more elements than its bytes can hold.
    #[error("the payload claims more elements than its bytes can hold")]
    TooManyElements,
    /// The format's own verdict.
    #[error("the payload is not what the type asks for")]
    Format(#[source] Box<dyn StdError + Send + Sync>),
}

impl CodecError {
    pub(super) fn format(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Format(Box::new(source))
    }

    /// The verdict on a codec that no arm of this build's matches names.
    pub(super) fn unavailable(codec: CodecId) -> Self {
        let feature = match codec {
            CodecId::MESSAGE_PACK => "messagepack",
            CodecId::BINCODE => "bincode",
            other => return Self::NotForSerde(other),
        };
        Self::UnavailableCodec { codec, feature }
    }
}

impl From<Excess> for CodecError {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Depth => Self::TooDeep,
            Excess::Elements => Self::TooManyElements,
        }
    }
}
