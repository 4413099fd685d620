//! The numbers with which streams are reset and connections closed.

use std::fmt;

/// Why a stream was reset or stopped, a connection closed, or a call cancelled.
///
/// One set of numbers serves RESET_STREAM, STOP_SENDING, CONNECTION_CLOSE and
/// the CANCEL frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// Nothing is wrong: the rest is not needed, or the connection is done with.
    NoError = 0,
    /// The call is no longer wanted.
    Cancelled = 1,
    /// The call was not processed; it may be repeated whatever the method does.
    Refused = 2,
    /// The peer broke a rule of the protocol.
    Protocol = 3,
    /// The peer went beyond a limit that it was told.
    LimitExceeded = 4,
    /// The deadline of the call has passed.
    DeadlineExceeded = 5,
    /// The first byte of the stream names no kind that the receiver accepts.
    UnknownStreamKind = 6,
    /// A bug on the side that says so.
    Internal = 7,
    /// No byte moved for too long.
    Stalled = 8,
    /// Cut at the end of a grace period; the handler may have run.
    Shutdown = 9,
    /// The server has no room for another connection.
    TooManyConnections = 10,
    /// The peer's SETTINGS did not arrive in time.
    SettingsMissing = 11,
    /// The connection carried no call for too long.
    Idle = 12,
    /// Whoever opened the gossip stream has not shown to be a member of the cluster.
    NotAMember = 13,
}

impl ErrorCode {
    /// Reads a code; `None` where no code has that number.
    #[must_use]
    pub const fn from_wire(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::NoError,
            1 => Self::Cancelled,
            2 => Self::Refused,
            3 => Self::Protocol,
            4 => Self::LimitExceeded,
            5 => Self::DeadlineExceeded,
            6 => Self::UnknownStreamKind,
            7 => Self::Internal,
            8 => Self::Stalled,
            9 => Self::Shutdown,
            10 => Self::TooManyConnections,
            11 => Self::SettingsMissing,
            12 => Self::Idle,
            13 => Self::NotAMember,
            _ => return None,
        })
    }

    /// The code's number.
    #[must_use]
    pub const fn to_wire(self) -> u64 {
        self as u64
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoError => "no error",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Protocol => "protocol violation",
            Self::LimitExceeded => "limit exceeded",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::UnknownStreamKind => "unknown stream kind",
            Self::Internal => "internal error",
            Self::Stalled => "stalled",
            Self::Shutdown => "shut down",
            Self::TooManyConnections => "too many connections",
            Self::SettingsMissing => "settings missing",
            Self::Idle => "idle",
            Self::NotAMember => "not a member",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_as_the_code_that_writes_it_or_as_none() {
        for number in 0..=13 {
            assert_eq!(
                ErrorCode::from_wire(number).map(ErrorCode::to_wire),
                Some(number)
            );
        }
        assert_eq!(ErrorCode::from_wire(14), None);
        assert_eq!(ErrorCode::from_wire(u64::MAX), None);
    }
}
