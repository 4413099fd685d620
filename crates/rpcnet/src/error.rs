//! [`RpcError`]: what went wrong, whose fault it was, and what to do about it.

pub(crate) mod blame;
mod code;
mod failure;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use rpcnet_proto::{Code, Origin, Status};

pub use self::failure::{
    ConnectionError, ConnectionErrorKind, HandlerRan, Refusal, StreamError, StreamErrorKind,
};
use crate::cluster::{ClusterError, WorkerError};
use crate::transport::tls::TlsError;

type BoxError = Box<dyn StdError + Send + Sync>;

/// How a call, a connection or a configuration failed.
///
/// Each variant says what happened; [`handler_ran`](Self::handler_ran) says whether the
/// server may have executed the call and [`is_retryable`](Self::is_retryable) whether
/// sending it again is safe and may help. `Display` speaks of this level only; the
/// cause is in [`source`](StdError::source).
///
/// # Examples
///
/// ```
/// use rpcnet::RpcError;
///
/// fn report(error: &RpcError) -> &'static str {
///     match error {
///         RpcError::Timeout => "server took too long",
///         RpcError::Status(status) if !status.details.is_empty() => "the handler said why",
///         other if other.is_retryable() => "try again",
///         _ => "give up",
///     }
/// }
/// # assert_eq!(report(&RpcError::Timeout), "server took too long");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RpcError {
    /// The connection could not be made or was lost. Whether the handler ran is in
    /// [`ConnectionError::handler_ran`]: no where the request never left. Reconnecting
    /// is automatic; call again if the handler did not run or may run twice.
    ConnectionError(ConnectionError),
    /// The call's own stream was reset, cut off or malformed while the connection
    /// lives on. The handler may have run.
    StreamError(StreamError),
    /// Certificates, keys or the handshake were refused. The handler did not run;
    /// the text names the file or the certificate to mend.
    TlsError(Box<TlsError>),
    /// A payload could not be encoded or decoded. On the caller's side the handler
    /// may have run; from a handler it becomes the status `InvalidArgument`.
    ///
    /// Made from any codec's error with the function of the same name:
    /// `map_err(RpcError::SerializationError)`.
    #[non_exhaustive]
    SerializationError {
        /// What the codec said.
        source: BoxError,
    },
    /// The deadline passed, here or at the server. The handler may have run.
    Timeout,
    /// The server knows no such method, or knows it with another shape. The handler
    /// did not run; the text is the server's.
    UnknownMethod(Box<str>),
    /// The configuration or an argument is wrong; nothing was executed.
    ConfigError(Box<str>),
    /// A file or a socket failed; nothing was sent. The text names it.
    IoError(std::io::Error),
    /// The server failed: its handler panicked, or failed with an error that is not
    /// for callers. The handler may have run.
    InternalError(Refusal),
    /// The call was cancelled. The handler may have run.
    Cancelled,
    /// A named limit was reached, here or at the server; the text says which and how
    /// to raise it. See [`Refusal::handler_ran`].
    ResourceExhausted(Refusal),
    /// The server is shutting down. Calls that it refused did not run and may go to
    /// another server, or to this one later.
    Unavailable(Refusal),
    /// The server wants to know who is calling. The handler did not run.
    Unauthenticated(Refusal),
    /// The server knows who is calling and says no. The handler did not run.
    PermissionDenied(Refusal),
    /// The handler's own verdict: code, message and details as it returned them.
    Status(Box<Status>),
    /// The error type of a typed method, in the status's details and in the codec of
    /// the call. Typed clients decode it: see [`CallError`](crate::CallError).
    ServiceError(Box<Status>),
    /// The server could not read the request: its arguments do not decode, or their
    /// codec is not accepted. See [`Refusal::handler_ran`].
    InvalidRequest(Refusal),
    /// Caller and server were built from different definitions of the method; the text
    /// names both schemas. The handler did not run. Deploy matching definitions, or
    /// call with a codec that names its fields.
    SchemaMismatch(Refusal),
    /// No worker of the cluster could be chosen; the text says what was looked for and
    /// what is there. Nothing was sent.
    NoWorker(Box<WorkerError>),
    /// The cluster could not be joined, or refused what this node wanted to say in it. No
    /// handler is involved.
    ClusterError(Box<ClusterError>),
}

const _: () = assert!(size_of::<RpcError>() <= 24, "errors travel in every result");

