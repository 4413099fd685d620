//! Where deadlines and waits read the monotonic clock, so that paused test time holds for them.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
