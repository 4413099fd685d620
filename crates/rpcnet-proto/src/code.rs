//! The closed set of reasons for which a call fails.

use std::fmt;

/// Why a call did not succeed, in gRPC's vocabulary and with gRPC's numbers.
///
/// Pick the code by what the caller should do next; the text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Code {
    /// The caller no longer wanted the call. A handler seldom returns it; it is
    /// what a cancelled call reports.
    Cancelled = 1,
    /// Nothing better is known: a code from a newer peer, or an error that
    /// another system did not classify.
    Unknown = 2,
    /// The request is wrong whatever the state of the system, such as a
    /// malformed name. Do not repeat it unchanged.
    InvalidArgument = 3,
    /// The call did not end in time. What it was to change may have changed.
    DeadlineExceeded = 4,
    /// What was asked for does not exist, or may not be known to exist.
    NotFound = 5,
    /// What was to be created exists.
    AlreadyExists = 6,
    /// The caller is known and may not do this. For a caller that is not known,
    /// use [`Code::Unauthenticated`].
    PermissionDenied = 7,
    /// A quota, a limit or the capacity of the server is used up. Repeat later,
    /// elsewhere, or with less.
    ResourceExhausted = 8,
    /// The system is not in the state that the call needs, such as removing a
    /// directory that is not empty. Do not repeat it until the state was changed.
    FailedPrecondition = 9,
    /// A conflict with another call, such as a lost transaction. Repeat the
    /// whole sequence, not only this call.
    Aborted = 10,
    /// The request goes beyond what exists now, such as reading past the end.
    /// Unlike [`Code::InvalidArgument`], it may be right later.
    OutOfRange = 11,
    /// The server has no such method or feature.
    Unimplemented = 12,
    /// A bug: something that must hold does not. A panicking handler reports it.
    Internal = 13,
    /// The service cannot answer now and expects to soon. Repeat with backoff,
    /// where repeating is safe.
    Unavailable = 14,
    /// Data was lost or damaged for good.
    DataLoss = 15,
    /// The caller has not proven who it is.
    Unauthenticated = 16,
}

impl Code {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// Reads a code from its number.
    ///
    /// W-27: a number without a code, 0 included, is [`Code::Unknown`]: a status
    /// says that the call failed, whatever else a newer peer means by it.
    #[must_use]
    pub fn from_wire(number: u64) -> Self {
        Self::ALL
            .into_iter()
            .find(|code| code.to_wire() == number)
            .unwrap_or(Self::Unknown)
    }

    /// The code's number, 1 to 16.
    #[must_use]
    pub const fn to_wire(self) -> u64 {
        self as u64
    }
}

impl Code {
    /// The name that gRPC and its tools write: `NOT_FOUND`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid argument",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::PermissionDenied => "permission denied",
            Self::ResourceExhausted => "resource exhausted",
            Self::FailedPrecondition => "failed precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out of range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data loss",
            Self::Unauthenticated => "unauthenticated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_text_as_tools_write_it() {
        for code in Code::ALL {
            let text = code.to_string().to_uppercase().replace(' ', "_");
            assert_eq!(code.name(), text);
        }
    }

    #[test]
    fn the_numbers_are_those_of_grpc() {
        let numbers: Vec<u64> = Code::ALL.into_iter().map(Code::to_wire).collect();
        assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
        for code in Code::ALL {
            assert_eq!(Code::from_wire(code.to_wire()), code);
        }
    }

    #[test]
    fn a_number_without_a_code_is_unknown() {
        for number in [0, 17, 255, u64::MAX] {
            assert_eq!(Code::from_wire(number), Code::Unknown);
        }
    }
}
