//! The one place that reads the monotonic clock, so that paused test time holds everywhere.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
