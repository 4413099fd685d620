//! Links between nodes over real QUIC.

mod admission;
mod delivery;
mod dialling;
mod node;
mod strangers;

use std::future::Future;
use std::time::Duration;

/// What no wait of a test may exceed.
const PATIENCE: Duration = Duration::from_secs(20);

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("{what} took too long"))
}
