//! [`Codec`]: what payloads are written in, by the names of the codecs.

use clap::ValueEnum;
use rpcnet::CodecId;

/// The codecs by their names.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Raw,
    Postcard,
    Json,
    Messagepack,
    Protobuf,
    Bincode,
}

impl Codec {
    pub(crate) fn id(self) -> CodecId {
        match self {
            Self::Raw => CodecId::RAW,
            Self::Postcard => CodecId::POSTCARD,
            Self::Json => CodecId::JSON,
            Self::Messagepack => CodecId::MESSAGE_PACK,
            Self::Protobuf => CodecId::PROTOBUF,
            Self::Bincode => CodecId::BINCODE,
        }
    }
}
