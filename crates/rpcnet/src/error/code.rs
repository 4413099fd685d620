//! The code of an error, as traces and counters name it.

use rpcnet_proto::Code;

use super::RpcError;

impl RpcError {
    /// The code that says most about it, for whoever made the call.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Status(status) | Self::ServiceError(status) => status.code,
            Self::ConnectionError(_)
            | Self::StreamError(_)
            | Self::TlsError(_)
            | Self::IoError(_)
            | Self::Unavailable(_)
            | Self::NoWorker(_) => Code::Unavailable,
            Self::SerializationError { .. } | Self::InternalError(_) | Self::ClusterError(_) => {
                Code::Internal
            }
            Self::Timeout => Code::DeadlineExceeded,
            Self::UnknownMethod(_) => Code::Unimplemented,
            Self::ConfigError(_) | Self::InvalidRequest(_) => Code::InvalidArgument,
            Self::Cancelled => Code::Cancelled,
            Self::ResourceExhausted(_) => Code::ResourceExhausted,
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::PermissionDenied(_) => Code::PermissionDenied,
            Self::SchemaMismatch(_) => Code::FailedPrecondition,
        }
    }
}
