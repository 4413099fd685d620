//! TLS: what we present, what we accept, and what went wrong.
//!
//! This module and its submodules are the only place that names the TLS library. Everything is TLS
//! 1.3 with ALPN `rpcnet/1`; the only roots trusted are the ones given, never the system's. Who an
//! authenticated peer is lives in [`crate::identity`]; what it may do is decided by whoever asks.

mod classify;
mod error;
mod in_force;
mod material;
mod pem;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rpcnet_proto::wire::ALPN;
use s2n_quic::provider::tls::Provider;
use s2n_quic::provider::tls::s2n_tls::callbacks::VerifyHostNameCallback;
use s2n_quic::provider::tls::s2n_tls::config::{Builder, Config};
use s2n_quic::provider::tls::s2n_tls::enums::ClientAuthType;
use s2n_quic::provider::tls::s2n_tls::{Client, ConnectionContext, Server, error::Error, security};

pub(crate) use classify::{WRONG_USAGE_REASON, classify};
pub use error::TlsError;
pub use in_force::OwnCertificate;
pub(crate) use in_force::{InForce, Span};
pub(crate) use material::Material;
pub use pem::PemProblem;
pub(crate) use pem::{CertificateFile, KeyFile};

use super::reset_token::ResetKey;

/// Where the TLS material lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// A server's certificate chain, leaf first. A client's chain if there is a key, else the
    /// certificate that servers must chain to.
    pub(crate) cert: PathBuf,
    /// The private key of `cert`.
    pub(crate) key: Option<PathBuf>,
    /// The certificates that the peer's chain must end in.
    pub(crate) ca: Option<PathBuf>,
}

impl TlsFiles {
    /// What the files hold, in short: two that differ have another digest. `None` where one cannot
    /// be read.
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        let material = Material::read_once(self);
        material.is_readable().then(|| material.digest())
    }
}

/// Puts into force what was checked before; cannot fail, nor wait.
pub(crate) type Commit = Box<dyn FnOnce() + Send>;

/// Whether a server asks its clients for a certificate.
///
/// Certificates can only be verified against a CA (`RpcConfig::with_ca_path`): without one,
/// `Optional` behaves as `Off` and `Required` is a configuration error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Clients are not asked for a certificate.
    Off,
    /// Clients may present a certificate. One that does not verify ends the handshake; a client
    /// without one is served anonymously. The default.
    #[default]
    Optional,
    /// Clients without a certificate that verifies are turned away.
    Required,
}

/// A server's TLS, loaded and checked. Clones share it: a reload through one is seen by all.
#[derive(Clone)]
pub(crate) struct ServerTls {
    config: Arc<ArcSwap<Config>>,
    reset_key: ResetKey,
}

impl ServerTls {
    /// Checks a server's certificate, key and CA.
    pub(crate) fn new(material: &Material, auth: ClientAuth) -> Result<Self, TlsError> {
        let (config, reset_key) = server_config(material, auth)?;
        Ok(Self {
            config: Arc::new(ArcSwap::from_pointee(config)),
            reset_key,
        })
    }

