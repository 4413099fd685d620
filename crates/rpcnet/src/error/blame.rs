//! [`Blame`]: whom a failed call speaks against, which decides what a balancer does next.

use std::time::Duration;

use rpcnet_proto::Code;

use super::{ConnectionErrorKind, HandlerRan, RpcError};

/// Whom an error speaks against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Blame {
    /// The worker answered, and as well as it could: the call itself is at fault.
    Nobody,
    /// The worker failed it.
    Worker,
    /// The worker has too much to do, and wants to be left alone for as long.
    Load(Duration),
    /// It says nothing about the worker: the caller gave up, or erred.
    Unknown,
}

impl RpcError {
    /// Whom this error speaks against, as far as it tells.
    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::ResourceExhausted(refusal) if refusal.is_remote() => {
                Blame::Load(refusal.retry_after().unwrap_or_default())
            }
            Self::Unavailable(refusal) if refusal.handler_ran() == HandlerRan::No => {
                Blame::Load(refusal.retry_after().unwrap_or_default())
            }
            Self::ConnectionError(error) if error.kind() == ConnectionErrorKind::ClientClosed => {
                Blame::Unknown
            }
            Self::ConnectionError(_)
            | Self::StreamError(_)
            | Self::TlsError(_)
            | Self::InternalError(_)
            | Self::Unavailable(_) => Blame::Worker,
            Self::Status(status) => match status.code {
                Code::Unknown | Code::Internal | Code::Unavailable | Code::DataLoss => {
                    Blame::Worker
                }
                _ => Blame::Nobody,
            },
            Self::UnknownMethod(_)
            | Self::ServiceError(_)
            | Self::InvalidRequest(_)
            | Self::SchemaMismatch(_)
            | Self::Unauthenticated(_)
            | Self::PermissionDenied(_) => Blame::Nobody,
            // A deadline may have been too short for anybody; whoever sets one for a single
            // attempt says so itself.
            Self::Timeout
            | Self::Cancelled
            | Self::SerializationError { .. }
            | Self::ConfigError(_)
            | Self::IoError(_)
            | Self::ResourceExhausted(_)
            | Self::ClusterError(_)
            | Self::NoWorker(_) => Blame::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::{Origin, Status};

    use super::*;

    #[test]
    fn an_answer_is_no_failure_of_the_worker_and_a_panic_is() {
        let by_handler = |code| RpcError::status(code, "no").blame();
        assert_eq!(by_handler(Code::NotFound), Blame::Nobody);
        assert_eq!(by_handler(Code::Internal), Blame::Worker);
        assert_eq!(RpcError::internal("a panic").blame(), Blame::Worker);
        assert_eq!(RpcError::Timeout.blame(), Blame::Unknown);
    }

    #[test]
    fn a_refusal_is_load_and_a_limit_of_our_own_is_not() {
        let refused = |code| RpcError::from_peer(Status::new(code, "full"), Origin::Refused);
        assert_eq!(
            refused(Code::ResourceExhausted).blame(),
            Blame::Load(Duration::ZERO)
        );
        assert_eq!(
            refused(Code::Unavailable).blame(),
            Blame::Load(Duration::ZERO)
        );
        assert_eq!(RpcError::over_limit("ours").blame(), Blame::Unknown);
    }
}
