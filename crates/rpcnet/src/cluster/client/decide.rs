//! What a failed attempt means for its call: the one place that decides.

use std::time::Duration;

use crate::error::blame::Blame;
use crate::error::{HandlerRan, RpcError};

/// What to do after an attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    /// The error is the call's result.
    Fail,
    /// Another worker may be asked. Where only workers are left that were asked already,
    /// this pause comes first.
    Elsewhere {
        /// What the worker asked for.
        pause: Duration,
    },
}

/// Decides by what is known of the attempt. Whether there are attempts and budget left is
/// for the caller to see.
pub(super) fn next(error: &RpcError, is_idempotent: bool) -> Next {
    let is_free = match error.handler_ran() {
        HandlerRan::No => true,
        HandlerRan::Maybe => is_idempotent,
        HandlerRan::Yes => false,
    };
    if !is_free {
        return Next::Fail;
    }
    let pause = match error.blame() {
        Blame::Load(pause) => pause,
        _ => Duration::ZERO,
    };
    match error {
        RpcError::ConnectionError(error) if error.is_of_closed_client() => Next::Fail,
        RpcError::ConnectionError(_) | RpcError::StreamError(_) | RpcError::Unavailable(_) => {
            Next::Elsewhere { pause }
        }
        // Its certificate is wrong, not those of the others.
        RpcError::TlsError(_) => Next::Elsewhere { pause },
        // What this side refuses to send, no other worker would be sent either.
        RpcError::ResourceExhausted(refusal) if refusal.is_remote() => Next::Elsewhere { pause },
        _ => Next::Fail,
    }
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::{Code, Origin, Status};

    use super::*;
    use crate::error::{ConnectionError, ConnectionErrorKind};

    fn lost(ran: HandlerRan) -> RpcError {
        RpcError::ConnectionError(ConnectionError::new(ConnectionErrorKind::Idle, ran, None))
    }

    fn peer(code: Code, origin: Origin) -> RpcError {
        RpcError::from_peer(Status::new(code, "no"), origin)
    }

    const ELSEWHERE: Next = Next::Elsewhere {
        pause: Duration::ZERO,
    };

    #[test]
    fn what_did_not_run_goes_elsewhere_and_what_may_have_only_if_idempotent() {
        for is_idempotent in [false, true] {
            assert_eq!(next(&lost(HandlerRan::No), is_idempotent), ELSEWHERE);
            for code in [Code::Unavailable, Code::ResourceExhausted] {
                assert_eq!(next(&peer(code, Origin::Refused), is_idempotent), ELSEWHERE);
            }
        }
        assert_eq!(next(&lost(HandlerRan::Maybe), false), Next::Fail);
        assert_eq!(next(&lost(HandlerRan::Maybe), true), ELSEWHERE);
    }

    #[test]
    fn a_verdict_is_a_result_at_every_worker() {
        for is_idempotent in [false, true] {
            for code in Code::ALL {
                assert_eq!(
                    next(&peer(code, Origin::Handler), is_idempotent),
                    Next::Fail
                );
            }
            for code in [
                Code::Unimplemented,
                Code::PermissionDenied,
                Code::InvalidArgument,
            ] {
                assert_eq!(
                    next(&peer(code, Origin::Refused), is_idempotent),
                    Next::Fail
                );
            }
            // A panic would be a panic elsewhere too.
            assert_eq!(
                next(&RpcError::internal("a panic"), is_idempotent),
                Next::Fail
            );
            assert_eq!(
                next(&RpcError::over_limit("ours"), is_idempotent),
                Next::Fail
            );
            assert_eq!(next(&RpcError::Timeout, is_idempotent), Next::Fail);
        }
    }
}
