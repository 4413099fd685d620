//! [`Credentials`]: what this node proves its own records with.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rpcnet_proto::swim::{NodeName, Record, Sign};

use super::gate::{self, NotAdmitted};
use super::public_key::PublicKey;
use super::roots::{self, Roots};
use super::signer::Signer;
use crate::clock;
use crate::cluster::ClusterConfig;
use crate::error::RpcError;
use crate::identity::PeerIdentity;
use crate::transport::tls::{KeyFile, Material, TlsError};

/// This node's name, the certificates that its records carry, and what signs them.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The node's name, one of the DNS names of its certificate.
    pub(crate) name: NodeName,
    /// The certificates in DER, the node's own first and without the root: the `key` of its
    /// records.
    pub(crate) key: Bytes,
    /// Signs with the private key of the certificate.
    pub(crate) signer: Arc<dyn Sign>,
}

impl Credentials {
    /// Takes certificate, key and CA, and checks that members with the same CA and policy will
    /// accept them.
    ///
    /// # Errors
    ///
    /// [`RpcError::TlsError`] if a file is not sound, or the key not the certificate's;
    /// [`RpcError::ConfigError`] if they do not make a member, which says what to set.
    pub(crate) fn new(material: &Material, cluster: &ClusterConfig) -> Result<Self, RpcError> {
        let now = clock::wall();
        let (Some(key_path), Some(key_file)) = (material.key_path(), material.key()) else {
            return Err(RpcError::config(
                "a member needs the private key of its certificate: set it with \
                 RpcConfig::with_key_path",
            ));
        };
        let (Some(ca_path), Some(ca)) = (material.ca_path(), material.ca()) else {
            return Err(RpcError::config(
                "a member needs the CA that members' certificates are verified against: set it \
                 with RpcConfig::with_ca_path",
            ));
        };
        let path = material.cert_path();
        let files = material.certificates()?.der();
        let chain: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        let leaf = *chain.first().ok_or_else(|| unreadable(path))?;
        let identity = PeerIdentity::from_der(leaf).map_err(|_| unreadable(path))?;
        let certificate = roots::parse(leaf).ok_or_else(|| unreadable(path))?;

        let name = name(path, &identity, cluster.node_name.as_deref())?;
        gate::admits(&cluster.policy, &name).map_err(|_| {
            RpcError::config(format!(
                "the member policy does not admit this node itself, `{name}`: add the name to \
                 MemberPolicy::Names"
            ))
        })?;
        gate::serves_a_member(&certificate).map_err(|_| wrong_usage(path))?;
        let roots = Roots::of(ca_path, &ca?)?;
        let key = key(path, ca_path, &roots, &chain, now)?;
        let public_key = PublicKey::of(&certificate).ok_or_else(|| unsupported(path))?;
        let signer = signer(path, key_path, &key_file?, &public_key)?;
        Ok(Self { name, key, signer })
    }
}

/// The name that is set, or the first of the certificate that can be one and is not `localhost`.
fn name(path: &Path, identity: &PeerIdentity, set: Option<&str>) -> Result<NodeName, RpcError> {
    let names = identity.dns_names();
    if let Some(set) = set {
        let name = NodeName::new(set)
            .map_err(|error| RpcError::config(format!("ClusterConfig: {error}")))?;
        return match gate::carries(names, &name) {
            Ok(()) => Ok(name),
            Err(_) => Err(RpcError::config(format!(
                "the certificate {} is not for the node name `{name}`, its DNS names are {}: set \
                 one of them with ClusterConfig::with_node_name, exactly as it is written there",
                path.display(),
                shown(names),
            ))),
        };
    }
    let mut usable = names.iter().filter(|name| *name != "localhost");
    usable
        .find_map(|name| NodeName::new(name).ok())
        .ok_or_else(|| {
            RpcError::config(format!(
                "the certificate {} has no DNS name that can be a node's, they are {}: use another \
                 certificate, or choose with ClusterConfig::with_node_name",
                path.display(),
                shown(names),
            ))
        })
}

