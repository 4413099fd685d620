//! The bytes that say what a stream or a frame is.

use std::fmt;

/// What a stream is for: its first byte (W-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StreamKind {
    /// A bidirectional stream that carries one call.
    Call = 0x01,
    /// A bidirectional stream that carries several unary calls.
    Batch = 0x02,
    /// A bidirectional stream between members of a cluster.
    Gossip = 0x03,
    /// A unidirectional stream of SETTINGS, GOAWAY and CANCEL.
    Control = 0x10,
}

impl StreamKind {
    /// Reads the kind; `None` where no kind has that byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Call),
            0x02 => Some(Self::Batch),
            0x03 => Some(Self::Gossip),
            0x10 => Some(Self::Control),
            _ => None,
        }
    }

    /// The kind's byte.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Batch => "batch",
            Self::Gossip => "gossip",
            Self::Control => "control",
        })
    }
}

/// What a frame is: the byte after its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// Opens a call and says everything about it.
    Header = 0x01,
    /// One message, either way.
    Message = 0x02,
    /// The call did not succeed, and why.
    Status = 0x03,
    /// Says which call of a batch the frames that follow answer.
    Answer = 0x04,
    /// What the sender of the control stream accepts.
    Settings = 0x10,
    /// The sender is draining.
    GoAway = 0x11,
    /// The client no longer wants a call.
    Cancel = 0x12,
    /// Opens either half of a gossip stream and says who speaks.
    Hello = 0x20,
    /// One message of the membership protocol.
    Gossip = 0x21,
    /// A sign of life, asked for or given.
    Beat = 0x22,
    /// How busy the server is, for a caller that asked.
    Load = 0x40,
}

impl FrameKind {
    /// The first of the type bytes that a receiver skips where it does not know them.
    pub const IGNORABLE_MIN: u8 = 0x40;

    /// Reads the kind; `None` where no kind has that byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Header),
            0x02 => Some(Self::Message),
            0x03 => Some(Self::Status),
            0x04 => Some(Self::Answer),
            0x10 => Some(Self::Settings),
            0x11 => Some(Self::GoAway),
            0x12 => Some(Self::Cancel),
            0x20 => Some(Self::Hello),
            0x21 => Some(Self::Gossip),
            0x22 => Some(Self::Beat),
            0x40 => Some(Self::Load),
            _ => None,
        }
    }

    /// The kind's byte.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "HEADER",
            Self::Message => "MESSAGE",
            Self::Status => "STATUS",
            Self::Answer => "ANSWER",
            Self::Settings => "SETTINGS",
            Self::GoAway => "GOAWAY",
            Self::Cancel => "CANCEL",
            Self::Hello => "HELLO",
            Self::Gossip => "GOSSIP",
            Self::Beat => "BEAT",
            Self::Load => "LOAD",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_reads_as_the_kind_that_writes_it_or_as_none() {
        let mut kinds = (0, 0);
        for byte in 0..=u8::MAX {
            if let Some(kind) = StreamKind::from_byte(byte) {
                assert_eq!(kind.to_byte(), byte);
                kinds.0 += 1;
            }
            if let Some(kind) = FrameKind::from_byte(byte) {
                assert_eq!(kind.to_byte(), byte);
                let is_ignorable = kind == FrameKind::Load;
                assert_eq!(byte >= FrameKind::IGNORABLE_MIN, is_ignorable);
                kinds.1 += 1;
            }
        }
        assert_eq!(kinds, (4, 11));
    }
}
