//! How the messages of a service become payloads: with serde, or as Protocol Buffers.

use bytes::Bytes;
use rpcnet_proto::CodecId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::RpcError;
use crate::schema::{self, Outline, Schema};

/// A family of codecs that a service's messages can be written in.
pub trait Family: Send + Sync + 'static {
    /// What a client writes where nothing else was asked for.
    const DEFAULT_CODEC: CodecId;

    /// Whether a server of this family reads the codec.
    fn accepts(codec: CodecId) -> bool;
}

/// How one type is written and read.
pub trait Encoding<T>: Family {
    /// Whether there is a message at all.
    const IS_SENT: bool = true;

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// [`RpcError::SerializationError`].
    fn encode(codec: CodecId, value: &T) -> Result<Bytes, RpcError>;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// [`RpcError::SerializationError`].
    fn decode(codec: CodecId, payload: &[u8]) -> Result<T, RpcError>;

    /// The value that stands for no message.
    fn absent() -> Option<T> {
        None
    }

    /// What the type looks like; none where the family's codecs evolve by themselves.
    fn schema() -> Option<Schema>;

    /// What the type looks like in JSON; none where it is never written in that.
    fn outline() -> Option<Outline> {
        None
    }
}

/// Types with serde's traits, in postcard, JSON and whatever else is compiled in.
#[derive(Debug)]
pub struct Serde;

impl Family for Serde {
    const DEFAULT_CODEC: CodecId = CodecId::POSTCARD;

    fn accepts(codec: CodecId) -> bool {
        codec::is_available(codec)
    }
}

impl<T: Serialize + DeserializeOwned> Encoding<T> for Serde {
    fn encode(codec: CodecId, value: &T) -> Result<Bytes, RpcError> {
        codec::encode(codec, value)
    }

    fn decode(codec: CodecId, payload: &[u8]) -> Result<T, RpcError> {
        codec::decode(codec, payload)
    }

    fn schema() -> Option<Schema> {
        Some(schema::of::<T>())
    }

    fn outline() -> Option<Outline> {
        Some(schema::outline::<T>())
    }
}

/// Messages of the crate prost.
#[cfg(feature = "prost")]
#[derive(Debug)]
pub struct Protobuf;

#[cfg(feature = "prost")]
impl Family for Protobuf {
    const DEFAULT_CODEC: CodecId = CodecId::PROTOBUF;

    fn accepts(codec: CodecId) -> bool {
        codec == CodecId::PROTOBUF
    }
}

#[cfg(feature = "prost")]
impl<T: codec::ProstMessage + Default> Encoding<T> for Protobuf {
    fn encode(_codec: CodecId, value: &T) -> Result<Bytes, RpcError> {
        Ok(codec::encode_prost(value))
    }

    fn decode(_codec: CodecId, payload: &[u8]) -> Result<T, RpcError> {
        codec::decode_prost(payload)
    }

    fn schema() -> Option<Schema> {
        None
    }
}

/// The arguments of a method that has none beside its stream: nothing is sent (W-56).
#[derive(Debug, Clone, Copy)]
pub struct NoArgs;

macro_rules! no_args {
    ($family:ty) => {
        impl Encoding<NoArgs> for $family {
            const IS_SENT: bool = false;

            fn encode(_codec: CodecId, _value: &NoArgs) -> Result<Bytes, RpcError> {
                Ok(Bytes::new())
            }

            fn decode(_codec: CodecId, _payload: &[u8]) -> Result<NoArgs, RpcError> {
                Ok(NoArgs)
            }

            fn absent() -> Option<NoArgs> {
                Some(NoArgs)
            }

            fn schema() -> Option<Schema> {
                None
            }
        }
    };
}

no_args!(Serde);
#[cfg(feature = "prost")]
no_args!(Protobuf);
