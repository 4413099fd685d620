//! Why there is no network of our own, or why it does not do what it is told.

use std::error::Error;
use std::fmt;
use std::io;

/// This machine, or this user on it, cannot make network namespaces with the rules that we need.
#[derive(Debug)]
pub struct NetnsUnavailable {
    reason: String,
}

impl NetnsUnavailable {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// Returns what is missing, on one line.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for NetnsUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no network namespaces: {}", self.reason)
    }
}

impl Error for NetnsUnavailable {}

/// What failed while it was made means that it cannot be made here.
impl From<NetnsError> for NetnsUnavailable {
    fn from(error: NetnsError) -> Self {
        Self::new(error.to_string())
    }
}

/// A command that changes or reads a network failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetnsError {
    /// It could not be run, or did not end in time.
    Run {
        /// The command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// It ended with a failure.
    Refused {
        /// The command.
        command: String,
        /// What it said, on one line.
        said: String,
    },
    /// Its output is not what it should be.
    Output {
        /// The command.
        command: String,
    },
}

impl fmt::Display for NetnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { command, source } => write!(f, "`{command}` cannot be run: {source}"),
            Self::Refused { command, said } => write!(f, "`{command}` failed: {said}"),
            Self::Output { command } => write!(f, "the output of `{command}` is not understood"),
        }
    }
}

impl Error for NetnsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Run { source, .. } => Some(source),
            _ => None,
        }
    }
}
