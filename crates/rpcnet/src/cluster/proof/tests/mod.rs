//! Certificates of every kind, and what members make of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod certificates;
mod files;
mod hostile;
mod members;
mod records;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rpcnet_proto::swim::{NodeName, Record, Sign, Standing, Statement, Tags, Version};
use tempfile::TempDir;
use x509_parser::pem::Pem;

use super::signer::Signer;
use super::*;
use crate::cluster::{ClusterConfig, MemberPolicy};
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::transport::tls::Material;

const CLUSTER: &str = "production";

const HOUR: Duration = Duration::from_secs(60 * 60);

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn in_production() -> ClusterConfig {
    ClusterConfig::local().with_cluster_name(CLUSTER)
}

/// What signs certificates: a root, or what a root has signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Self::params(name);
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// An authority under this one.
    fn below(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Self::params(name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    /// The node of a name, with a certificate as it should be.
    fn node(&self, name: &str) -> Node {
        self.node_with(name, KeyPair::generate().unwrap(), |_| {})
    }

    fn node_with(
        &self,
        node: &str,
        key: KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Node {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![dns(node)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        (params.not_before, params.not_after) = (date(-HOUR_S), date(HOUR_S));
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Node {
            name: name(node),
            signer: Signer::from_der(&key.serialize_der()).unwrap(),
            key,
            chain: vec![certificate.der().to_vec()],
        }
    }

    fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    /// A gate with this CA.
    fn gate(&self) -> Gate {
        self.gate_with(&in_production())
    }

    fn gate_with(&self, config: &ClusterConfig) -> Gate {
        let scratch = Scratch::new();
        let ca = scratch.write("ca.pem", &self.certificate.pem());
        let rpc = RpcConfig::new("absent.pem", "127.0.0.1:0").with_ca_path(ca);
        Gate::new(&material(&rpc), config).unwrap()
    }
}

/// Whoever has a certificate and its key.
struct Node {
    name: NodeName,
    key: KeyPair,
    signer: Signer,
    chain: Vec<Vec<u8>>,
}

impl Node {
    fn statement(&self) -> Statement {
        let mut tags = Tags::new();
        tags.set("role", "worker").unwrap();
        Statement {
            name: self.name.clone(),
            version: Version {
                epoch: 7,
                incarnation: 3,
            },
            standing: Standing::Here,
            address: "10.0.0.1:7000".parse().unwrap(),
            tags,
            tags_changed: 2,
            key: self.chain.concat().into(),
        }
    }

    fn record(&self) -> Record {
        self.sign(self.statement(), CLUSTER)
    }

    fn sign(&self, statement: Statement, cluster: &str) -> Record {
        let bytes = Record::new(statement.clone(), Bytes::new()).signed_bytes(cluster);
        Record::new(statement, self.signer.sign(&bytes))
    }

    fn identity(&self) -> crate::identity::PeerIdentity {
        crate::identity::PeerIdentity::from_der(&self.chain[0]).unwrap()
    }

    fn certificates_pem(&self) -> String {
        let certificates = self.chain.iter();
        certificates
            .map(|der| pem_block("CERTIFICATE", der))
            .collect()
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

const HOUR_S: i64 = 60 * 60;

/// A date, in seconds from now.
fn date(from_now: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc() + time::Duration::seconds(from_now)
}

fn material(rpc: &RpcConfig) -> Material {
    Material::read(&rpc.tls_files())
}

fn now() -> SystemTime {
    crate::clock::wall()
}

struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(file);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn pem_block(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in der.chunks(3) {
        let bits = group
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..4 {
            text.push(match place <= group.len() {
                true => char::from(ALPHABET[bits >> (18 - 6 * place) & 63]),
                false => '=',
            });
        }
    }
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let pem = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    );
    let read = Pem::iter_from_buffer(pem.as_bytes())
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(read.contents, der);
    pem
}
