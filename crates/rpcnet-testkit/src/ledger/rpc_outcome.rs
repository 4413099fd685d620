//! What the library's answer to a call means for the record.

use super::call_log::Outcome;
use rpcnet::{HandlerRan, RpcError};

impl Outcome {
    /// Returns what the caller was told with this result.
    ///
    /// What the library calls not executed must not have run, whatever variant says so; a handler's
    /// own verdict must have. Of everything else the library claims no more than its name.
    #[must_use]
    pub fn of<T>(result: &Result<T, RpcError>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(RpcError::Status(_)) => Self::Status,
            Err(error) if error.handler_ran() == HandlerRan::No => Self::NotExecuted,
            Err(RpcError::Cancelled) => Self::Cancelled,
            Err(RpcError::Timeout) => Self::DeadlineExceeded,
            Err(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpcnet::Code;

    #[test]
    fn a_handlers_verdict_is_a_status_and_a_local_refusal_never_ran() {
        let of = |error| Outcome::of::<()>(&Err(error));
        assert_eq!(
            of(RpcError::status(Code::NotFound, "gone")),
            Outcome::Status
        );
        assert_eq!(of(RpcError::config("no such file")), Outcome::NotExecuted);
    }

    #[test]
    fn an_error_that_may_have_run_claims_no_more_than_its_name() {
        let of = |error| Outcome::of::<()>(&Err(error));
        assert_eq!(of(RpcError::Timeout), Outcome::DeadlineExceeded);
        assert_eq!(of(RpcError::Cancelled), Outcome::Cancelled);
        assert_eq!(of(RpcError::internal("panicked")), Outcome::Unknown);
    }
}
