//! One host for programs that talk to themselves.

use super::error::{NetnsError, NetnsUnavailable};
use super::namespace::Namespace;
use super::rules::Rules;
use super::{stale, tool};
use std::process::Command;

/// A namespace whose loopback interface can lose datagrams; removed when dropped.
#[derive(Debug)]
pub struct Loopback {
    namespace: Namespace,
    rules: Rules,
}

impl Loopback {
    /// Makes one that loses nothing yet.
    ///
    /// # Errors
    ///
    /// Root, `ip` or `nft` is missing, or the kernel lacks a part.
    pub async fn new() -> Result<Self, NetnsUnavailable> {
        tool::run(&["nft", "--version"], "").await?;
        stale::sweep().await;
        let namespace = Namespace::new("lo").await?;
        // A sendmsg of several datagrams stays several packets, each lost or not by itself.
        let lines = "link set lo gso_max_segs 1\nlink set lo up\n";
        namespace.ip(lines).await?;
        let rules = Rules::default();
        namespace.nft(&rules.for_loopback()).await?;
        Ok(Self { namespace, rules })
    }

    /// Returns the command that runs `command` on this host.
    #[must_use]
    pub fn command(&self, command: &Command) -> Command {
        self.namespace.command(command)
    }

    /// Loses this many of 100 packets of TCP and UDP from now on, to a tenth.
    ///
    /// # Errors
    ///
    /// What `nft` says; then nothing has changed.
    pub async fn set_loss(&mut self, percent: f64) -> Result<(), NetnsError> {
        self.rules.set_loss(percent);
        self.namespace.nft(&self.rules.for_loopback()).await
    }
}