impl RpcError {
    /// Wraps any codec's error; the constructor of the variant of the same name.
    ///
    /// # Examples
    ///
    /// ```
    /// use rpcnet::RpcError;
    ///
    /// let error = "nine".parse::<u8>().map_err(RpcError::SerializationError).unwrap_err();
    /// assert!(matches!(error, RpcError::SerializationError { .. }));
    /// ```
    #[expect(
        non_snake_case,
        reason = "stands where a tuple variant stood: `map_err` takes it by name"
    )]
    #[must_use]
    pub fn SerializationError(source: impl Into<BoxError>) -> Self {
        Self::SerializationError {
            source: source.into(),
        }
    }

    /// Makes a handler's own verdict, which arrives at the caller as it is.
    #[must_use]
    pub fn status(code: Code, message: impl Into<String>) -> Self {
        Self::Status(Box::new(Status::new(code, message)))
    }

    /// Makes a configuration error.
    #[must_use]
    pub fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::ConfigError(message.into().into_owned().into_boxed_str())
    }

    /// Makes an internal error; callers are told that the handler failed, never why.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::InternalError(Refusal::new(message, HandlerRan::Maybe))
    }

    /// Says whether the server's handler may have executed the call.
    #[must_use]
    pub fn handler_ran(&self) -> HandlerRan {
        match self {
            Self::ConnectionError(error) => error.handler_ran(),
            Self::StreamError(error) => error.handler_ran(),
            Self::InternalError(refusal)
            | Self::ResourceExhausted(refusal)
            | Self::Unavailable(refusal)
            | Self::Unauthenticated(refusal)
            | Self::PermissionDenied(refusal)
            | Self::InvalidRequest(refusal)
            | Self::SchemaMismatch(refusal) => refusal.handler_ran(),
            Self::Status(_) | Self::ServiceError(_) => HandlerRan::Yes,
            Self::Timeout | Self::Cancelled | Self::SerializationError { .. } => HandlerRan::Maybe,
            Self::TlsError(_)
            | Self::UnknownMethod(_)
            | Self::ConfigError(_)
            | Self::ClusterError(_)
            | Self::NoWorker(_)
            | Self::IoError(_) => HandlerRan::No,
        }
    }

    /// Returns true where the handler did not run and the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::ConnectionError(_)
            | Self::StreamError(_)
            | Self::ResourceExhausted(_)
            | Self::Unavailable(_) => self.handler_ran() == HandlerRan::No,
            Self::NoWorker(error) => error.is_passing(),
            _ => false,
        }
    }

    /// How long to wait before the same server is asked again, where it said so: a server
    /// that is full or shuts down does, and a handler may.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status(status) | Self::ServiceError(status) => status.retry_after,
            other => other.refusal()?.retry_after(),
        }
    }

    /// Returns true where the deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// Returns true where the peer, not this side, ended the call.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Status(_) | Self::ServiceError(_) | Self::UnknownMethod(_) => true,
            other => other.refusal().is_some_and(Refusal::is_remote),
        }
    }

    /// The verdict in words, of the variants that have one.
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::InternalError(refusal)
            | Self::ResourceExhausted(refusal)
            | Self::Unavailable(refusal)
            | Self::Unauthenticated(refusal)
            | Self::PermissionDenied(refusal)
            | Self::InvalidRequest(refusal)
            | Self::SchemaMismatch(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The error of a call whose last attempt failed like this: where an earlier one may have
    /// been executed, the call may have been, and that one's error says so.
    pub(crate) fn or_unsure(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(unsure) if self.handler_ran() == HandlerRan::No => unsure,
            _ => self,
        }
    }

    /// Says which worker of a cluster it was that failed the call.
    pub(crate) fn at_worker(mut self, worker: impl fmt::Display) -> Self {
        let worker = || worker.to_string().into_boxed_str();
        match &mut self {
            Self::ConnectionError(error) => error.set_worker(worker()),
            Self::StreamError(error) => error.set_worker(worker()),
            Self::InternalError(refusal)
            | Self::ResourceExhausted(refusal)
            | Self::Unavailable(refusal)
            | Self::Unauthenticated(refusal)
            | Self::PermissionDenied(refusal)
            | Self::InvalidRequest(refusal)
            | Self::SchemaMismatch(refusal) => refusal.set_worker(worker()),
            // The others are the handler's or this side's, or say who it was.
            _ => {}
        }
        self
    }

    pub(crate) fn tls(error: TlsError) -> Self {
        Self::TlsError(Box::new(error))
    }

    /// A limit of this side, reached before anything was sent.
    pub(crate) fn over_limit(message: impl Into<String>) -> Self {
        Self::ResourceExhausted(Refusal::new(message, HandlerRan::No))
    }

    /// What a STATUS frame means to the caller.
    ///
    /// A handler's own status arrives as it is; the server's verdicts have variants of
    /// their own, so that a handler's `Unavailable` is never mistaken for a drain.
    pub(crate) fn from_peer(status: Status, origin: Origin) -> Self {
        let ran = match origin {
            Origin::Handler => return Self::Status(Box::new(status)),
            Origin::Service => return Self::ServiceError(Box::new(status)),
            Origin::Server => HandlerRan::Maybe,
            Origin::Refused => HandlerRan::No,
        };
        let refusal = |status: Status| {
            Refusal::from_peer(status.message, ran).with_retry_after(status.retry_after)
        };
        match status.code {
            Code::Unimplemented => Self::UnknownMethod(status.message.into_boxed_str()),
            Code::Cancelled => Self::Cancelled,
            Code::DeadlineExceeded => Self::Timeout,
            Code::ResourceExhausted => Self::ResourceExhausted(refusal(status)),
            Code::Unavailable => Self::Unavailable(refusal(status)),
            Code::Unauthenticated => Self::Unauthenticated(refusal(status)),
            Code::PermissionDenied => Self::PermissionDenied(refusal(status)),
            Code::Internal => Self::InternalError(refusal(status)),
            Code::InvalidArgument => Self::InvalidRequest(refusal(status)),
            Code::FailedPrecondition if origin == Origin::Refused => {
                Self::SchemaMismatch(refusal(status))
            }
            // No verdict of a server's own has another code; `Status` would claim that
            // the handler spoke.
            _ => Self::InternalError(refusal(status)),
        }
    }

    /// What a handler's error becomes on the wire.
    ///
    /// Only what was meant for the caller leaves the process: a status goes as it is,
    /// anything else as its code with a constant text.
    pub(crate) fn to_peer(&self) -> (Status, Origin) {
        let (code, text) = match self {
            Self::Status(status) => return ((**status).clone(), Origin::Handler),
            Self::ServiceError(status) => return ((**status).clone(), Origin::Service),
            Self::SerializationError { .. } => (
                Code::InvalidArgument,
                "request or reply could not be encoded or decoded",
            ),
            Self::Timeout => (Code::DeadlineExceeded, "the handler ran into a deadline"),
            Self::Cancelled => (Code::Cancelled, "the handler was cancelled"),
            Self::ResourceExhausted(_) => (Code::ResourceExhausted, "the handler hit a limit"),
            Self::Unavailable(_) | Self::ConnectionError(_) | Self::NoWorker(_) => {
                (Code::Unavailable, "the handler could not reach a service")
            }
            Self::Unauthenticated(_) => (Code::Unauthenticated, "not authenticated"),
            Self::PermissionDenied(_) => (Code::PermissionDenied, "permission denied"),
            _ => {
                return (
                    Status::new(Code::Internal, "the handler failed"),
                    Origin::Server,
                );
            }
        };
        (Status::new(code, text), Origin::Handler)
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionError(error) => error.fmt(f),
            Self::StreamError(error) => error.fmt(f),
            Self::TlsError(error) => error.fmt(f),
            Self::SerializationError { .. } => {
                f.write_str("payload could not be encoded or decoded")
            }
            Self::Timeout => f.write_str("deadline exceeded"),
            Self::UnknownMethod(text) => write!(f, "unknown method: {}", text.escape_debug()),
            Self::ConfigError(text) => write!(f, "configuration: {text}"),
            Self::IoError(_) => f.write_str("input or output failed"),
            Self::InternalError(refusal) => write!(f, "internal error: {refusal}"),
            Self::Cancelled => f.write_str("call cancelled"),
            Self::ResourceExhausted(refusal) => write!(f, "resource exhausted: {refusal}"),
            Self::Unavailable(refusal) => write!(f, "unavailable: {refusal}"),
            Self::Unauthenticated(refusal) => write!(f, "unauthenticated: {refusal}"),
            Self::PermissionDenied(refusal) => write!(f, "permission denied: {refusal}"),
            Self::Status(status) => status.fmt(f),
            Self::ServiceError(status) => write!(f, "error of the service: {status}"),
            Self::InvalidRequest(refusal) => write!(f, "invalid request: {refusal}"),
            Self::SchemaMismatch(refusal) => write!(f, "schema mismatch: {refusal}"),
            Self::ClusterError(error) => write!(f, "cluster: {error}"),
            Self::NoWorker(error) => error.fmt(f),
        }
    }
}

