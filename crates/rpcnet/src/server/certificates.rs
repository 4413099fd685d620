//! The certificates of a server, and how they are replaced while it serves.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use super::{RpcServer, Shared};
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::renewal::{self, CertificateStatus, Holder, Renewal};
use crate::task::Tasks;
use crate::transport::tls::{Commit, Material, ServerTls};

/// What a server presents and trusts, from `bind` on.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) tls: ServerTls,
    renewal: Arc<Renewal>,
    /// Whoever looks after them.
    tasks: Tasks,
}

impl Certificates {
    /// Reads the files.
    pub(super) fn load(config: &RpcConfig) -> Result<Self, RpcError> {
        let files = config.tls_files();
        let material = Material::read(&files);
        Ok(Self {
            tls: ServerTls::new(&material, config.client_auth())?,
            renewal: Arc::new(Renewal::new(files, &material)?),
            tasks: Tasks::new(),
        })
    }
}

impl RpcServer {
    /// Reads the certificate files again; connections made from now on use them.
    ///
    /// Certificate, key and CA are replaced together, and with them all that a
    /// [cluster](Self::enable_cluster) makes of them: whom this node dials with what, whose records it
    /// believes, and what its own are signed with. Established connections go on as they are.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind), [`RpcError::TlsError`] for what has expired or is not valid yet, and
    /// [`RpcError::ConfigError`] before `bind`; what was in force stays in force. Failures are logged as
    /// errors, and told by [`certificates`](Self::certificates).
    pub fn reload_tls(&self) -> Result<(), RpcError> {
        match self.shared.renewal() {
            Some(renewal) => renewal.reload(&self.shared.config.tls_files(), &*self.shared),
            None => Err(RpcError::config(
                "certificates are loaded by `bind`: call it first",
            )),
        }
    }

    /// Which certificates are in force, when they end, and what became of the attempts to replace them;
    /// `None` before [`bind`](Self::bind).
    #[must_use]
    pub fn certificates(&self) -> Option<CertificateStatus> {
        self.shared.renewal().map(|renewal| renewal.status())
    }

    pub(crate) fn downgrade(&self) -> WeakServer {
        WeakServer(Arc::downgrade(&self.shared))
    }
}

/// A server that others may have dropped.
#[derive(Clone, Debug)]
pub(crate) struct WeakServer(Weak<Shared>);

impl WeakServer {
    pub(crate) fn upgrade(&self) -> Option<RpcServer> {
        let shared = self.0.upgrade()?;
        Some(RpcServer {
            socket_addr: None,
            shared,
        })
    }
}

impl Shared {
    /// Takes certificates over, and looks after them.
    pub(super) fn hold(self: &Arc<Self>, certificates: Certificates) {
        let renewal = Arc::clone(&certificates.renewal);
        let every = self.config.certificate_watch;
        let kept = renewal::keep(Arc::downgrade(self), renewal, every);
        certificates.tasks.spawn_until_stopped(kept);
        *self.held() = Some(certificates);
    }

    fn renewal(&self) -> Option<Arc<Renewal>> {
        let held = self.held();
        held.as_ref().map(|held| Arc::clone(&held.renewal))
    }

    fn held(&self) -> MutexGuard<'_, Option<Certificates>> {
        self.certificates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder for Shared {
    fn renewed(&self, material: &Material) -> Result<Commit, RpcError> {
        let tls = self.held().as_ref().map(|held| held.tls.clone());
        let serving = tls.map(|tls| tls.renewed(material, self.config.client_auth()));
        let serving = serving.transpose()?;
        let taker = self.taken().clone().map(|taken| taken.taker);
        let taker = taker.filter(|taker| !taker.is_over());
        let others = taker.map(|taker| taker.renewed(material)).transpose()?;
        Ok(Box::new(move || {
            for commit in [others, serving].into_iter().flatten() {
                commit();
            }
        }))
    }
}
