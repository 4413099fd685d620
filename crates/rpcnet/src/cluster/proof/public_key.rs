//! [`PublicKey`]: what the proofs of one certificate are verified with.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, ParsedPublicKey,
    RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED25519,
};
use x509_parser::x509::AlgorithmIdentifier;

/// The kinds of keys that sign records. The kind decides the algorithm, so that a proof does not
/// choose its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    fn of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Self> {
        let oid = &algorithm.algorithm;
        if *oid == OID_KEY_TYPE_EC_PUBLIC_KEY {
            let curve = algorithm.parameters.as_ref()?.as_oid().ok()?;
            return match () {
                () if curve == OID_EC_P256 => Some(Self::P256),
                () if curve == OID_NIST_EC_P384 => Some(Self::P384),
                () => None,
            };
        }
        match () {
            () if *oid == OID_PKCS1_RSAENCRYPTION => Some(Self::Rsa),
            () if *oid == OID_SIG_ED25519 => Some(Self::Ed25519),
            () => None,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA384_ASN1,
            Self::Rsa => &RSA_PSS_2048_8192_SHA256,
            Self::Ed25519 => &ED25519,
        }
    }
}

/// The public key of a certificate, ready to verify.
pub(super) struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// `None` where the key is of a kind that signs no records, or malformed.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        let info = certificate.public_key();
        let algorithm = KeyKind::of(&info.algorithm)?.verification();
        ParsedPublicKey::new(algorithm, &info.subject_public_key.data)
            .ok()
            .map(Self)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").finish_non_exhaustive()
    }
}
