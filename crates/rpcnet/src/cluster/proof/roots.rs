//! [`Roots`]: the authorities whose certificates make members.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeId,
    KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext, anchor_from_trusted_cert,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use crate::error::RpcError;
use crate::identity::system_time;
use crate::transport::tls::CertificateFile;

/// The certificates of the CA file.
#[derive(Debug)]
pub(super) struct Roots(Vec<(TrustAnchor<'static>, Validity)>);

/// A chain that ends in a root.
#[derive(Debug)]
pub(super) struct VerifiedChain {
    /// The certificates between leaf and root, from the leaf's issuer on.
    pub(super) between: Vec<Vec<u8>>,
    /// When all of them are valid, leaf and root included.
    pub(super) validity: Validity,
}

impl Roots {
    /// Takes the certificates of the file at this path.
    pub(super) fn of(path: &Path, certificates: &CertificateFile) -> Result<Self, RpcError> {
        let certificates = certificates.der();
        let mut roots = Vec::with_capacity(certificates.len());
        for (index, der) in certificates.into_iter().enumerate() {
            let validity = parse(&der).map(|certificate| Validity::of(&certificate));
            let der = CertificateDer::from(der);
            let anchor = anchor_from_trusted_cert(&der);
            let (Some(validity), Ok(anchor)) = (validity, anchor) else {
                return Err(RpcError::config(format!(
                    "certificate {} of {} cannot be an authority: set the CA with \
                     RpcConfig::with_ca_path",
                    index + 1,
                    path.display()
                )));
            };
            roots.push((anchor.to_owned(), validity));
        }
        Ok(Self(roots))
    }

    /// Verifies that a chain, leaf first, ends in one of the roots, and that each of its
    /// certificates is valid now and usable for servers and clients alike.
    pub(super) fn verify(&self, chain: &[&[u8]], now: SystemTime) -> Result<VerifiedChain, Error> {
        let [leaf, others @ ..] = chain else {
            return Err(Error::UnknownIssuer);
        };
        // The library does not look at when a root ends; TLS does.
        let roots: Vec<TrustAnchor<'_>> = self
            .0
            .iter()
            .filter(|(_, validity)| validity.contains(now))
            .map(|(anchor, _)| anchor.clone())
            .collect();
        let leaf = CertificateDer::from(*leaf);
        let others: Vec<CertificateDer<'_>> = others
            .iter()
            .map(|der| CertificateDer::from(*der))
            .collect();
        let end_entity = EndEntityCert::try_from(&leaf)?;
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let path = end_entity.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &roots,
            &others,
            UnixTime::since_unix_epoch(since_epoch),
            ServerAndClient,
            None,
            None,
        )?;

        let between: Vec<Vec<u8>> = path
            .intermediate_certificates()
            .map(|certificate| certificate.der().to_vec())
            .collect();
        let mut validity = self.validity_of(path.anchor(), now);
        for der in std::iter::once(leaf.as_ref()).chain(between.iter().map(Vec::as_slice)) {
            let certificate = parse(der).ok_or(Error::BadDer)?;
            validity = validity.and(Validity::of(&certificate));
        }
        Ok(VerifiedChain { between, validity })
    }

    /// A root may be there twice, renewed with the same key: the one that lasts longest counts.
    fn validity_of(&self, anchor: &TrustAnchor<'_>, now: SystemTime) -> Validity {
        self.0
            .iter()
            .filter(|(root, validity)| root == anchor && validity.contains(now))
            .map(|(_, validity)| *validity)
            .max_by_key(|validity| validity.not_after)
            .unwrap_or(Validity::NEVER)
    }
}

/// Reads one certificate and nothing after it.
pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// Whether all of these are certificates, and no two above the first have one subject.
///
/// So there is one way at most to put them in order. With subjects that repeat, each order is a
/// path to try: four certificates, made for it, take a hundred signatures to refuse.
pub(super) fn is_unambiguous(chain: &[&[u8]]) -> bool {
    let parsed: Option<Vec<_>> = chain.iter().map(|der| parse(der)).collect();
    let Some([_, above @ ..]) = parsed.as_deref() else {
        return false;
    };
    above.iter().enumerate().all(|(index, certificate)| {
        let mut others = above.iter().skip(index + 1);
        others.all(|other| other.subject().as_raw() != certificate.subject().as_raw())
    })
}

/// From when until when a certificate counts, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    not_before: SystemTime,
    not_after: SystemTime,
}

impl Validity {
    const NEVER: Self = Self {
        not_before: SystemTime::UNIX_EPOCH,
        not_after: SystemTime::UNIX_EPOCH,
    };

    fn of(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        Self {
            not_before: system_time(validity.not_before.timestamp()),
            not_after: system_time(validity.not_after.timestamp()),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }

    pub(super) fn contains(&self, now: SystemTime) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Usable for servers and clients alike: both are named, or no usage is (RFC 5280 section
/// 4.2.1.12). `anyExtendedKeyUsage` alone is not enough, because it is not for TLS.
#[derive(Debug)]
struct ServerAndClient;

impl ExtendedKeyUsageValidator for ServerAndClient {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let (mut is_unrestricted, mut for_servers, mut for_clients) = (true, false, false);
        for usage in usages {
            let usage = usage?;
            is_unrestricted = false;
            for_servers |= usage == KeyPurposeId::new(SERVER_AUTH);
            for_clients |= usage == KeyPurposeId::new(CLIENT_AUTH);
        }
        if is_unrestricted || (for_servers && for_clients) {
            return Ok(());
        }
        Err(Error::RequiredEkuNotFoundContext(
            RequiredEkuNotFoundContext {
                required: match for_servers {
                    true => KeyUsage::client_auth(),
                    false => KeyUsage::server_auth(),
                },
                present: Vec::new(),
            },
        ))
    }
}

/// `id-kp-serverAuth` and `id-kp-clientAuth`, 1.3.6.1.5.5.7.3.1 and .2.
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
