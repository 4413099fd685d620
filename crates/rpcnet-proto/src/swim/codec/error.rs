//! One error per way in which the bytes of a message can be malformed.

use thiserror::Error;

use crate::swim::{NameError, TagError};

/// What is wrong with the bytes of a message (M-37).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The message is longer than the protocol allows.
    #[error("a membership message of {len} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The message ends in the middle of a field.
    #[error("a membership message ends in the middle of a field")]
    TooShort,
    /// A varint takes more bytes than its value needs.
    #[error("a varint is longer than its value needs")]
    VarintNotShortest,
    /// A byte that chooses between alternatives chooses none.
    #[error("byte {byte} is no {what}")]
    Unknown {
        /// What it should choose.
        what: &'static str,
        /// The byte.
        byte: u8,
    },
    /// A field is longer than the protocol allows.
    #[error("a {what} of {len} exceeds the limit of {limit}")]
    FieldTooLong {
        /// Which field.
        what: &'static str,
        /// Its length.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    TextNotUtf8,
    /// A node's name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A tag breaks a rule.
    #[error(transparent)]
    Tag(#[from] TagError),
}
