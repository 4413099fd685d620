//! The formats themselves: the only place that names them.

use super::CodecError;
use super::bounded::{Bounded, Limits};

/// Where a buffer starts; most messages fit, so that it grows never.
const ROOM: usize = 256;

pub(super) mod postcard {
    use bytes::Bytes;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::{Bounded, CodecError, Limits, ROOM};

    pub(in super::super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, CodecError> {
        // A small message is built on the stack and takes one allocation of its length. To
        // find that a larger one does not fit costs no more than writing this much of it.
        let mut room = [0; ROOM];
        match postcard::to_slice(value, &mut room) {
            Ok(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            Err(postcard::Error::SerializeBufferFull) => {
                let bytes = postcard::to_extend(value, Vec::with_capacity(2 * ROOM));
                Ok(bytes.map_err(CodecError::format)?.into())
            }
            Err(error) => Err(CodecError::format(error)),
        }
    }

    pub(in super::super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
        let limits = Limits::new(payload.len());
        let mut deserializer = postcard::Deserializer::from_bytes(payload);
        let value = limits.judge(T::deserialize(Bounded::new(&mut deserializer, &limits)))?;
        let rest = deserializer.finalize().map_err(CodecError::format)?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(CodecError::TrailingBytes)
        }
    }
}

pub(super) mod json {
    use bytes::Bytes;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::{Bounded, CodecError, Limits, ROOM};

    pub(in super::super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, CodecError> {
        let mut bytes = Vec::with_capacity(ROOM);
        serde_json::to_writer(&mut bytes, value).map_err(CodecError::format)?;
        Ok(bytes.into())
    }

    // serde_json has a limit of its own, but it counts neither options nor newtypes: a type
    // that nests through them alone would recurse without end on a payload of one byte.
    pub(in super::super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
        let payload = if payload.is_empty() { b"null" } else { payload };
        let limits = Limits::new(payload.len());
        let mut deserializer = serde_json::Deserializer::from_slice(payload);
        let value = limits.judge(T::deserialize(Bounded::new(&mut deserializer, &limits)))?;
        deserializer.end().map_err(|_| CodecError::TrailingBytes)?;
        Ok(value)
    }
}

#[cfg(feature = "messagepack")]
pub(super) mod messagepack {
    use std::fmt;

    use bytes::Bytes;
    use serde::Serialize;
    use serde::de::{DeserializeOwned, Deserializer, Visitor};

    use super::{Bounded, CodecError, Limits, ROOM};

    pub(in super::super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, CodecError> {
        let mut bytes = Vec::with_capacity(ROOM);
        let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        value
            .serialize(&mut serializer)
            .map_err(CodecError::format)?;
        Ok(bytes.into())
    }

    pub(in super::super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
        let limits = Limits::new(payload.len());
        let mut deserializer = rmp_serde::Deserializer::from_read_ref(payload);
        let value = limits.judge(T::deserialize(Bounded::new(&mut deserializer, &limits)))?;
        match deserializer.deserialize_option(AnythingMore) {
            Ok(()) => Err(CodecError::TrailingBytes),
            Err(_) => Ok(value),
        }
    }

    /// Reads the first byte of an option, whatever it is: only the end of the payload is an
    /// error. The deserialiser does not tell its position.
    struct AnythingMore;

    impl<'de> Visitor<'de> for AnythingMore {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the end of the payload")
        }

        fn visit_none<E>(self) -> Result<(), E> {
            Ok(())
        }

        fn visit_some<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
            Ok(())
        }
    }
}

#[cfg(feature = "bincode")]
pub(super) mod bincode {
    use std::cell::Cell;
    use std::marker::PhantomData;

    use bincode::Options;
    use bytes::Bytes;
    use serde::Serialize;
    use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};

    use super::{Bounded, CodecError, Limits};

    pub(in super::super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, CodecError> {
        let bytes = bincode::serialize(value).map_err(CodecError::format)?;
        Ok(bytes.into())
    }

    pub(in super::super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
        let limits = Limits::new(payload.len());
        let is_whole = Cell::new(false);
        let root = Root {
            limits: &limits,
            is_whole: &is_whole,
            value: PhantomData,
        };
        // `bincode::deserialize` with one difference: it lets bytes be left over.
        let options = bincode::DefaultOptions::new()
            .with_fixint_encoding()
            .reject_trailing_bytes();
        let decoded = limits.judge(options.deserialize_seed(root, payload));
        decoded.map_err(|error| match error {
            CodecError::Format(_) if is_whole.get() => CodecError::TrailingBytes,
            other => other,
        })
    }

    /// The value that the payload is, read under limits.
    struct Root<'l, T> {
        limits: &'l Limits,
        is_whole: &'l Cell<bool>,
        value: PhantomData<T>,
    }

    impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Root<'_, T> {
        type Value = T;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
            let value = T::deserialize(Bounded::new(deserializer, self.limits))?;
            self.is_whole.set(true);
            Ok(value)
        }
    }
}

#[cfg(feature = "prost")]
pub(super) mod protobuf {
    use bytes::Bytes;
    use prost::Message;

    use super::CodecError;

    pub(in super::super) fn encode<M: Message>(message: &M) -> Bytes {
        message.encode_to_vec().into()
    }

    pub(in super::super) fn decode<M: Message + Default>(payload: &[u8]) -> Result<M, CodecError> {
        M::decode(payload).map_err(CodecError::format)
    }
}