    /// The provider for an s2n-quic server. Each handshake uses what is loaded when it begins.
    pub(crate) fn provider(&self) -> impl Provider + use<> {
        let config = Arc::clone(&self.config);
        Server::from_loader(move |_: ConnectionContext<'_>| Config::clone(&config.load()))
    }

    /// Checks what is to replace certificate, key and CA for handshakes to come; established
    /// connections keep theirs. The reset key stays as it was.
    pub(crate) fn renewed(
        &self,
        material: &Material,
        auth: ClientAuth,
    ) -> Result<Commit, TlsError> {
        let (config, _) = server_config(material, auth)?;
        let place = Arc::clone(&self.config);
        Ok(Box::new(move || place.store(Arc::new(config))))
    }

    /// The key for stateless resets, derived from the private key: so it outlives a restart without
    /// a file of its own.
    pub(crate) fn reset_key(&self) -> ResetKey {
        self.reset_key.clone()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// A client's TLS, loaded and checked. Clones share it: a reload through one is seen by all.
#[derive(Clone)]
pub(crate) struct ClientTls {
    config: Arc<ArcSwap<Config>>,
    names: ServerNames,
}

/// Which names a client looks for in a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerNames {
    /// The one it was told to dial.
    AsDialled,
    /// None: the chain is verified, the name is for the caller to judge.
    Any,
}

impl ClientTls {
    /// Checks a client's trust root and, if it has a key, its own identity.
    pub(crate) fn new(material: &Material) -> Result<Self, TlsError> {
        Self::with_names(material, ServerNames::AsDialled)
    }

    /// As [`new`](Self::new), for a member of a cluster: it does not know who answers at the
    /// address of a seed, so it accepts whoever chains to the CA, and looks at the name of the
    /// verified [`crate::PeerIdentity`] afterwards.
    pub(crate) fn for_member(material: &Material) -> Result<Self, TlsError> {
        Self::with_names(material, ServerNames::Any)
    }

    fn with_names(material: &Material, names: ServerNames) -> Result<Self, TlsError> {
        let config = client_config(material, names)?;
        Ok(Self {
            config: Arc::new(ArcSwap::from_pointee(config)),
            names,
        })
    }

    /// The provider for an s2n-quic client. Each handshake uses what is loaded when it begins.
    pub(crate) fn provider(&self) -> impl Provider + use<> {
        let config = Arc::clone(&self.config);
        Client::from_loader(move |_: ConnectionContext<'_>| Config::clone(&config.load()))
    }

    /// Checks what is to replace trust root and identity for handshakes to come.
    pub(crate) fn renewed(&self, material: &Material) -> Result<Commit, TlsError> {
        let config = client_config(material, self.names)?;
        let place = Arc::clone(&self.config);
        Ok(Box::new(move || place.store(Arc::new(config))))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

fn server_config(material: &Material, auth: ClientAuth) -> Result<(Config, ResetKey), TlsError> {
    let Some(key) = material.key() else {
        return Err(TlsError::Config(Cow::Borrowed(
            "a server needs the private key of its certificate: set it with \
             RpcConfig::with_key_path",
        )));
    };
    let client_auth = match (auth, material.ca_path()) {
        (ClientAuth::Required, None) => {
            return Err(TlsError::Config(Cow::Borrowed(
                "client certificates are required but there is nothing to verify them against: \
                 set the CA with RpcConfig::with_ca_path",
            )));
        }
        (ClientAuth::Off, _) | (ClientAuth::Optional, None) => None,
        (ClientAuth::Optional, Some(ca)) => Some((ClientAuthType::Optional, ca)),
        (ClientAuth::Required, Some(ca)) => Some((ClientAuthType::Required, ca)),
    };

    let cert = material.cert_path();
    let mut builder = base_config(cert)?;
    let key = present(&mut builder, material, key)?;
    if let (Some((client_auth, path)), Some(ca)) = (client_auth, material.ca()) {
        trust(&mut builder, path, &ca?)?;
        builder
            .set_client_auth_type(client_auth)
            .and_then(|builder| builder.set_verify_host_callback(AnyName))
            .map_err(|error| unusable(path, &error))?;
    }
    let config = builder.build().map_err(|error| unusable(cert, &error))?;
    Ok((config, ResetKey::derive(key.pem().as_bytes())))
}

fn client_config(material: &Material, names: ServerNames) -> Result<Config, TlsError> {
    let cert = material.cert_path();
    let mut builder = base_config(cert)?;
    if names == ServerNames::Any {
        builder
            .set_verify_host_callback(AnyName)
            .map_err(|error| unusable(cert, &error))?;
    }
    let ca = material.ca_path().zip(material.ca());
    match (material.key(), ca) {
        (None, None) => trust(&mut builder, cert, &material.certificates()?)?,
        (None, Some((path, ca))) => trust(&mut builder, path, &ca?)?,
        (Some(key), Some((path, ca))) => {
            trust(&mut builder, path, &ca?)?;
            present(&mut builder, material, key)?;
            // Not `Required`: that would end the handshake with a server that asks for no
            // certificate.
            builder
                .set_client_auth_type(ClientAuthType::Optional)
                .map_err(|error| unusable(cert, &error))?;
        }
        (Some(_), None) => {
            return Err(TlsError::Config(Cow::Borrowed(
                "with a private key, the certificate is the client's own identity, so what servers \
                 are verified against must be named: set the CA with RpcConfig::with_ca_path",
            )));
        }
    }
    builder.build().map_err(|error| unusable(cert, &error))
}

fn base_config(cert: &Path) -> Result<Builder, TlsError> {
    let mut builder = Builder::new();
    builder
        .enable_quic()
        .and_then(|builder| builder.set_security_policy(&security::DEFAULT_TLS13))
        .and_then(|builder| builder.set_application_protocol_preference([ALPN]))
        // Before anything is trusted, because it wipes that too.
        .and_then(Builder::wipe_trust_store)
        .map_err(|error| unusable(cert, &error))?;
    Ok(builder)
}

fn trust(
    builder: &mut Builder,
    path: &Path,
    certificates: &CertificateFile,
) -> Result<(), TlsError> {
    builder
        .trust_pem(certificates.pem().as_bytes())
        .map_err(|error| unusable(path, &error))?;
    Ok(())
}

fn present(
    builder: &mut Builder,
    material: &Material,
    key: Result<KeyFile, TlsError>,
) -> Result<KeyFile, TlsError> {
    let cert = material.cert_path();
    let certificates = material.certificates()?;
    let private_key = key?;
    // Where there is a key, it has a path.
    let key = material.key_path().unwrap_or(cert);
    builder
        .load_pem(certificates.pem().as_bytes(), private_key.pem().as_bytes())
        .map_err(|error| match error.name() {
            "S2N_ERR_KEY_MISMATCH" => TlsError::KeyMismatch {
                cert: cert.to_path_buf(),
                key: key.to_path_buf(),
            },
            "S2N_ERR_DECODE_PRIVATE_KEY" => unusable(key, &error),
            _ => unusable(cert, &error),
        })?;
    Ok(private_key)
}

fn unusable(path: &Path, error: &Error) -> TlsError {
    TlsError::Unusable {
        path: path.to_path_buf(),
        reason: error.message(),
    }
}

/// Accepts every name in the certificate of a client, or of a member that was dialled.
///
/// s2n-tls demands a judgement on names before it has verified the chain, when a name proves
/// nothing. Who may do what is decided later, from the verified [`crate::PeerIdentity`].
struct AnyName;

impl VerifyHostNameCallback for AnyName {
    fn verify_host_name(&self, _: &str) -> bool {
        true
    }
}
