//! What can go wrong when certificates are made.

use std::io;
use std::path::PathBuf;

use crate::{IdentityError, TlsError};

/// Why certificates could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// A file that would be written is there already. Nothing was written: remove it, or choose
    /// another directory.
    #[error(
        "{} exists already and is not overwritten: remove it, or choose another directory",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or directory could not be created or written. What was created before it was removed
    /// again.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file could not be read, or does not hold a certificate or key.
    #[error(transparent)]
    Read(#[from] TlsError),
    /// A certificate could not be read as an identity.
    #[error("{}: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// No name was given, and a server's certificate is for names.
    #[error("a certificate for a server or node needs at least one name")]
    NoName,
    /// A name that a certificate cannot carry.
    #[error(
        "{name:?} is neither a DNS name, an IP address nor a URI: use letters, digits, '-', '_' \
         and '.', at most 253 characters"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A validity that ends before it begins, or lies outside the years 1970 to 9999.
    #[error("the validity must end after it begins, and lie between 1970 and 9999")]
    Validity,
    /// What was loaded as a CA was not made by this module.
    #[error(
        "{} is not a development CA made by rpcnet: sign with the tool that made it",
        path.display()
    )]
    ForeignCa {
        /// The CA's certificate.
        path: PathBuf,
    },
    /// Making a key or signing failed.
    #[error("the certificate could not be made")]
    Generate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CertsError {
    /// Not a `From`: that would make the library beneath part of our interface.
    pub(super) fn generate(error: rcgen::Error) -> Self {
        Self::Generate(Box::new(error))
    }
}
