//! Reading PEM files, so that what is wrong with one is said exactly.
//!
//! The TLS library is handed normalised blocks only: it stumbles over comments, over text after the
//! last block and over a key that shares a file with its certificate, and says no more than
//! "invalid PEM".

use std::borrow::Cow;
use std::path::Path;

use x509_parser::pem::Pem;

use super::TlsError;
#[cfg(any(test, feature = "dev-certs"))]
use super::material;
use super::material::FILE_BYTES_MAX;

/// What is wrong with a PEM file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemProblem {
    /// There is no `-----BEGIN` line in it. DER is converted with `openssl x509 -inform der`
    /// (certificates) or `openssl pkey -inform der` (keys).
    #[error("not a PEM file, it has no -----BEGIN line: if it is DER, convert it with openssl")]
    NotPem,
    /// A block has no end, or is not base64.
    #[error("damaged PEM: a block is cut off or is not base64")]
    Damaged,
    /// Larger than a certificate or key can be: 1 MiB.
    #[error("larger than {} bytes, so not a certificate or key", FILE_BYTES_MAX)]
    TooLarge,
    /// PEM, but there is no certificate in it.
    #[error("no certificate in it")]
    NoCertificate,
    /// A private key where a certificate should be.
    #[error("a private key where a certificate is expected: are the two paths swapped?")]
    KeyForCertificate,
    /// A certificate block whose content cannot be decoded.
    #[error("certificate {index} in it is malformed")]
    BadCertificate {
        /// Which certificate of the file, counted from 1.
        index: usize,
    },
    /// PEM, but there is no private key in it.
    #[error("no private key in it")]
    NoKey,
    /// A certificate where a private key should be.
    #[error("a certificate where a private key is expected: are the two paths swapped?")]
    CertificateForKey,
    /// The private key is encrypted, and nobody is there to type the passphrase.
    #[error("the private key is encrypted: decrypt it with `openssl pkey -in FILE -out PLAIN`")]
    EncryptedKey,
}

/// The certificates of one file, in its order; at least one.
pub(crate) struct CertificateFile {
    pem: String,
}

impl CertificateFile {
    #[cfg(any(test, feature = "dev-certs"))]
    pub(crate) fn read(path: &Path) -> Result<Self, TlsError> {
        Self::of(path, &material::contents(path)?)
    }

    /// What the file at this path holds.
    pub(super) fn of(path: &Path, bytes: &[u8]) -> Result<Self, TlsError> {
        Self::parse(&text(bytes)).map_err(|problem| pem_error(path, problem))
    }

    fn parse(text: &str) -> Result<Self, PemProblem> {
        let blocks = blocks(text)?;
        let mut pem = String::with_capacity(text.len());
        let certificates = blocks.iter().filter(|block| block.label == CERTIFICATE);
        for (position, block) in certificates.enumerate() {
            if block.decode()?.parse_x509().is_err() {
                return Err(PemProblem::BadCertificate {
                    index: position + 1,
                });
            }
            pem.push_str(&block.text);
        }
        if pem.is_empty() {
            return Err(match blocks.iter().any(Block::is_key) {
                true => PemProblem::KeyForCertificate,
                false => PemProblem::NoCertificate,
            });
        }
        Ok(Self { pem })
    }

    /// The certificate blocks, nothing else.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificates in DER.
    pub(crate) fn der(&self) -> Vec<Vec<u8>> {
        // What could not be decoded has not become a `CertificateFile`.
        Pem::iter_from_buffer(self.pem.as_bytes())
            .flatten()
            .map(|pem| pem.contents)
            .collect()
    }
}

/// The first private key of one file.
pub(crate) struct KeyFile {
    pem: String,
}

impl KeyFile {
    #[cfg(any(test, feature = "dev-certs"))]
    pub(crate) fn read(path: &Path) -> Result<Self, TlsError> {
        Self::of(path, &material::contents(path)?)
    }

    /// What the file at this path holds.
    pub(super) fn of(path: &Path, bytes: &[u8]) -> Result<Self, TlsError> {
        Self::parse(&text(bytes)).map_err(|problem| pem_error(path, problem))
    }

    fn parse(text: &str) -> Result<Self, PemProblem> {
        let blocks = blocks(text)?;
        let Some(key) = blocks.iter().find(|block| block.is_key()) else {
            return Err(
                match blocks.iter().any(|block| block.label == CERTIFICATE) {
                    true => PemProblem::CertificateForKey,
                    false => PemProblem::NoKey,
                },
            );
        };
        if key.is_encrypted() {
            return Err(PemProblem::EncryptedKey);
        }
        key.decode()?;
        Ok(Self {
            pem: key.text.clone(),
        })
    }

    /// The key block, nothing else.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The key in DER: PKCS#8, SEC 1 or PKCS#1, whatever the file has.
    pub(crate) fn der(&self) -> Vec<u8> {
        let block = Pem::iter_from_buffer(self.pem.as_bytes()).flatten().next();
        // What could not be decoded has not become a `KeyFile`.
        block.map_or_else(Vec::new, |pem| pem.contents)
    }
}

/// One `-----BEGIN X-----` to `-----END X-----`, with `\n` line ends.
struct Block {
    label: String,
    text: String,
}

impl Block {
    fn is_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    /// PKCS#8 says so in the label, the older formats in a header.
    fn is_encrypted(&self) -> bool {
        self.label.starts_with("ENCRYPTED") || self.text.contains("\nProc-Type: 4,ENCRYPTED")
    }

    fn decode(&self) -> Result<Pem, PemProblem> {
        match Pem::iter_from_buffer(self.text.as_bytes()).next() {
            Some(Ok(pem)) => Ok(pem),
            _ => Err(PemProblem::Damaged),
        }
    }
}

/// Splits a file into its blocks and drops what lies between them, as RFC 7468 section 2 allows.
fn blocks(text: &str) -> Result<Vec<Block>, PemProblem> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines().map(str::trim) {
        if let Some(label) = delimiter(line, "-----BEGIN ") {
            if open.is_some() {
                return Err(PemProblem::Damaged);
            }
            open = Some(Block {
                label: label.to_owned(),
                text: String::new(),
            });
        }
        let Some(block) = &mut open else { continue };
        block.text.push_str(line);
        block.text.push('\n');
        if let Some(label) = delimiter(line, "-----END ") {
            if label != block.label {
                return Err(PemProblem::Damaged);
            }
            blocks.extend(open.take());
        }
    }
    if open.is_some() {
        return Err(PemProblem::Damaged);
    }
    if blocks.is_empty() {
        return Err(PemProblem::NotPem);
    }
    Ok(blocks)
}

fn delimiter<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)?.strip_suffix("-----")
}

/// Comments may be in any encoding; the blocks themselves are ASCII, so nothing of them is lost.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn pem_error(path: &Path, problem: PemProblem) -> TlsError {
    TlsError::Pem {
        path: path.to_path_buf(),
        problem,
    }
}

const CERTIFICATE: &str = "CERTIFICATE";
