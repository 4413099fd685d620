//! What the processes of one scenario share: certificates, a ledger, and how to start a server.

use crate::group::BoxError;
use rpcnet::{RpcClient, RpcConfig};
use rpcnet_testkit::ledger::{Event, read_events};
use rpcnet_testkit::process::Process;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A directory of certificates and records that goes with its scenario.
#[derive(Debug)]
pub(crate) struct Site {
    dir: TempDir,
}

impl Site {
    pub(crate) fn new() -> Result<Self, BoxError> {
        let dir = tempfile::tempdir()?;
        rpcnet::certs::dev_certificates(dir.path())?;
        Ok(Self { dir })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts this program as a server on `bind`, with further arguments of [`crate::serve::Serve`].
    pub(crate) async fn serve(&self, bind: &str, more: &[&str]) -> Result<Process, BoxError> {
        let mut command = Process::this_executable()?;
        command.arg("serve").arg("--site").arg(self.dir.path());
        command.args(["--bind", bind]).args(more);
        Ok(Process::start(command, START_WITHIN).await?)
    }

    /// Returns the command that runs this program as a client of `server`.
    pub(crate) fn drive(&self, server: SocketAddr, out: &Path) -> Result<Command, BoxError> {
        let mut command = Process::this_executable()?;
        command.arg("drive").arg("--site").arg(self.dir.path());
        command.args(["--server", &server.to_string()]);
        command.arg("--out").arg(out);
        Ok(command)
    }

    /// Returns the configuration of a client that trusts this site's servers.
    pub(crate) fn client_config(&self) -> RpcConfig {
        client_config(self.dir.path())
    }

    pub(crate) async fn client(&self, server: SocketAddr) -> Result<RpcClient, BoxError> {
        Ok(RpcClient::connect(server, self.client_config()).await?)
    }

    /// Returns what the handlers of this site's servers recorded.
    pub(crate) fn events(&self) -> Result<Vec<Event>, BoxError> {
        Ok(read_events(&self.path(LEDGER))?)
    }
}

/// The configuration of a client in any process of the site.
pub(crate) fn client_config(site: &Path) -> RpcConfig {
    RpcConfig::new(site.join("ca.pem"), "127.0.0.1:0")
}

/// The name of the file in which servers record executions.
pub(crate) const LEDGER: &str = "ledger";

/// A child that is not ready by then never will be.
pub(crate) const START_WITHIN: Duration = Duration::from_secs(30);
