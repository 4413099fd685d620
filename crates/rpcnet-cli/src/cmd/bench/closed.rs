//! The closed loop: each call is followed by the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpcnet::RpcError;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::caller::Caller;
use super::recorder::{Phase, Recorder};
use super::verdict::is_final;

/// What ends the loop.
#[derive(Clone, Debug)]
pub(super) enum Quota {
    /// A time.
    Until(Instant),
    /// So many calls, which all the loops share.
    Calls(Arc<AtomicU64>),
}

impl Quota {
    /// Of what is left, takes a call.
    fn take(left: &AtomicU64) -> bool {
        let less = |left: u64| left.checked_sub(1);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

/// Calls one after the other, from now on, measured from `begin`.
///
/// # Errors
///
/// What the server says of every such call, where that is no matter of load.
///
/// # Cancel safety
///
/// Dropping the future cancels the call under way; those that ended are recorded.
pub(super) async fn run(
    caller: Caller,
    quota: Quota,
    begin: Instant,
    mut recorder: Recorder,
) -> Result<(), RpcError> {
    let mut sent = Instant::now();
    let mut has_succeeded = false;
    loop {
        let phase = match &quota {
            Quota::Until(end) if sent >= *end => return Ok(()),
            Quota::Calls(_) if sent < begin => Some(Phase::WarmUp),
            Quota::Calls(left) if Quota::take(left) => Some(Phase::Measured),
            Quota::Calls(_) => return Ok(()),
            // It depends on when the call ends.
            Quota::Until(_) => None,
        };
        let ended = caller.call(sent).await;
        sent = ended.done;
        let phase = phase.unwrap_or_else(|| match &quota {
            Quota::Until(end) if sent >= *end => Phase::AfterEnd,
            _ if sent < begin => Phase::WarmUp,
            _ => Phase::Measured,
        });
        recorder.record(phase, &ended);
        match ended.result {
            Ok(_) => has_succeeded = true,
            Err(error) if !has_succeeded && is_final(&error) => return Err(error),
            // A call that fails at home has not let others run.
            Err(_) => yield_now().await,
        }
    }
}
