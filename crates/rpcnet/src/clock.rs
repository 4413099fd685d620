//! Where deadlines and waits read the monotonic clock, so that paused test time holds for them.

use std::time::{Instant, SystemTime};

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The calendar's time: for validity of certificates and for boot epochs, never for waits.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
