//! Certificates for development: a CA and the identities it signs.
//!
//! Everything from one call, as tests, examples and `rpcnet certs dev` do it:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let dir = scratch.path().join("certs");
//! let files = rpcnet::certs::dev_certificates(&dir)?;
//! assert!(files.server_key().starts_with(&dir));
//! # Ok(())
//! # }
//! ```
//!
//! Or piece by piece, with a [`DevCa`].
//!
//! **Development only.** The CA's key lies unencrypted beside what it signs, nothing can be
//! revoked, and nobody reminds you of the expiry. In production take certificates from whatever
//! your organisation issues them with; `RpcConfig` needs only paths. Keys are ECDSA P-256.

mod ca;
mod error;
mod files;
mod inspect;

use std::path::{Path, PathBuf};

pub use ca::{DevCa, Identity};
pub use error::CertsError;
use files::NewFile;
pub use inspect::{CertificateSummary, inspect};

/// Creates a CA, a server's identity for `localhost`, `127.0.0.1` and `::1`, and a client's
/// identity, and writes them into `dir`, which is created if need be:
///
/// | file | what it is |
/// |---|---|
/// | `ca.pem` | what both ends verify the other against: `RpcConfig::with_ca_path` |
/// | `ca-key.pem` | signs further identities: keep it to yourself |
/// | `server.pem`, `server-key.pem` | a server's, or a cluster node's, certificate and key |
/// | `client.pem`, `client-key.pem` | a client's certificate and key |
///
/// Key files are readable by their owner only.
///
/// # Errors
///
/// [`CertsError::Exists`] if any of the six is there already; then none is written.
pub fn dev_certificates(dir: impl AsRef<Path>) -> Result<DevCerts, CertsError> {
    dev_certificates_for(dir, &[])
}

/// As [`dev_certificates`], with further names or addresses for the server.
///
/// # Errors
///
/// As [`dev_certificates`]; and [`CertsError::Name`] for a name that no certificate can carry.
pub fn dev_certificates_for(
    dir: impl AsRef<Path>,
    more_names: &[&str],
) -> Result<DevCerts, CertsError> {
    let dir = dir.as_ref();
    let ca = DevCa::generate("rpcnet development CA")?;
    let names = [LOCAL_NAMES, more_names].concat();
    // For both uses, so that the same files make a cluster's node, which also connects to others.
    let server = ca.node(&names)?;
    let client = ca.client("client")?;
    let ca_key = ca.key_pem();
    let new: Vec<NewFile<'_>> = files::pair(dir, files::CA_STEM, ca.certificate_pem(), &ca_key)
        .into_iter()
        .chain(server.files(dir, "server"))
        .chain(client.files(dir, "client"))
        .collect();
    files::write_all(dir, &new)?;
    Ok(DevCerts {
        dir: dir.to_path_buf(),
    })
}

/// Where [`dev_certificates`] wrote what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevCerts {
    dir: PathBuf,
}

impl DevCerts {
    /// The directory of all six files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The CA's certificate: what servers and clients verify each other against.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.join(files::CA)
    }

    /// The CA's private key.
    #[must_use]
    pub fn ca_key(&self) -> PathBuf {
        self.dir.join(files::CA_KEY)
    }

    /// The server's certificate.
    #[must_use]
    pub fn server(&self) -> PathBuf {
        self.dir.join("server.pem")
    }

    /// The server's private key.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.dir.join("server-key.pem")
    }

    /// The client's certificate.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.dir.join("client.pem")
    }

    /// The client's private key.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.dir.join("client-key.pem")
    }
}

/// The names that every development server is reached by.
const LOCAL_NAMES: &[&str] = &["localhost", "127.0.0.1", "::1"];

#[cfg(test)]
mod tests;
