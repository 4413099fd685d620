//! [`Signer`]: a private key that signs records.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PSS_SHA256,
};
use bytes::Bytes;
use rpcnet_proto::swim::Sign;

/// A private key, of one of the kinds of [`KeyKind`](super::public_key::KeyKind).
pub(super) enum Signer {
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// Reads a private key in DER: PKCS#8, SEC 1 or PKCS#1. `None` where it is none of them, or of
    /// a kind that signs no records.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let ecdsa = |algorithm| EcdsaKeyPair::from_private_key_der(algorithm, der).ok();
        ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .or_else(|| ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING))
            .map(Self::Ecdsa)
            .or_else(|| Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519))
            .or_else(|| rsa::KeyPair::from_pkcs8(der).ok().map(Self::Rsa))
            .or_else(|| rsa::KeyPair::from_der(der).ok().map(Self::Rsa))
    }

    fn signature(&self, bytes: &[u8]) -> Option<Bytes> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(key) => {
                let signature = key.sign(&random, bytes).ok()?;
                Some(Bytes::copy_from_slice(signature.as_ref()))
            }
            Self::Ed25519(key) => {
                let signature = key.try_sign(bytes).ok()?;
                Some(Bytes::copy_from_slice(signature.as_ref()))
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PSS_SHA256, &random, bytes, &mut signature)
                    .ok()?;
                Some(signature.into())
            }
        }
    }
}

impl Sign for Signer {
    /// Empty, which verifies nowhere, should the library fail to sign: it signed when the key was
    /// loaded.
    fn sign(&self, bytes: &[u8]) -> Bytes {
        self.signature(bytes).unwrap_or_else(|| {
            tracing::error!("a member record could not be signed");
            Bytes::new()
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}
