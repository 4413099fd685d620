//! [`InForce`]: what is known of the certificates that handshakes use.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::parse_x509_certificate;

use super::pem::CertificateFile;
use crate::identity::{hex, system_time};

/// The certificates of one holder, as far as others want to know of them.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    /// What is presented to peers, if anything is.
    pub(crate) identity: Option<OwnCertificate>,
    /// When all that is presented counts: the certificate, and those between it and its root.
    pub(crate) chain: Option<Span>,
    /// When at least one of the authorities counts that peers are verified against.
    pub(crate) ca: Option<Span>,
}

/// A certificate that this side presents to its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnCertificate {
    /// The serial number in lower-case hexadecimal, two digits a byte.
    pub serial_hex: String,
    /// SHA-256 over the certificate in DER: what a peer sees in
    /// [`PeerIdentity::fingerprint`](crate::PeerIdentity::fingerprint).
    pub fingerprint: [u8; 32],
    /// From when on it counts, and what is presented together with it.
    pub not_before: SystemTime,
    /// Until when it counts, and what is presented together with it.
    pub not_after: SystemTime,
}

/// From when until when, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

impl InForce {
    pub(super) fn new(
        identity: Option<&CertificateFile>,
        authority: Option<&CertificateFile>,
    ) -> Self {
        let chain = identity.map(CertificateFile::der);
        let span = chain.as_ref().and_then(|chain| {
            let spans = chain.iter().filter_map(|der| Span::of(der));
            spans.reduce(|all, next| Span {
                not_before: all.not_before.max(next.not_before),
                not_after: all.not_after.min(next.not_after),
            })
        });
        let leaf = chain.as_ref().and_then(|chain| chain.first());
        let authority = authority.map(CertificateFile::der).unwrap_or_default();
        let spans = authority.iter().filter_map(|der| Span::of(der));
        Self {
            identity: leaf
                .zip(span)
                .and_then(|(leaf, span)| OwnCertificate::of(leaf, span)),
            chain: span,
            ca: spans.reduce(|any, next| Span {
                not_before: any.not_before.min(next.not_before),
                not_after: any.not_after.max(next.not_after),
            }),
        }
    }
}

impl OwnCertificate {
    fn of(der: &[u8], span: Span) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, der).as_ref());
        Some(Self {
            serial_hex: hex(certificate.raw_serial()),
            fingerprint,
            not_before: span.not_before,
            not_after: span.not_after,
        })
    }
}

impl Span {
    fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let validity = certificate.validity();
        Some(Self {
            not_before: system_time(validity.not_before.timestamp()),
            not_after: system_time(validity.not_after.timestamp()),
        })
    }
}
