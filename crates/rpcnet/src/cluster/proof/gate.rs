//! [`Gate`]: whom this node takes for a member.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use rpcnet_proto::swim::{NodeName, Record};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;

use super::chain;
use super::holders::{Holder, Holders, KeyDigest};
use super::public_key::PublicKey;
use super::roots::{self, Roots};
use crate::cluster::{ClusterConfig, MemberPolicy};
use crate::error::RpcError;
use crate::identity::PeerIdentity;
use crate::transport::tls::{Commit, Material};

/// Decides whom this node takes for a member, and whose records it believes.
///
/// Certificates that were verified are remembered, at most 4,096 of them, so that a further record
/// of the same member costs one signature.
#[derive(Debug)]
pub(crate) struct Gate {
    cluster: String,
    policy: MemberPolicy,
    trust: Arc<ArcSwap<Trust>>,
}

/// The authorities, and whose certificates they were found to have signed: replaced together, so
/// that nobody is remembered whom they do not know.
#[derive(Debug)]
struct Trust {
    roots: Roots,
    holders: Holders,
}

/// Why a certificate makes no member of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotAdmitted {
    /// The certificate does not carry the name.
    #[error("the certificate does not carry the node's name among its DNS names")]
    Name,
    /// The certificate is not good for servers and clients alike, or not for signatures.
    #[error("the certificate is not for servers and clients alike")]
    Usage,
    /// The member policy does not list the name.
    #[error("the member policy does not admit the name")]
    Policy,
}

impl Gate {
    /// Takes the CA.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] without a CA, [`RpcError::TlsError`] if its file is not sound.
    pub(crate) fn new(material: &Material, cluster: &ClusterConfig) -> Result<Self, RpcError> {
        Ok(Self {
            cluster: cluster.cluster.clone(),
            policy: cluster.policy.clone(),
            trust: Arc::new(ArcSwap::from_pointee(Trust::new(material)?)),
        })
    }

    /// Checks what is to replace the CA. Records that were believed stay believed; each further
    /// one has to chain to the new CA.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(crate) fn renewed(&self, material: &Material) -> Result<Commit, RpcError> {
        let trust = Arc::new(Trust::new(material)?);
        let place = Arc::clone(&self.trust);
        Ok(Box::new(move || place.store(trust)))
    }

    /// Whether a peer whose certificate TLS has verified is the member of this name.
    ///
    /// TLS has verified the chain, and the usage of one end; this looks at the leaf for both.
    pub(crate) fn admits(&self, peer: &PeerIdentity, name: &NodeName) -> Result<(), NotAdmitted> {
        carries(peer.dns_names(), name)?;
        admits(&self.policy, name)?;
        let leaf = roots::parse(peer.der()).ok_or(NotAdmitted::Usage)?;
        serves_a_member(&leaf)
    }

    /// Whether a peer whose certificate TLS has verified is a member, of whichever of its
    /// names.
    pub(crate) fn may_admit(&self, peer: &PeerIdentity) -> bool {
        let mut names = peer.dns_names().iter().map(|name| NodeName::new(name));
        names.any(|name| name.is_ok_and(|name| self.admits(peer, &name).is_ok()))
    }

    /// Whether the member itself made this record.
    ///
    /// Its key is a chain that ends in the CA now, its first certificate is that of a member of
    /// the record's name, and its proof was made with that certificate's key (M-6, M-39, M-40).
    pub(crate) fn verifies(&self, record: &Record, now: SystemTime) -> bool {
        let (name, key) = (record.name(), &record.statement().key);
        if record.proof().is_empty() || admits(&self.policy, name).is_err() {
            return false;
        }
        let mut key_digest = KeyDigest::default();
        key_digest.copy_from_slice(digest(&SHA256, key).as_ref());
        let trust = self.trust.load();
        let holder = match trust.holders.get(&key_digest, now) {
            Some(holder) => holder,
            None => {
                let Some(holder) = trust.holder(key, name, now).map(Arc::new) else {
                    return false;
                };
                trust.holders.insert(key_digest, &holder);
                holder
            }
        };
        carries(&holder.names, name).is_ok()
            && holder
                .public_key
                .verifies(&record.signed_bytes(&self.cluster), record.proof())
    }

    #[cfg(test)]
    pub(super) fn holders_len(&self) -> usize {
        self.trust.load().holders.len()
    }
}

impl Trust {
    fn new(material: &Material) -> Result<Self, RpcError> {
        let (Some(path), Some(ca)) = (material.ca_path(), material.ca()) else {
            return Err(RpcError::config(
                "a member needs the CA that other members' certificates are verified against: set \
                 it with RpcConfig::with_ca_path",
            ));
        };
        Ok(Self {
            roots: Roots::of(path, &ca?)?,
            holders: Holders::new(HOLDERS_MAX),
        })
    }

    /// Verifies a key: what is cheap first, signatures last.
    fn holder(&self, key: &[u8], name: &NodeName, now: SystemTime) -> Option<Holder> {
        let chain = chain::split(key)?;
        let leaf = *chain.first()?;
        let identity = PeerIdentity::from_der(leaf).ok()?;
        carries(identity.dns_names(), name).ok()?;
        let leaf = roots::parse(leaf)?;
        serves_a_member(&leaf).ok()?;
        let public_key = PublicKey::of(&leaf)?;
        if !roots::is_unambiguous(&chain) {
            return None;
        }
        let verified = self.roots.verify(&chain, now).ok()?;
        Some(Holder {
            names: identity.dns_names().into(),
            public_key,
            validity: verified.validity,
        })
    }
}

/// Names are compared byte for byte, wildcards included: a certificate names one member per name,
/// and a name means one member.
pub(super) fn carries(names: &[String], name: &NodeName) -> Result<(), NotAdmitted> {
    let found = names.iter().any(|dns| dns == name.as_str());
    found.then_some(()).ok_or(NotAdmitted::Name)
}

pub(super) fn admits(policy: &MemberPolicy, name: &NodeName) -> Result<(), NotAdmitted> {
    let is_listed = match policy {
        MemberPolicy::AnyFromCa => true,
        MemberPolicy::Names(names) => names.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.as_str().starts_with(prefix),
            None => name.as_str() == pattern,
        }),
    };
    is_listed.then_some(()).ok_or(NotAdmitted::Policy)
}

/// Whether a certificate may be used by servers and by clients, and its key to sign. What it does
/// not restrict is allowed (RFC 5280 sections 4.2.1.3 and 4.2.1.12).
pub(super) fn serves_a_member(certificate: &X509Certificate<'_>) -> Result<(), NotAdmitted> {
    let usages = certificate.extended_key_usage();
    let usages = usages.map_err(|_| NotAdmitted::Usage)?;
    let for_both = usages.is_none_or(|usages| usages.value.server_auth && usages.value.client_auth);
    let key_usage = certificate.key_usage().map_err(|_| NotAdmitted::Usage)?;
    let signs = key_usage.is_none_or(|usage| usage.value.digital_signature());
    (for_both && signs).then_some(()).ok_or(NotAdmitted::Usage)
}

/// Verified certificates that are remembered: a few hundred bytes each, and the parsed key.
pub(super) const HOLDERS_MAX: usize = 4_096;
