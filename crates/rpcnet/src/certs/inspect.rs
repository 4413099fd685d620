//! What a certificate file says, for people to read.

use std::path::Path;
use std::time::SystemTime;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::CertsError;
use crate::transport::tls::CertificateFile;
use crate::{IdentityError, PeerIdentity};

/// Reads every certificate of a PEM file, in its order. Nothing is verified.
///
/// # Errors
///
/// [`CertsError::Read`] if the file cannot be read or holds no certificate,
/// [`CertsError::Certificate`] if one exceeds the limits of [`PeerIdentity`].
pub fn inspect(path: impl AsRef<Path>) -> Result<Vec<CertificateSummary>, CertsError> {
    let path = path.as_ref();
    CertificateFile::read(path)?
        .der()
        .iter()
        .map(|der| CertificateSummary::of(der))
        .collect::<Result<_, _>>()
        .map_err(|source| CertsError::Certificate {
            path: path.to_path_buf(),
            source,
        })
}

/// One certificate. Texts of it are escaped, so that they can be printed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateSummary {
    /// The subject's distinguished name.
    pub subject: String,
    /// The issuer's distinguished name; the subject's if it is self-signed.
    pub issuer: String,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// The start of its validity.
    pub not_before: SystemTime,
    /// The end of its validity.
    pub not_after: SystemTime,
    /// The start of its validity in UTC, to the second.
    pub not_before_text: String,
    /// The end of its validity in UTC, to the second.
    pub not_after_text: String,
    /// Its names, serial number and fingerprint.
    pub identity: PeerIdentity,
}

impl CertificateSummary {
    fn of(der: &[u8]) -> Result<Self, IdentityError> {
        let identity = PeerIdentity::from_der(der)?;
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| IdentityError::Malformed)?;
        let validity = certificate.validity();
        Ok(Self {
            subject: escaped(&certificate.subject().to_string()),
            issuer: escaped(&certificate.issuer().to_string()),
            is_ca: certificate.is_ca(),
            not_before: identity_time(&validity.not_before),
            not_after: identity.not_after(),
            not_before_text: text(&validity.not_before),
            not_after_text: text(&validity.not_after),
            identity,
        })
    }

    /// Whole days until the certificate expires, negative if it has.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> i64 {
        const SECONDS_PER_DAY: u64 = 24 * 60 * 60;
        let days = |seconds: u64| i64::try_from(seconds / SECONDS_PER_DAY).unwrap_or(i64::MAX);
        match self.not_after.duration_since(now) {
            Ok(left) => days(left.as_secs()),
            Err(past) => -1 - days(past.duration().as_secs()),
        }
    }
}

fn escaped(text: &str) -> String {
    text.escape_debug().collect()
}

fn identity_time(time: &ASN1Time) -> SystemTime {
    crate::identity::system_time(time.timestamp())
}

fn text(time: &ASN1Time) -> String {
    let time: OffsetDateTime = time.to_datetime();
    let (hour, minute, second) = time.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", time.date())
}
