//! [`Exit`]: an end with an exit code of its own.

use std::error::Error;
use std::fmt;

/// A failure with an exit code that means more than "failed".
#[derive(Debug)]
pub(crate) struct Exit {
    code: u8,
    reason: String,
}

impl Exit {
    /// Ends with `code`, and says why on standard error.
    pub(crate) fn new(code: u8, reason: impl fmt::Display) -> Self {
        Self {
            code,
            reason: reason.to_string(),
        }
    }

    /// Ends with `code`; what there is to say has been said.
    pub(crate) fn silent(code: u8) -> Self {
        Self::new(code, "")
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Whether there is nothing more to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.reason.is_empty()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Exit {}