/// The part of the chain that others need, as a record carries it.
fn key(
    path: &Path,
    ca_path: &Path,
    roots: &Roots,
    chain: &[&[u8]],
    now: SystemTime,
) -> Result<Bytes, RpcError> {
    let verified = roots
        .verify(chain, now)
        .map_err(|error| refused(path, ca_path, &error))?;
    let between = verified.between.iter().map(Vec::as_slice);
    let chain: Vec<&[u8]> = chain.iter().copied().take(1).chain(between).collect();
    if !roots::is_unambiguous(&chain) {
        return Err(RpcError::config(format!(
            "the certificates between {} and its CA have the same subject: use an authority with \
             one certificate",
            path.display()
        )));
    }
    let key = chain.concat();
    if key.len() > Record::KEY_BYTES_MAX || super::chain::split(&key).is_none() {
        return Err(RpcError::config(format!(
            "the certificate {} and the {} between it and its CA have {} bytes, a member's may \
             have {} in at most {} certificates: use fewer or smaller ones, such as ECDSA P-256",
            path.display(),
            chain.len() - 1,
            key.len(),
            Record::KEY_BYTES_MAX,
            super::chain::CERTIFICATES_MAX,
        )));
    }
    Ok(key.into())
}

/// Takes the private key, and signs once to see that it is the certificate's.
fn signer(
    path: &Path,
    key_path: &Path,
    private_key: &KeyFile,
    public_key: &PublicKey,
) -> Result<Arc<dyn Sign>, RpcError> {
    const SAMPLE: &[u8] = b"rpcnet key check\n";
    let signer = Signer::from_der(&private_key.der()).ok_or_else(|| unsupported(key_path))?;
    let proof = signer.sign(SAMPLE);
    if !public_key.verifies(SAMPLE, &proof) {
        return Err(RpcError::tls(TlsError::KeyMismatch {
            cert: path.to_path_buf(),
            key: key_path.to_path_buf(),
        }));
    }
    if proof.len() > Record::PROOF_BYTES_MAX {
        return Err(unsupported(key_path));
    }
    Ok(Arc::new(signer))
}

fn unreadable(path: &Path) -> RpcError {
    RpcError::config(format!(
        "the certificate {} cannot be read: set a member's with RpcConfig::new",
        path.display()
    ))
}

fn unsupported(path: &Path) -> RpcError {
    RpcError::config(format!(
        "{} has a key that cannot sign member records: use ECDSA P-256 or P-384, RSA of 2048 to \
         4096 bits, or Ed25519",
        path.display()
    ))
}

fn wrong_usage(path: &Path) -> RpcError {
    RpcError::config(format!(
        "the certificate {}: {}; a member needs serverAuth, clientAuth and digital signatures",
        path.display(),
        NotAdmitted::Usage,
    ))
}

fn refused(path: &Path, ca_path: &Path, error: &webpki::Error) -> RpcError {
    use webpki::Error;
    let reason = match error {
        Error::CertExpired { .. } => "it, or one above it, has expired".to_owned(),
        Error::CertNotValidYet { .. } => "it, or one above it, is not valid yet".to_owned(),
        Error::UnknownIssuer => "it does not chain to the CA; the certificates between must \
                                 follow it in its file"
            .to_owned(),
        Error::RequiredEkuNotFoundContext(_) => return wrong_usage(path),
        other => format!("{other:?}"),
    };
    RpcError::config(format!(
        "no other member would accept the certificate {} under the CA {} of \
         RpcConfig::with_ca_path: {reason}",
        path.display(),
        ca_path.display(),
    ))
}

/// The first few names, escaped and cut.
fn shown(names: &[String]) -> String {
    const NAMES_SHOWN: usize = 8;
    const CHARS_SHOWN: usize = 64;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut shown: Vec<String> = names
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| name.escape_debug().take(CHARS_SHOWN).collect())
        .map(|name: String| format!("`{name}`"))
        .collect();
    if names.len() > NAMES_SHOWN {
        shown.push(format!("and {} more", names.len() - NAMES_SHOWN));
    }
    shown.join(", ")
}
