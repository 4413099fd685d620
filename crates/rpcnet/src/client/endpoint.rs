//! [`Endpoint`]: one socket, and the certificates that its connections are made with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::limits::Limits;
use crate::renewal::{self, CertificateStatus, Holder, Renewal};
use crate::task::{self, RuntimeId, Tasks};
use crate::transport::quic::Dialer;
use crate::transport::tls::{ClientTls, Commit, Material, TlsFiles};

/// Where connections of one configuration go out from; any number of clients share one.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) dialer: Dialer,
    tls: ClientTls,
    renewal: Arc<Renewal>,
    /// Whoever looks after the certificates.
    tasks: Tasks,
    /// What a client must want to share this.
    terms: Arc<Mutex<Option<Terms>>>,
}

/// Endpoints that clients have, for others that want the same.
static SHARED: Mutex<Vec<Weak<Endpoint>>> = Mutex::new(Vec::new());

/// All that an endpoint is made from.
#[derive(Debug, Clone, PartialEq)]
struct Terms {
    /// It lives on the runtime that it was made on.
    runtime: RuntimeId,
    bind_address: String,
    limits: Limits,
    idle_timeout: Duration,
    /// What the certificate files held.
    certificates: [u8; 32],
    /// How often which files are looked at, where they are.
    watch: Option<(Duration, TlsFiles)>,
}

impl Terms {
    /// `None` where there is no runtime, or a file cannot be read.
    fn of(config: &RpcConfig) -> Option<Self> {
        let files = config.tls_files();
        Some(Self {
            runtime: task::runtime()?,
            bind_address: config.bind_address.clone(),
            limits: config.limits().clone(),
            idle_timeout: config.idle_timeout(),
            certificates: files.digest()?,
            watch: config.certificate_watch.map(|every| (every, files)),
        })
    }
}

impl Endpoint {
    /// Reads the certificates and binds the socket. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::new`](crate::RpcClient::new).
    pub(crate) fn new(config: &RpcConfig) -> Result<Arc<Self>, RpcError> {
        config.validate()?;
        let files = config.tls_files();
        let material = Material::read(&files);
        let tls = ClientTls::new(&material)?;
        let endpoint = Arc::new(Self {
            dialer: Dialer::new(config, &tls)?,
            tls,
            renewal: Arc::new(Renewal::new(files, &material)?),
            tasks: Tasks::new(),
            terms: Arc::default(),
        });
        let (renewal, every) = (Arc::clone(&endpoint.renewal), config.certificate_watch);
        let kept = renewal::keep(Arc::downgrade(&endpoint), renewal, every);
        endpoint.tasks.spawn_until_stopped(kept);
        Ok(endpoint)
    }

    /// As [`new`](Self::new), or one that another client of this process has, made on the
    /// same runtime from the very same certificates, address and limits.
    pub(crate) fn shared(config: &RpcConfig) -> Result<Arc<Self>, RpcError> {
        // What cannot be read, `new` says better.
        let Some(terms) = Terms::of(config) else {
            return Self::new(config);
        };
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|endpoint| endpoint.strong_count() > 0);
        let same = shared.iter().filter_map(Weak::upgrade);
        let mut same = same.filter(|it| it.terms().as_ref() == Some(&terms));
        if let Some(endpoint) = same.next() {
            return Ok(endpoint);
        }
        let endpoint = Self::new(config)?;
        *endpoint.terms() = Some(terms);
        shared.push(Arc::downgrade(&endpoint));
        Ok(endpoint)
    }

    /// Reads the certificate files again, for connections to come.
    ///
    /// # Errors
    ///
    /// What is wrong with the files; what was in force stays in force.
    pub(crate) fn reload(&self, files: &TlsFiles) -> Result<(), RpcError> {
        self.renewal.reload(files, self)
    }

    /// What is in force, and how that came to be.
    pub(crate) fn certificates(&self) -> CertificateStatus {
        self.renewal.status()
    }

    fn terms(&self) -> MutexGuard<'_, Option<Terms>> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder for Endpoint {
    fn renewed(&self, material: &Material) -> Result<Commit, RpcError> {
        let commit = self.tls.renewed(material)?;
        let digest = material.digest();
        let terms = Arc::clone(&self.terms);
        Ok(Box::new(move || {
            commit();
            let mut terms = terms.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(terms) = &mut *terms {
                terms.certificates = digest;
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::dev_certificates;

    #[tokio::test]
    async fn those_who_want_the_same_share_one_and_nobody_else_does() {
        let certs = tempfile::tempdir().expect("there is room");
        let files = dev_certificates(certs.path()).expect("certificates are made");
        let config = RpcConfig::new(files.ca(), "127.0.0.1:0");
        let shared = |config: &RpcConfig| Endpoint::shared(config).expect("it is made");
        let first = shared(&config);
        assert!(Arc::ptr_eq(&first, &shared(&config)));
        let other_limits = config.clone().with_max_message_bytes(1 << 20);
        assert!(!Arc::ptr_eq(&first, &shared(&other_limits)));

        // Another CA under the same name is another trust root, for those who come now.
        let others = tempfile::tempdir().expect("there is room");
        let other = dev_certificates(others.path()).expect("certificates are made");
        std::fs::copy(other.ca(), files.ca()).expect("there is room");
        let second = shared(&config);
        assert!(!Arc::ptr_eq(&first, &second));
        first.reload(&config.tls_files()).expect("the file is good");
        let third = shared(&config);
        assert!(Arc::ptr_eq(&first, &third) || Arc::ptr_eq(&second, &third));

        // A file that is none changes nothing for whoever is there, and nobody joins them.
        std::fs::write(files.ca(), "no certificate").expect("there is room");
        assert!(first.reload(&config.tls_files()).is_err());
        assert!(Endpoint::shared(&config).is_err());
    }

    #[tokio::test]
    async fn the_last_client_takes_its_endpoint_along() {
        let certs = tempfile::tempdir().expect("there is room");
        let files = dev_certificates(certs.path()).expect("certificates are made");
        let config = RpcConfig::new(files.ca(), "127.0.0.1:0");
        let first = Arc::downgrade(&Endpoint::shared(&config).expect("it is made"));
        assert!(first.upgrade().is_none());
        let kept = Endpoint::shared(&config).expect("it is made");
        let is_kept = |it: &Weak<Endpoint>| it.strong_count() > 0;
        let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(shared.iter().any(|it| it.ptr_eq(&Arc::downgrade(&kept))));
        assert!(shared.iter().all(|it| is_kept(it) || !it.ptr_eq(&first)));
    }
}
