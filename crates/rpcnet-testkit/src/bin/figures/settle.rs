//! Waiting for what happens elsewhere and is told to nobody.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Asks `condition` until it holds, at most for `within`; returns whether it came to hold.
///
/// A process's memory, files and tasks change without a notice, so they are looked at again and again.
pub(crate) async fn settles(within: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition().await {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(50);
