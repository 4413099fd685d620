//! Why a stream or a connection stopped carrying bytes, and what that means for a call.

use rpcnet_proto::wire::{ErrorCode, WireError};
use s2n_quic::{connection, stream};

use super::tls;
use crate::error::{
    ConnectionError, ConnectionErrorKind, HandlerRan, Refusal, RpcError, StreamError,
    StreamErrorKind,
};

/// The transport's side of a failure, before it is known what it means for the call.
#[derive(Debug, Clone)]
pub(crate) enum Interrupted {
    /// The peer reset the stream or asked to stop sending on it.
    Reset(u64),
    /// The connection is gone, and the stream with it.
    Lost(connection::Error),
    /// The peer made no room for longer than the stall timeout.
    Stalled,
    /// The stream cannot do this any more, as after its own reset.
    Ended(stream::Error),
}

impl From<stream::Error> for Interrupted {
    fn from(error: stream::Error) -> Self {
        match error {
            stream::Error::StreamReset { error, .. } => Self::Reset(error.into()),
            stream::Error::ConnectionError { error, .. } => Self::Lost(error),
            other => Self::Ended(other),
        }
    }
}

impl From<connection::Error> for Interrupted {
    fn from(error: connection::Error) -> Self {
        Self::Lost(error)
    }
}

impl Interrupted {
    /// What a call fails with; `ran` is what is known of its handler up to here.
    pub(crate) fn into_error(self, ran: HandlerRan, server_name: &str) -> RpcError {
        match self {
            Self::Reset(code) => reset_error(code, ran),
            Self::Lost(error) => connection_error(error, ran, server_name),
            Self::Stalled => {
                RpcError::StreamError(StreamError::new(StreamErrorKind::Stalled, ran, None))
            }
            Self::Ended(error) => RpcError::StreamError(StreamError::new(
                StreamErrorKind::Truncated,
                ran,
                Some(Box::new(error)),
            )),
        }
    }
}

fn reset_error(code: u64, ran: HandlerRan) -> RpcError {
    let refusal = |text: &str, ran| Refusal::from_peer(text.to_owned(), ran);
    match ErrorCode::from_wire(code) {
        Some(ErrorCode::Refused) => {
            RpcError::Unavailable(refusal("the server refused the call", HandlerRan::No))
        }
        Some(ErrorCode::Cancelled) => RpcError::Cancelled,
        Some(ErrorCode::DeadlineExceeded) => RpcError::Timeout,
        Some(ErrorCode::LimitExceeded) => {
            RpcError::ResourceExhausted(refusal("a limit of the peer was exceeded", ran))
        }
        Some(ErrorCode::Shutdown) => {
            RpcError::Unavailable(refusal("the server shut down during the call", ran))
        }
        Some(ErrorCode::Internal) => RpcError::InternalError(refusal("the peer failed", ran)),
        Some(ErrorCode::Stalled) => {
            RpcError::StreamError(StreamError::new(StreamErrorKind::Stalled, ran, None))
        }
        _ => RpcError::StreamError(StreamError::new(StreamErrorKind::Reset(code), ran, None)),
    }
}

/// What the loss of a connection is to whoever needed it.
pub(crate) fn connection_error(
    error: connection::Error,
    ran: HandlerRan,
    server_name: &str,
) -> RpcError {
    if let Some(error) = tls::classify(&error, server_name) {
        return RpcError::tls(error);
    }
    let kind = kind_of(&error);
    RpcError::ConnectionError(ConnectionError::new(kind, ran, Some(Box::new(error))))
}

/// The transport code with which a server refuses a connection (RFC 9000, section 20.1).
const CONNECTION_REFUSED: u64 = 0x2;

fn kind_of(error: &connection::Error) -> ConnectionErrorKind {
    match error {
        connection::Error::Closed { initiator, .. } => closed_by(initiator.is_local()),
        connection::Error::Transport { code, .. } if code.as_u64() == CONNECTION_REFUSED => {
            ConnectionErrorKind::Refused
        }
        connection::Error::Application {
            error, initiator, ..
        } => match ErrorCode::from_wire((*error).into()) {
            Some(ErrorCode::NoError) => closed_by(initiator.is_local()),
            Some(ErrorCode::Shutdown | ErrorCode::Idle) => ConnectionErrorKind::Closed,
            Some(ErrorCode::TooManyConnections | ErrorCode::Refused) => {
                ConnectionErrorKind::Refused
            }
            _ => ConnectionErrorKind::Protocol,
        },
        connection::Error::StatelessReset { .. } => ConnectionErrorKind::PeerRestarted,
        connection::Error::IdleTimerExpired { .. } => ConnectionErrorKind::Idle,
        connection::Error::MaxHandshakeDurationExceeded { .. } => ConnectionErrorKind::NoAnswer,
        _ => ConnectionErrorKind::Transport,
    }
}

/// Who ended a connection with which nothing was wrong.
const fn closed_by(is_local: bool) -> ConnectionErrorKind {
    if is_local {
        ConnectionErrorKind::ClientClosed
    } else {
        ConnectionErrorKind::Closed
    }
}

/// What a call fails with when the peer's bytes are not what the protocol says.
pub(crate) fn wire_error(error: WireError, ran: HandlerRan) -> RpcError {
    match error {
        WireError::MessageTooLarge { .. } | WireError::HeaderTooLarge { .. } => {
            RpcError::ResourceExhausted(Refusal::new(error.to_string(), ran))
        }
        WireError::Truncated => {
            RpcError::StreamError(StreamError::new(StreamErrorKind::Truncated, ran, None))
        }
        other => RpcError::StreamError(StreamError::new(
            StreamErrorKind::Malformed,
            ran,
            Some(Box::new(other)),
        )),
    }
}
