//! The development CA and what it signs.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use time::OffsetDateTime;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::CertsError;
use super::files::{self, NewFile};
use crate::transport::tls::{CertificateFile, KeyFile};

/// A certificate authority for development, with its key in memory.
///
/// It is valid for a year, and what it signs for 90 days (or as set by
/// [`with_validity`](Self::with_validity)), each from one day ago, because clocks differ.
pub struct DevCa {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    validity: Option<(SystemTime, SystemTime)>,
}

impl DevCa {
    /// Makes a new CA under a common name, for people to read.
    ///
    /// # Errors
    ///
    /// [`CertsError::Generate`] if the system has no randomness to give.
    pub fn generate(name: &str) -> Result<Self, CertsError> {
        let key = KeyPair::generate().map_err(CertsError::generate)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = validity(from_yesterday(CA_VALIDITY))?;
        let certificate_pem = params
            .self_signed(&key)
            .map_err(CertsError::generate)?
            .pem();
        Ok(Self {
            certificate_pem,
            issuer: Issuer::new(params, key),
            validity: None,
        })
    }

    /// Loads `ca.pem` and `ca-key.pem`, as [`write`](Self::write) wrote them.
    ///
    /// # Errors
    ///
    /// [`CertsError::Read`] if a file is missing or is not what it should be, also if the key is
    /// not the certificate's; [`CertsError::ForeignCa`] if the certificate was made by another
    /// tool.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, CertsError> {
        let (path, key_path) = (
            dir.as_ref().join(files::CA),
            dir.as_ref().join(files::CA_KEY),
        );
        let certificate = CertificateFile::read(&path)?;
        let key_file = KeyFile::read(&key_path)?;
        let foreign = || CertsError::ForeignCa { path: path.clone() };

