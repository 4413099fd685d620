//! How driving a raw peer fails.

use s2n_quic::{connection, stream};
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// Why a raw peer could not do as told.
#[derive(Debug)]
#[non_exhaustive]
pub enum RawError {
    /// It could not be set up: certificates, limits, a port, or a code that QUIC cannot carry.
    Setup(Box<dyn Error + Send + Sync>),
    /// The connection failed or was closed.
    Connection(connection::Error),
    /// The stream failed or was refused.
    Stream(stream::Error),
    /// The operation of this name was not done in time.
    Deadline(&'static str),
}

impl RawError {
    /// Returns the code with which the peer refused the stream or closed the connection, if that is
    /// what happened and it was an application code.
    #[must_use]
    pub fn application_code(&self) -> Option<u64> {
        let closed = match self {
            Self::Stream(stream::Error::StreamReset { error, .. }) => return Some((*error).into()),
            Self::Stream(stream::Error::ConnectionError { error, .. }) => error,
            Self::Connection(error) => error,
            Self::Setup(_) | Self::Stream(_) | Self::Deadline(_) => return None,
        };
        match closed {
            connection::Error::Application { error, .. } => Some((*error).into()),
            _ => None,
        }
    }
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(_) => write!(f, "the raw peer could not be set up"),
            Self::Connection(_) => write!(f, "the connection failed"),
            Self::Stream(_) => write!(f, "the stream failed"),
            Self::Deadline(what) => write!(f, "{what} was not done in time"),
        }
    }
}

impl Error for RawError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setup(cause) => Some(cause.as_ref()),
            Self::Connection(cause) => Some(cause),
            Self::Stream(cause) => Some(cause),
            Self::Deadline(_) => None,
        }
    }
}

impl From<connection::Error> for RawError {
    fn from(error: connection::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<stream::Error> for RawError {
    fn from(error: stream::Error) -> Self {
        Self::Stream(error)
    }
}

/// Bounds `operation`, which is called `what` should it take longer.
pub(super) async fn in_time<T, E: Into<RawError>>(
    what: &'static str,
    within: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, RawError> {
    match timeout(within, operation).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(RawError::Deadline(what)),
    }
}

/// Makes an application code of a number, which QUIC limits to 62 bits.
pub(super) fn code(number: u64) -> Result<s2n_quic::application::Error, RawError> {
    s2n_quic::application::Error::new(number).map_err(|error| RawError::Setup(Box::new(error)))
}
