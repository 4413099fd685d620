//! Certificates of a cluster's members, in a directory that goes with its scenario.

use crate::group::BoxError;
use rpcnet::RpcConfig;
use rpcnet::certs::DevCa;
use std::path::Path;
use tempfile::TempDir;

/// The names of members, and where their certificates are.
#[derive(Debug)]
pub(crate) struct Roster {
    dir: TempDir,
    names: Vec<String>,
}

impl Roster {
    /// Makes up so many names, and signs a certificate for each.
    pub(crate) fn new(nodes: usize) -> Result<Self, BoxError> {
        Self::of((0..nodes).map(|node| format!("n{node}")).collect())
    }

    /// Signs a certificate for each of these names.
    pub(crate) fn of(names: Vec<String>) -> Result<Self, BoxError> {
        let dir = tempfile::tempdir()?;
        let ca = DevCa::generate("figures")?;
        ca.write(dir.path())?;
        for name in &names {
            ca.node(&[name])?.write(dir.path(), name)?;
        }
        Ok(Self { dir, names })
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

/// The configuration of a member in any process of the roster.
pub(crate) fn member_config(dir: &Path, name: &str, bind: &str) -> RpcConfig {
    RpcConfig::new(dir.join(format!("{name}.pem")), bind)
        .with_key_path(dir.join(format!("{name}-key.pem")))
        .with_ca_path(dir.join("ca.pem"))
}
