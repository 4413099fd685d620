//! [`Gate`]: whom this node takes for a member.

use std::time::SystemTime;

use rpcnet_proto::swim::{NodeName, Record};
use thiserror::Error;

use crate::cluster::ClusterConfig;
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::identity::PeerIdentity;

/// Decides whom this node takes for a member, and whose records it believes.
#[derive(Debug)]
pub(crate) struct Gate;

/// Why a certificate that TLS has verified makes no member of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotAdmitted {
    /// The certificate does not carry the name.
    #[error("the certificate does not carry the node's name among its DNS names")]
    Name,
    /// The certificate is not good for servers and clients alike.
    #[error("the certificate is not for servers and clients alike")]
    Usage,
    /// The member policy does not list the name.
    #[error("the member policy does not admit the name")]
    Policy,
}

impl Gate {
    /// Reads the CA.
    pub(crate) fn load(rpc: &RpcConfig, cluster: &ClusterConfig) -> Result<Self, RpcError> {
        let _ = (rpc, cluster);
        Err(RpcError::config("no gate"))
    }

    /// Whether a peer whose certificate TLS has verified is the member of this name.
    pub(crate) fn admits(&self, peer: &PeerIdentity, name: &NodeName) -> Result<(), NotAdmitted> {
        let _ = (self, peer, name);
        Err(NotAdmitted::Policy)
    }

    /// Whether the member itself made this record.
    pub(crate) fn verifies(&self, record: &Record, now: SystemTime) -> bool {
        let _ = (self, record, now);
        false
    }
}
