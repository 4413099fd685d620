//! Where deadlines and waits read the monotonic clock, so that paused test time holds for them;
//! and where the cluster reads the wall clock, which certificates go by.

use std::time::{Instant, SystemTime};

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The date, for what outlives the process: certificates and boot epochs. Never for waits.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
