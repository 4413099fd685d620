//! The certificates that workers are called with, and how they are replaced.

use super::ClusterClient;
use crate::error::RpcError;
use crate::renewal::CertificateStatus;

impl ClusterClient {
    /// Reads the certificate files again; connections to workers that are made from now on use them.
    ///
    /// Where this process is a member too, its
    /// [`RpcServer::reload_tls`](crate::RpcServer::reload_tls) is another matter: call both.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::reload_tls`](crate::RpcClient::reload_tls); what was in force stays in force.
    pub fn reload_tls(&self) -> Result<(), RpcError> {
        self.inner.lines.reload()
    }

    /// Which certificates are in force, when they end, and what became of the attempts to replace them;
    /// `None` until the files have been read, for the first worker.
    #[must_use]
    pub fn certificates(&self) -> Option<CertificateStatus> {
        self.inner.lines.certificates()
    }
}