impl StdError for RpcError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::ConnectionError(error) => error.source(),
            Self::StreamError(error) => error.source(),
            Self::TlsError(error) => error.source(),
            Self::SerializationError { source } => Some(&**source),
            Self::IoError(error) => Some(error),
            Self::ClusterError(error) => error.source(),
            Self::NoWorker(error) => error.source(),
            _ => None,
        }
    }
}

impl From<std::io::Error> for RpcError {
    fn from(error: std::io::Error) -> Self {
        Self::IoError(error)
    }
}

impl From<Status> for RpcError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl From<TlsError> for RpcError {
    fn from(error: TlsError) -> Self {
        Self::tls(error)
    }
}

#[cfg(feature = "bincode")]
impl From<bincode::Error> for RpcError {
    fn from(error: bincode::Error) -> Self {
        Self::SerializationError { source: error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_status_is_safe_to_repeat_and_a_cut_one_is_not() {
        let status = Status::new(Code::Unavailable, "draining");
        assert!(RpcError::from_peer(status.clone(), Origin::Refused).is_retryable());
        assert!(!RpcError::from_peer(status, Origin::Server).is_retryable());
    }

    #[test]
    fn a_time_to_wait_is_there_whoever_said_it() {
        let wait = Duration::from_millis(70);
        for code in [Code::ResourceExhausted, Code::Unavailable] {
            for origin in [Origin::Refused, Origin::Handler, Origin::Service] {
                let status = Status::new(code, "later").with_retry_after(wait);
                let error = RpcError::from_peer(status, origin);
                assert_eq!(error.retry_after(), Some(wait), "{error:?}");
                let status = Status::new(code, "later").with_retry_after(Duration::ZERO);
                assert_eq!(RpcError::from_peer(status, origin).retry_after(), None);
            }
        }
        assert_eq!(RpcError::Timeout.retry_after(), None);
        assert_eq!(RpcError::over_limit("too long").retry_after(), None);
    }

    #[test]
    fn a_handlers_own_unavailable_is_not_taken_for_a_drain() {
        let error = RpcError::from_peer(Status::new(Code::Unavailable, "disk"), Origin::Handler);
        assert!(matches!(error, RpcError::Status(_)));
        assert_eq!(error.handler_ran(), HandlerRan::Yes);
    }

    #[test]
    fn only_what_a_handler_said_counts_as_executed() {
        for code in Code::ALL {
            let refused = RpcError::from_peer(Status::new(code, "no"), Origin::Refused);
            let is_ending = matches!(refused, RpcError::Timeout | RpcError::Cancelled);
            assert!(
                is_ending || refused.handler_ran() == HandlerRan::No,
                "{refused:?}"
            );
            let judged = RpcError::from_peer(Status::new(code, "no"), Origin::Server);
            assert_ne!(judged.handler_ran(), HandlerRan::Yes, "{judged:?}");
        }
    }

    #[test]
    fn what_a_handler_did_not_mean_for_callers_stays_home() {
        let secret = RpcError::internal("password is hunter2");
        let (status, origin) = secret.to_peer();
        assert_eq!((status.code, origin), (Code::Internal, Origin::Server));
        assert!(!status.message.contains("hunter2"));
    }

    #[test]
    fn what_may_have_run_once_is_not_said_not_to_have_run() {
        let refused = || RpcError::over_limit("full");
        let ran = |last: RpcError, earlier| last.or_unsure(earlier).handler_ran();
        assert_eq!(ran(refused(), None), HandlerRan::No);
        assert_eq!(ran(refused(), Some(RpcError::Timeout)), HandlerRan::Maybe);
        let answered = RpcError::status(Code::NotFound, "no");
        assert_eq!(ran(answered, Some(RpcError::Timeout)), HandlerRan::Yes);
    }

    #[test]
    fn causes_are_in_the_source_not_in_the_text() {
        let error = RpcError::SerializationError("byte 3 is not a digit");
        assert!(!error.to_string().contains("byte 3"));
        assert!(error.source().expect("kept").to_string().contains("byte 3"));
    }
}
