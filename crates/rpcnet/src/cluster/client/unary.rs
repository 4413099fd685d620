//! One message there, one back, at whichever worker it takes.

use bytes::Bytes;

use super::choose::Course;
use super::{Inner, Target};
use crate::client::Request;
use crate::error::RpcError;

/// Makes the call, at another worker where that is safe and may help.
pub(super) async fn call(
    inner: &Inner,
    request: &Request,
    payload: &Bytes,
    target: &Target,
) -> Result<Bytes, RpcError> {
    inner.begin();
    let mut course = Course::new();
    let mut failed = None;
    loop {
        let next = inner.next(request, target, &mut course, failed.take());
        let selected = next.await?;
        let result = match inner.config.hedge_after {
            Some(after) if request.options.idempotent => {
                let hedged = inner.hedged(request, payload, target, &mut course, selected, after);
                Box::pin(hedged).await
            }
            // The place is free again before the next choice.
            _ => inner.attempt(request, payload, &selected).await,
        };
        match result {
            Ok(reply) => {
                if course.attempts > 1 {
                    inner.counters.failovers.one();
                }
                return Ok(reply);
            }
            Err(error) => failed = Some(error),
        }
    }
}
