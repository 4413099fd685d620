//! [`Meter`]: the load, as the demo reads it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use rpcnet::{CallError, RpcClient, RpcConfig, RpcError};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::super::report::StageFailure;
use super::tally::{LoadClient, Tally};
use super::{CLIENT, LOAD};

/// Silence after which the load counts as gone is three times this, and a second at least.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// Reads tallies from the start of the load to its end.
pub(super) struct Meter {
    load: LoadClient,
    latest: watch::Receiver<Reading>,
    reads: AbortHandle,
}

/// The latest tally, or why there will be none any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) tally: Tally,
    ended: Option<String>,
}

impl Meter {
    /// Begins to read the load at `address`, with the certificates in `dir`.
    pub(super) async fn open(dir: &Path, address: SocketAddr) -> Result<Self, StageFailure> {
        let config = RpcConfig::new(dir.join(format!("{CLIENT}.pem")), "127.0.0.1:0")
            .with_key_path(dir.join(format!("{CLIENT}-key.pem")))
            .with_ca_path(dir.join("ca.pem"))
            .with_server_name(LOAD)
            .with_keep_alive_interval(KEEP_ALIVE);
        let load = LoadClient::new(RpcClient::connect(address, config).await?);
        let mut tallies = load.watch().await?;
        let (sender, latest) = watch::channel(Reading::default());
        let reads = tokio::spawn(async move {
            loop {
                let next = tallies.next().await;
                let ended = CallError::Rpc(RpcError::Cancelled);
                match next.unwrap_or(Err(ended)) {
                    Ok(tally) => sender.send_modify(|reading| reading.tally = tally),
                    Err(error) => {
                        sender.send_modify(|reading| reading.ended = Some(crate::chain(&error)));
                        return;
                    }
                }
            }
        });
        Ok(Self {
            load,
            latest,
            reads: reads.abort_handle(),
        })
    }

    /// What the display reads.
    pub(super) fn reader(&self) -> watch::Receiver<Reading> {
        self.latest.clone()
    }

    /// The latest tally.
    pub(super) fn tally(&self) -> Tally {
        self.latest.borrow().tally.clone()
    }

    /// Has the load forget its slowest call.
    pub(super) async fn mark(&self) -> Result<(), StageFailure> {
        Ok(self.load.mark().await?)
    }

    /// Ends the load, waits for its calls, and returns what they came to.
    pub(super) async fn finish(&self) -> Result<Tally, StageFailure> {
        Ok(self.load.finish().await?)
    }

    /// Waits until the tally meets a condition, and returns it.
    pub(super) async fn until(
        &self,
        what: &str,
        within: Duration,
        mut condition: impl FnMut(&Tally) -> bool,
    ) -> Result<Tally, StageFailure> {
        let mut latest = self.latest.clone();
        let met = latest.wait_for(|now| condition(&now.tally) || now.ended.is_some());
        let why = match timeout(within, met).await {
            Ok(Ok(now)) if condition(&now.tally) => return Ok(now.tally.clone()),
            Ok(Ok(now)) => now.ended.clone().unwrap_or_default(),
            Ok(Err(_)) => "the load is read no more".into(),
            Err(_) => format!("not within {within:?}"),
        };
        Err(StageFailure::new(format!(
            "the load did not see that {what}: {why}"
        )))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.reads.abort();
    }
}
