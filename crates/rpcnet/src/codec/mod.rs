//! Stand-in.
use crate::error::RpcError;
use bytes::Bytes;
use rpcnet_proto::CodecId;
use serde::Serialize;
use serde::de::DeserializeOwned;
/// x
pub fn encode<T: Serialize + ?Sized>(codec: CodecId, value: &T) -> Result<Bytes, RpcError> {
    match codec {
        CodecId::POSTCARD => postcard::to_stdvec(value)
            .map(Bytes::from)
            .map_err(RpcError::SerializationError),
        _ => serde_json::to_vec(value)
            .map(Bytes::from)
            .map_err(RpcError::SerializationError),
    }
}
/// x
pub fn decode<T: DeserializeOwned>(codec: CodecId, payload: &[u8]) -> Result<T, RpcError> {
    match codec {
        CodecId::POSTCARD => postcard::from_bytes(payload).map_err(RpcError::SerializationError),
        _ => serde_json::from_slice(payload).map_err(RpcError::SerializationError),
    }
}
/// x
pub fn is_available(codec: CodecId) -> bool {
    matches!(codec, CodecId::POSTCARD | CodecId::JSON)
}
pub(crate) fn is_self_describing(codec: CodecId) -> bool {
    codec == CodecId::JSON
}
