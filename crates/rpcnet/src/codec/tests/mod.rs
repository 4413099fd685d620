mod bombs;
mod evolution;
mod golden;
mod malformed;
#[cfg(feature = "prost")]
mod protobuf;
mod round_trip;
mod verdicts;
mod zoo;

use std::error::Error as StdError;

use crate::codec::CodecError;
use crate::{CodecId, RpcError};

/// Those that this build has for serde's types.
pub(super) fn codecs() -> Vec<CodecId> {
    let available: Vec<CodecId> = (0..=u8::MAX)
        .map(CodecId)
        .filter(|codec| super::is_available(*codec))
        .collect();
    assert!(available.len() >= 2, "postcard and JSON are always there");
    available
}

/// The codec's own error, of which an [`RpcError`] tells nothing but the kind.
pub(super) fn verdict<T: std::fmt::Debug>(result: Result<T, RpcError>) -> CodecError {
    match result {
        Err(RpcError::SerializationError { source }) => {
            *source.downcast().expect("the codec says why")
        }
        other => panic!("{other:?}"),
    }
}

/// All the causes in one line.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
