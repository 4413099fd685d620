//! Records, signed by whoever has the key.

use crate::raw::RawIdentity;
use bytes::Bytes;
use rcgen::{KeyPair, SigningKey};
use rpcnet_proto::swim::{NodeName, Record, Standing, Statement, Tags, Version};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

/// Makes records that say anything, and proves them with one certificate.
#[derive(Debug)]
pub struct Forger {
    key: Bytes,
    signer: KeyPair,
    cluster: String,
}

impl Forger {
    /// Signs for this cluster with the identity of a member, or of somebody who is none.
    ///
    /// # Errors
    ///
    /// The PEM holds no certificates, or no private key.
    pub fn new(
        identity: &RawIdentity,
        cluster: &str,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut key = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(identity.cert_pem.as_bytes()) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            key.extend_from_slice(&certificate);
        }
        Ok(Self {
            key: key.into(),
            signer: KeyPair::from_pem(&identity.key_pem)?,
            cluster: cluster.to_owned(),
        })
    }

    /// A statement that carries this identity's certificates: that a node of this name is here.
    ///
    /// # Panics
    ///
    /// Panics where the name is not a legal one.
    #[must_use]
    pub fn statement(&self, name: &str, version: Version, address: SocketAddr) -> Statement {
        Statement {
            name: NodeName::new(name).expect("a legal name"),
            version,
            standing: Standing::Here,
            address,
            tags: Tags::new(),
            tags_changed: 0,
            key: self.key.clone(),
        }
    }

    /// Signs a statement as it is, whoever's name and certificates are in it.
    ///
    /// # Panics
    ///
    /// Panics where the system has no randomness.
    #[must_use]
    pub fn sign(&self, statement: Statement) -> Arc<Record> {
        let unsigned = Record::new(statement, Bytes::new());
        let proof = self.signer.sign(&unsigned.signed_bytes(&self.cluster));
        let proof = proof.expect("the key signs").into();
        Arc::new(Record::new(unsigned.statement().clone(), proof))
    }

    /// Signs that a node of this name is here: in its own name, a member's record.
    ///
    /// # Panics
    ///
    /// As [`statement`](Self::statement) and [`sign`](Self::sign).
    #[must_use]
    pub fn record(&self, name: &str, version: Version, address: SocketAddr) -> Arc<Record> {
        self.sign(self.statement(name, version, address))
    }
}
