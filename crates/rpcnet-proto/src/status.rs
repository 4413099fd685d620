//! How a call ended, as told by the peer.

use std::fmt::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;

use crate::Code;

/// Why a call did not succeed: a code to decide on, a text to read, and details to decode.
///
/// A call that succeeds carries no status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What a caller decides on.
    pub code: Code,
    /// What a person reads. Beyond [`Status::MESSAGE_BYTES_MAX`] the encoder cuts it,
    /// at the last character that fits.
    pub message: String,
    /// What a program reads, in an encoding that the service defines. Beyond
    /// [`Status::DETAILS_BYTES_MAX`] the encoder leaves them out whole, because
    /// half of them could not be decoded.
    pub details: Bytes,
    /// How long to wait before the same is asked of this server again, where it says so. On
    /// the wire it is whole milliseconds, rounded up, at most [`Status::RETRY_AFTER_MAX`].
    pub retry_after: Option<Duration>,
}

impl Status {
    /// The longest message that travels, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 1024;
    /// The longest details that travel, in bytes.
    pub const DETAILS_BYTES_MAX: usize = 8192;
    /// The longest time to wait that is sent, or taken from a peer (W-71).
    pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

    /// Makes a status without details.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Bytes::new(),
            retry_after: None,
        }
    }

    /// Adds details; see [`Status::details`] for what becomes of long ones.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Self {
        self.details = details.into();
        self
    }

    /// Adds how long to wait before the same is asked again; see [`Status::retry_after`].
    /// Zero says nothing.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = (!retry_after.is_zero()).then_some(retry_after);
        self
    }
}

/// Writes `code: message`, with control characters escaped: the message is the
/// peer's, and must not be able to rewrite a terminal or forge a log line.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        if self.message.is_empty() {
            return Ok(());
        }
        f.write_str(": ")?;
        for character in self.message.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Status {}

/// Who speaks in a status, which tells whether the handler ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Origin {
    /// The server refused before any handler was entered: the call may be
    /// repeated whatever the method does.
    Refused = 0,
    /// The server's own verdict, such as a panic, a deadline or a reply too
    /// large: the handler may have run.
    Server = 1,
    /// The handler ran and this is its answer.
    Handler = 2,
    /// The handler ran and answered with the error type of its method, which the
    /// details hold in the codec of the call.
    Service = 3,
}

impl Origin {
    /// Reads the origin from its byte in a STATUS.
    ///
    /// W-28: an unknown byte is [`Origin::Server`], the reading that promises least.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Refused,
            2 => Self::Handler,
            3 => Self::Service,
            _ => Self::Server,
        }
    }

    /// The origin's byte in a STATUS.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_shows_code_and_message_and_no_control_character() {
        let status = Status::new(Code::NotFound, "no user\x1b[2J\n\u{e9}");
        assert_eq!(status.to_string(), "not found: no user\\u{1b}[2J\\n\u{e9}");
        assert_eq!(Status::new(Code::Aborted, "").to_string(), "aborted");
    }

    #[test]
    fn an_unknown_origin_promises_nothing_about_the_handler() {
        assert_eq!(Origin::from_byte(4), Origin::Server);
        assert_eq!(Origin::from_byte(255), Origin::Server);
        for byte in 0..=3 {
            let origin = Origin::from_byte(byte);
            assert_eq!(origin.to_byte(), byte);
        }
    }
}
