//! What identifies a call and says which side streams.

use std::fmt;

/// Identifies one call among those of its connection.
///
/// The client counts up; the server echoes the id nowhere, it only looks it up
/// when a CANCEL names it and writes it into traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

impl CallId {
    /// The largest id that the wire can carry.
    pub const MAX: Self = Self(crate::wire::varint::MAX);

    /// Makes an id, or `None` beyond [`CallId::MAX`] (2^62 - 1).
    #[must_use]
    pub const fn new(id: u64) -> Option<Self> {
        if id <= Self::MAX.0 {
            Some(Self(id))
        } else {
            None
        }
    }

    /// The number, 0 to 2^62 - 1.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which side of a call sends one message and which sends any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CallKind {
    /// One request message, one response message.
    Unary = 0,
    /// One request message, any number of response messages.
    ServerStreaming = 1,
    /// Any number of request messages, one response message.
    ClientStreaming = 2,
    /// Any number of messages both ways.
    Bidirectional = 3,
}

impl CallKind {
    /// Reads the kind from its byte in a HEADER; `None` where no kind has that byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Unary),
            1 => Some(Self::ServerStreaming),
            2 => Some(Self::ClientStreaming),
            3 => Some(Self::Bidirectional),
            _ => None,
        }
    }

    /// The kind's byte in a HEADER.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// Whether the client sends any number of messages, rather than exactly one.
    #[must_use]
    pub const fn streams_requests(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::Bidirectional)
    }

    /// Whether the server sends any number of messages, rather than exactly one.
    #[must_use]
    pub const fn streams_responses(self) -> bool {
        matches!(self, Self::ServerStreaming | Self::Bidirectional)
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unary => "unary",
            Self::ServerStreaming => "server streaming",
            Self::ClientStreaming => "client streaming",
            Self::Bidirectional => "bidirectional",
        })
    }
}
