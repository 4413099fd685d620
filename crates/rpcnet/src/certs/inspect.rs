//! What a certificate file says, for people to read.

use std::path::Path;
use std::time::SystemTime;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
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
    /// The kind of its public key, such as `ECDSA P-256` or `RSA 2048`.
    pub key: String,
    /// What the key may do, by the names of RFC 5280 (`digitalSignature`, `keyCertSign`); empty where
    /// that is not restricted.
    pub key_usage: Vec<&'static str>,
    /// What the certificate is for, by the names of RFC 5280 (`serverAuth`, `clientAuth`) or by number;
    /// empty where that is not restricted.
    pub extended_key_usage: Vec<String>,
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
            key: kind_of_key(&certificate),
            key_usage: key_usage(&certificate),
            extended_key_usage: extended_key_usage(&certificate),
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

fn kind_of_key(certificate: &X509Certificate<'_>) -> String {
    let info = certificate.public_key();
    let oid = &info.algorithm.algorithm;
    if *oid == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info.algorithm.parameters.as_ref();
        let curve = curve.and_then(|curve| curve.as_oid().ok());
        let named = [
            (OID_EC_P256, "P-256"),
            (OID_NIST_EC_P384, "P-384"),
            (OID_NIST_EC_P521, "P-521"),
        ];
        let name = named.iter().find(|(oid, _)| curve.as_ref() == Some(oid));
        return match (name, curve) {
            (Some((_, name)), _) => format!("ECDSA {name}"),
            (None, Some(curve)) => format!("ECDSA on {curve}"),
            (None, None) => "ECDSA".to_owned(),
        };
    }
    if *oid == OID_SIG_ED25519 {
        return "Ed25519".to_owned();
    }
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        _ => oid.to_string(),
    }
}

fn key_usage(certificate: &X509Certificate<'_>) -> Vec<&'static str> {
    let Ok(Some(usage)) = certificate.key_usage() else {
        return Vec::new();
    };
    let usage = usage.value;
    let all = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ];
    let set = all.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, name)| name).collect()
}

fn extended_key_usage(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(usage)) = certificate.extended_key_usage() else {
        return Vec::new();
    };
    let usage = usage.value;
    let named = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let named = named.into_iter().filter(|(is_set, _)| *is_set);
    let named = named.map(|(_, name)| name.to_owned());
    let others = usage.other.iter().take(OTHER_USAGES_SHOWN);
    named.chain(others.map(ToString::to_string)).collect()
}

/// Private uses that are shown; certificates have one or two.
const OTHER_USAGES_SHOWN: usize = 16;

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
