//! [`CallError`]: the service's own error, or what kept it from answering.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{HandlerRan, RpcError};

/// How a typed call failed.
///
/// # Examples
///
/// ```
/// use rpcnet::{CallError, RpcError};
///
/// #[derive(Debug)]
/// enum GreetingError {
///     NameTooLong,
/// }
///
/// fn advise(error: &CallError<GreetingError>) -> &'static str {
///     match error {
///         CallError::Service(GreetingError::NameTooLong) => "use a shorter name",
///         CallError::Rpc(RpcError::Timeout) => "try a longer deadline",
///         CallError::Rpc(_) => "look at the connection",
///     }
/// }
/// # assert_eq!(advise(&CallError::Service(GreetingError::NameTooLong)), "use a shorter name");
/// ```
#[derive(Debug)]
pub enum CallError<E> {
    /// The handler answered with its method's error.
    Service(E),
    /// The call did not get that far, or its answer did not get back.
    Rpc(RpcError),
}

impl<E> CallError<E> {
    /// The service's own error, where that is what happened.
    #[must_use]
    pub fn service(&self) -> Option<&E> {
        match self {
            Self::Service(error) => Some(error),
            Self::Rpc(_) => None,
        }
    }

    /// What kept the service from answering, where that is what happened.
    #[must_use]
    pub fn rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Service(_) => None,
            Self::Rpc(error) => Some(error),
        }
    }

    /// The service's own error, by value; what else went wrong otherwise.
    ///
    /// # Errors
    ///
    /// The [`RpcError`], where there is no error of the service.
    pub fn into_service(self) -> Result<E, RpcError> {
        match self {
            Self::Service(error) => Ok(error),
            Self::Rpc(error) => Err(error),
        }
    }

    /// Says whether the handler may have executed the call.
    #[must_use]
    pub fn handler_ran(&self) -> HandlerRan {
        match self {
            Self::Service(_) => HandlerRan::Yes,
            Self::Rpc(error) => error.handler_ran(),
        }
    }

    /// Returns true where the handler did not run and the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.rpc().is_some_and(RpcError::is_retryable)
    }

    /// Returns true where the deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.rpc().is_some_and(RpcError::is_timeout)
    }
}

impl<E> From<RpcError> for CallError<E> {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

/// The service's error is shown by its `Debug`, because that is all that may be asked
/// of it.
impl<E: fmt::Debug> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(error) => write!(f, "the service answered with an error: {error:?}"),
            Self::Rpc(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> StdError for CallError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Service(_) => None,
            Self::Rpc(error) => error.source(),
        }
    }
}