        let key = KeyPair::from_pem(key_file.pem()).map_err(|_| foreign())?;
        let [der] = &certificate.der()[..] else {
            return Err(foreign());
        };
        let (_, ca) = X509Certificate::from_der(der).map_err(|_| foreign())?;
        if ca.public_key().raw != key.subject_public_key_info() {
            return Err(CertsError::Read(crate::TlsError::KeyMismatch {
                cert: path,
                key: key_path,
            }));
        }
        // What it signs names its issuer, byte for byte. Only the one form that `generate` writes
        // is sure to be written again as it was read.
        let name = sole_common_name(&ca)
            .filter(|_| ca.is_ca())
            .ok_or_else(foreign)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self {
            certificate_pem: certificate.pem().to_owned(),
            issuer: Issuer::new(params, key),
            validity: None,
        })
    }

    /// Sets the validity of what is signed from now on; the CA's own stays as it is. For tests of
    /// expiry.
    #[must_use]
    pub fn with_validity(mut self, not_before: SystemTime, not_after: SystemTime) -> Self {
        self.validity = Some((not_before, not_after));
        self
    }

    /// Signs a server's identity for DNS names and IP addresses; clients check the one they connect
    /// by.
    ///
    /// # Errors
    ///
    /// [`CertsError::NoName`], [`CertsError::Name`] or [`CertsError::Validity`] if these are not
    /// sound.
    pub fn server(&self, names: &[&str]) -> Result<Identity, CertsError> {
        self.sign(names, &[ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// Signs a client's identity: a DNS name or a URI (such as a SPIFFE id) by which servers know
    /// it.
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server).
    pub fn client(&self, name: &str) -> Result<Identity, CertsError> {
        self.sign(&[name], &[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// Signs the identity of a cluster's node, which is both server and client.
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server).
    pub fn node(&self, names: &[&str]) -> Result<Identity, CertsError> {
        self.sign(
            names,
            &[
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        )
    }

    /// The CA's certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The CA's private key, PKCS#8. Whoever has it can sign any name.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Writes `ca.pem` and `ca-key.pem` into `dir`, which is created if need be; the key is
    /// readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`CertsError::Exists`] if either is there already; then none is written.
    pub fn write(&self, dir: impl AsRef<Path>) -> Result<(), CertsError> {
        let dir = dir.as_ref();
        let key = self.key_pem();
        files::write_all(
            dir,
            &files::pair(dir, files::CA_STEM, &self.certificate_pem, &key),
        )
    }

    fn sign(
        &self,
        names: &[&str],
        uses: &[ExtendedKeyUsagePurpose],
    ) -> Result<Identity, CertsError> {
        let first = names.first().ok_or(CertsError::NoName)?;
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| subject_alt_name(name))
            .collect::<Result<_, _>>()?;
        params.distinguished_name = match first.len() <= COMMON_NAME_MAX {
            true => common_name(first),
            false => DistinguishedName::new(),
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = uses.to_vec();
        params.use_authority_key_identifier_extension = true;
        let period = self
            .validity
            .unwrap_or_else(|| from_yesterday(IDENTITY_VALIDITY));
        (params.not_before, params.not_after) = validity(period)?;
        let key = KeyPair::generate().map_err(CertsError::generate)?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(CertsError::generate)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

impl fmt::Debug for DevCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevCa")
            .field("certificate_pem", &self.certificate_pem)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// A certificate that a [`DevCa`] signed, and its private key.
#[derive(Clone)]
pub struct Identity {
    certificate_pem: String,
    key_pem: String,
}

impl Identity {
    /// The certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key, PKCS#8.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Writes `<stem>.pem` and `<stem>-key.pem` into `dir`, which is created if need be; the key is
    /// readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`CertsError::Exists`] if either is there already; then none is written.
    pub fn write(&self, dir: impl AsRef<Path>, stem: &str) -> Result<(), CertsError> {
        files::write_all(dir.as_ref(), &self.files(dir.as_ref(), stem))
    }

    pub(crate) fn files(&self, dir: &Path, stem: &str) -> [NewFile<'_>; 2] {
        files::pair(dir, stem, &self.certificate_pem, &self.key_pem)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

/// The subject, if it is what [`common_name`] makes: one attribute, in UTF-8.
fn sole_common_name<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a str> {
    let subject = certificate.subject();
    let name = subject.iter_common_name().next()?;
    let sole = subject.iter_attributes().count() == 1;
    (sole && name.attr_value().tag() == Tag::Utf8String).then(|| name.as_str().ok())?
}

fn subject_alt_name(name: &str) -> Result<SanType, CertsError> {
    let refused = || CertsError::Name {
        name: name.to_owned(),
    };
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(ip));
    }
    let is_uri = name.contains("://");
    let fits = match is_uri {
        true => name.chars().all(|c| c.is_ascii_graphic()),
        false => {
            (1..=DNS_NAME_MAX).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.*".contains(c))
        }
    };
    if !fits {
        return Err(refused());
    }
    let text = name.try_into().map_err(|_| refused())?;
    Ok(if is_uri {
        SanType::URI(text)
    } else {
        SanType::DnsName(text)
    })
}

fn from_yesterday(length: Duration) -> (SystemTime, SystemTime) {
    let now = SystemTime::now();
    (now - DAY, now + length)
}

fn validity(
    (not_before, not_after): (SystemTime, SystemTime),
) -> Result<(OffsetDateTime, OffsetDateTime), CertsError> {
    let (from, to) = (date_time(not_before)?, date_time(not_after)?);
    if from >= to {
        return Err(CertsError::Validity);
    }
    Ok((from, to))
}

fn date_time(time: SystemTime) -> Result<OffsetDateTime, CertsError> {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_err(|_| CertsError::Validity)?
        .as_secs();
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(CertsError::Validity)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Long enough for a project's first months, short enough not to be forgotten in production.
const IDENTITY_VALIDITY: Duration = DAY.saturating_mul(90);

/// Outlives what it signs.
const CA_VALIDITY: Duration = DAY.saturating_mul(365);

/// The limits of RFC 5280 (`ub-common-name`) and RFC 1035.
const COMMON_NAME_MAX: usize = 64;
const DNS_NAME_MAX: usize = 253;
