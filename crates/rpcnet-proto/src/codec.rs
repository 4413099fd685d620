//! How the bytes of a message are to be read.

use std::fmt;

/// Names the encoding of a call's messages, both ways.
///
/// The wire carries any byte; a server answers a codec that it does not know
/// with [`Code::InvalidArgument`](crate::Code::InvalidArgument).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodecId(pub u8);

impl CodecId {
    /// Bytes that only the application understands.
    pub const RAW: Self = Self(0);
    /// Postcard, the default of typed services.
    pub const POSTCARD: Self = Self(1);
    /// JSON text, so that any client or shell can call a typed method.
    pub const JSON: Self = Self(2);
    /// MessagePack.
    pub const MESSAGE_PACK: Self = Self(3);
    /// Protocol Buffers.
    pub const PROTOBUF: Self = Self(4);
    /// Bincode 1.x.
    pub const BINCODE: Self = Self(5);
}

impl fmt::Display for CodecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RAW => f.write_str("raw"),
            Self::POSTCARD => f.write_str("postcard"),
            Self::JSON => f.write_str("json"),
            Self::MESSAGE_PACK => f.write_str("messagepack"),
            Self::PROTOBUF => f.write_str("protobuf"),
            Self::BINCODE => f.write_str("bincode"),
            Self(other) => write!(f, "codec {other}"),
        }
    }
}
