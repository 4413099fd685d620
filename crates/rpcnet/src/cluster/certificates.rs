//! Certificates of a member that are replaced while it takes part.

use std::sync::Arc;

use tokio::sync::watch;

use super::config::ClusterConfig;
use super::error::ClusterError;
use super::membership::ClusterMembership;
use super::proof::{Credentials, Gate};
use crate::error::RpcError;
use crate::renewal::CertificateStatus;
use crate::transport::tls::{ClientTls, Commit, Material};

impl ClusterMembership {
    /// Reads the certificate files again, of this node's server too: see
    /// [`RpcServer::reload_tls`](crate::RpcServer::reload_tls).
    ///
    /// # Errors
    ///
    /// What is wrong with the files; what was in force stays in force. [`ClusterError::Left`] once the
    /// server is gone.
    pub fn reload_tls(&self) -> Result<(), RpcError> {
        match self.server().upgrade() {
            Some(server) => server.reload_tls(),
            None => Err(ClusterError::Left.into()),
        }
    }

    /// Which certificates are in force, when they end, and what became of the attempts to replace them;
    /// `None` once the server is gone.
    #[must_use]
    pub fn certificates(&self) -> Option<CertificateStatus> {
        self.server().upgrade()?.certificates()
    }
}

/// Where a membership keeps what it makes of its certificates.
#[derive(Debug)]
pub(super) struct Certificates {
    /// With the name that the node has, which it keeps.
    config: ClusterConfig,
    gate: Arc<Gate>,
    /// What members are dialled with.
    tls: ClientTls,
    /// To the driver, which signs.
    signers: watch::Sender<Option<Credentials>>,
}

impl Certificates {
    /// Where it is kept, and where the driver learns of what it signs with.
    pub(super) fn new(
        config: &ClusterConfig,
        credentials: &Credentials,
        gate: &Arc<Gate>,
        tls: &ClientTls,
    ) -> (Self, watch::Receiver<Option<Credentials>>) {
        let (signers, receiver) = watch::channel(None);
        let certificates = Self {
            config: config.clone().with_node_name(credentials.name.as_str()),
            gate: Arc::clone(gate),
            tls: tls.clone(),
            signers,
        };
        (certificates, receiver)
    }

    /// Checks what is to replace all of it.
    pub(super) fn check(&self, material: &Material) -> Result<Commit, RpcError> {
        let credentials = Credentials::new(material, &self.config)?;
        let trust = self.gate.renewed(material)?;
        let dialling = self.tls.renewed(material)?;
        let signers = self.signers.clone();
        Ok(Box::new(move || {
            // Who is trusted first: others may have replaced their certificates already.
            trust();
            dialling();
            signers.send_replace(Some(credentials));
        }))
    }
}
