//! The certificates of a client, and how they are replaced while it calls.

use super::RpcClient;
use crate::error::RpcError;
use crate::identity::PeerIdentity;
use crate::renewal::CertificateStatus;

impl RpcClient {
    /// Reads the certificate files again; the connections made from now on use them, and so do
    /// those of the clients that share this one's socket
    /// ([`RpcConfig::with_own_socket`](crate::RpcConfig::with_own_socket)).
    ///
    /// # Errors
    ///
    /// As [`RpcClient::new`], and [`RpcError::TlsError`] for what has expired or is not valid yet; what
    /// was in force stays in force. Failures are logged as errors, and told by
    /// [`certificates`](Self::certificates).
    pub fn reload_tls(&self) -> Result<(), RpcError> {
        let link = &self.shared.link;
        link.endpoint.reload(&link.config.tls_files())
    }

    /// Which certificates are in force, when they end, and what became of the attempts to replace
    /// them.
    #[must_use]
    pub fn certificates(&self) -> CertificateStatus {
        self.shared.link.endpoint.certificates()
    }

    /// Who the server is, by the certificate that the present connection was made with; `None` while
    /// there is no connection.
    ///
    /// A server that has replaced its certificate shows the new one on connections that are made
    /// afterwards.
    #[must_use]
    pub fn server_identity(&self) -> Option<PeerIdentity> {
        self.shared.link.server_identity()
    }
}
