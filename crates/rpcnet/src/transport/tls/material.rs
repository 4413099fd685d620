//! [`Material`]: what the certificate files held at one moment.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};

use super::in_force::{InForce, Span};
use super::pem::{CertificateFile, KeyFile};
use super::{PemProblem, TlsError, TlsFiles};

/// What the files held when they were read together.
///
/// Everything that one holder makes of its files is made of one of these, so that a swap half-way
/// through leaves nothing that is half old. What cannot be read is known too, and told to whoever
/// asks for it.
pub(crate) struct Material {
    cert: Contents,
    key: Option<Contents>,
    ca: Option<Contents>,
}

/// What one file held.
struct Contents {
    path: PathBuf,
    /// `None` where there is more than [`FILE_BYTES_MAX`].
    bytes: io::Result<Option<Vec<u8>>>,
}

impl Material {
    /// Reads the files until two readings in a row are the same, or a few times at most: they may be
    /// replaced just now.
    pub(crate) fn read(files: &TlsFiles) -> Self {
        let mut material = Self::read_once(files);
        for _ in 0..READINGS_MAX {
            let again = Self::read_once(files);
            if again.digest() == material.digest() {
                break;
            }
            material = again;
        }
        material
    }

    /// Reads each file once.
    pub(crate) fn read_once(files: &TlsFiles) -> Self {
        Self {
            cert: Contents::read(&files.cert),
            key: files.key.as_deref().map(Contents::read),
            ca: files.ca.as_deref().map(Contents::read),
        }
    }

    /// The certificates of the file that has that name in the configuration.
    pub(crate) fn certificates(&self) -> Result<CertificateFile, TlsError> {
        CertificateFile::of(self.cert.path(), self.cert.bytes()?)
    }

    /// The private key, where a file is named.
    pub(crate) fn key(&self) -> Option<Result<KeyFile, TlsError>> {
        let key = self.key.as_ref()?;
        Some(key.bytes().and_then(|bytes| KeyFile::of(key.path(), bytes)))
    }

    /// The certificates of the authority, where a file is named.
    pub(crate) fn ca(&self) -> Option<Result<CertificateFile, TlsError>> {
        let ca = self.ca.as_ref()?;
        let read = ca.bytes();
        Some(read.and_then(|bytes| CertificateFile::of(ca.path(), bytes)))
    }

    pub(crate) fn cert_path(&self) -> &Path {
        self.cert.path()
    }

    pub(crate) fn key_path(&self) -> Option<&Path> {
        self.key.as_ref().map(Contents::path)
    }

    pub(crate) fn ca_path(&self) -> Option<&Path> {
        self.ca.as_ref().map(Contents::path)
    }

    /// What the files hold, in short: two that differ have another digest.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for contents in [Some(&self.cert), self.key.as_ref(), self.ca.as_ref()] {
            match contents.map(|contents| &contents.bytes) {
                None => context.update(&[0]),
                Some(Ok(Some(bytes))) => {
                    context.update(&[1]);
                    context.update(&(bytes.len() as u64).to_be_bytes());
                    context.update(bytes);
                }
                Some(Ok(None)) => context.update(&[2]),
                Some(Err(_)) => context.update(&[3]),
            }
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// Whether every file could be read.
    pub(crate) fn is_readable(&self) -> bool {
        let all = [Some(&self.cert), self.key.as_ref(), self.ca.as_ref()];
        let mut all = all.into_iter().flatten();
        all.all(|contents| matches!(contents.bytes, Ok(Some(_))))
    }

    /// What is known of these certificates once they are in force.
    pub(crate) fn in_force(&self) -> Result<InForce, TlsError> {
        let certificates = self.certificates()?;
        let authority = self.ca().transpose()?;
        Ok(match &self.key {
            Some(_) => InForce::new(Some(&certificates), authority.as_ref()),
            // Without a key, the certificate is what others are verified against.
            None => InForce::new(None, Some(authority.as_ref().unwrap_or(&certificates))),
        })
    }

    /// Refuses what does not count at this moment: whoever replaces certificates by such has
    /// mistaken the file.
    pub(crate) fn check_valid(&self, now: SystemTime) -> Result<InForce, TlsError> {
        let in_force = self.in_force()?;
        let ca = self.ca.as_ref().unwrap_or(&self.cert);
        let spans = [(&in_force.chain, &self.cert), (&in_force.ca, ca)];
        for (span, contents) in spans {
            let path = || contents.path().to_path_buf();
            match span {
                Some(Span { not_before, .. }) if now < *not_before => {
                    return Err(TlsError::NotYetValid { path: path() });
                }
                Some(Span { not_after, .. }) if *not_after < now => {
                    return Err(TlsError::Expired { path: path() });
                }
                _ => {}
            }
        }
        Ok(in_force)
    }
}

impl Contents {
    fn read(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            bytes: read_bounded(path),
        }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn bytes(&self) -> Result<&[u8], TlsError> {
        match &self.bytes {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(TlsError::Pem {
                path: self.path.clone(),
                problem: PemProblem::TooLarge,
            }),
            Err(error) => Err(TlsError::File {
                path: self.path.clone(),
                source: match error.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(error.kind(), error.to_string()),
                },
            }),
        }
    }
}

impl std::fmt::Debug for Material {
    /// Without what the files hold: one of them is a private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material")
            .field("cert", &self.cert.path)
            .finish_non_exhaustive()
    }
}

/// What one file holds.
#[cfg(any(test, feature = "dev-certs"))]
pub(super) fn contents(path: &Path) -> Result<Vec<u8>, TlsError> {
    Contents::read(path).bytes().map(<[u8]>::to_vec)
}

/// `None` if there is more than [`FILE_BYTES_MAX`].
fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= FILE_BYTES_MAX).then_some(bytes))
}

/// A bundle of every public CA is a quarter of this.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Readings after the first, should the files change meanwhile.
const READINGS_MAX: usize = 3;
