//! One error per way in which bytes can be malformed.

use thiserror::Error;

use super::{ErrorCode, FrameKind};
use crate::swim::NameError;
use crate::{CallKind, MetadataError, MethodError};

/// What is wrong with the bytes that a peer sent.
///
/// A reader that returned an error stays in it: it returns the same error for
/// ever and holds no more bytes. [`WireError::error_code`] is what to tell the peer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireError {
    /// A varint takes more bytes than its value needs.
    #[error("a varint is longer than its value needs")]
    VarintNotShortest,
    /// A frame has a type that is neither known nor ignorable.
    #[error("frame type {byte:#04x} is not known")]
    UnknownFrame {
        /// The type byte.
        byte: u8,
    },
    /// A frame has no place where it came: on this kind of stream, or in this order.
    #[error("a {kind} frame has no place here")]
    UnexpectedFrame {
        /// The kind of frame.
        kind: FrameKind,
    },
    /// The end marker came before the HEADER or on a control stream.
    #[error("an end marker has no place here")]
    UnexpectedEnd,
    /// The end marker came where exactly one message must come first.
    #[error("the end marker came before the one message that this call needs")]
    MessageMissing,
    /// The stream ended without its end marker: it was cut off.
    #[error("the stream ended before its end marker")]
    Truncated,
    /// Bytes follow the end marker.
    #[error("bytes follow the end marker")]
    TrailingBytes,
    /// A message is longer than this side accepts.
    #[error(
        "a message of {len} bytes exceeds the limit of {limit}; \
         raise it with RpcConfig::with_max_message_bytes"
    )]
    MessageTooLarge {
        /// The length that the frame declares, in bytes.
        len: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A HEADER (method, metadata and all) is longer than this side accepts.
    #[error(
        "a header of {len} bytes exceeds the limit of {limit}; \
         raise it with RpcConfig::with_max_header_bytes"
    )]
    HeaderTooLarge {
        /// The length that the frame declares, in bytes.
        len: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A frame of another type is longer than the protocol allows.
    #[error("a frame of type {byte:#04x} has {len} bytes; the protocol allows {limit}")]
    FrameTooLarge {
        /// The type byte.
        byte: u8,
        /// The length that the frame declares, in bytes.
        len: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A frame ends in the middle of a field.
    #[error("a {kind} frame ends in the middle of a field")]
    BodyTooShort {
        /// The kind of frame.
        kind: FrameKind,
    },
    /// A HEADER names a call kind that does not exist.
    #[error("call kind {byte} does not exist")]
    UnknownCallKind {
        /// The byte.
        byte: u8,
    },
    /// A HEADER is well formed but for the name of its method.
    #[error(transparent)]
    Method(#[from] MethodError),
    /// A HEADER holds metadata that breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A text is not UTF-8.
    #[error("the text of a {kind} frame is not UTF-8")]
    TextNotUtf8 {
        /// The kind of frame.
        kind: FrameKind,
    },
    /// A text, or the details of a STATUS, is longer than the protocol allows.
    #[error("a field of a {kind} frame has {len} bytes; the protocol allows {limit}")]
    FieldTooLong {
        /// The kind of frame.
        kind: FrameKind,
        /// The length of the field, in bytes.
        len: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// SETTINGS hold the same id twice.
    #[error("setting {id} is given twice")]
    DuplicateSetting {
        /// The id.
        id: u64,
    },
    /// SETTINGS hold more pairs than the protocol allows.
    #[error("a SETTINGS frame holds more than {max} pairs", max = super::Settings::PAIRS_MAX)]
    TooManySettings,
    /// A HELLO has a name that is none.
    #[error("a HELLO frame: {0}")]
    Name(#[from] NameError),
    /// A call of a batch streams.
    #[error("a call of a batch is {kind}, and not unary")]
    NotUnary {
        /// The kind of the call.
        kind: CallKind,
    },
    /// An ANSWER is to no call of the batch, or to one that was answered before.
    #[error("call {index} of a batch has no answer due")]
    NoAnswerDue {
        /// The number of the call in its batch.
        index: u64,
    },
    /// A BEAT is neither a question nor an answer.
    #[error("a beat of kind {byte} does not exist")]
    UnknownBeat {
        /// The byte.
        byte: u8,
    },
}

impl WireError {
    /// The code with which to reset the stream (W-35), or close the connection
    /// (W-43), that carried the bytes.
    #[must_use]
    pub const fn error_code(&self) -> ErrorCode {
        match self {
            Self::MessageTooLarge { .. }
            | Self::HeaderTooLarge { .. }
            | Self::FrameTooLarge { .. }
            | Self::FieldTooLong { .. }
            | Self::TooManySettings => ErrorCode::LimitExceeded,
            Self::VarintNotShortest
            | Self::UnknownFrame { .. }
            | Self::UnexpectedFrame { .. }
            | Self::UnexpectedEnd
            | Self::MessageMissing
            | Self::Truncated
            | Self::TrailingBytes
            | Self::BodyTooShort { .. }
            | Self::UnknownCallKind { .. }
            | Self::Method(_)
            | Self::Metadata(_)
            | Self::TextNotUtf8 { .. }
            | Self::DuplicateSetting { .. }
            | Self::Name(_)
            | Self::NotUnary { .. }
            | Self::NoAnswerDue { .. }
            | Self::UnknownBeat { .. } => ErrorCode::Protocol,
        }
    }
}
