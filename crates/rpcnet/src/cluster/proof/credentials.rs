//! [`Credentials`]: what this node proves its own records with.

use std::sync::Arc;

use bytes::Bytes;
use rpcnet_proto::swim::{NodeName, Sign};

use crate::cluster::ClusterConfig;
use crate::config::RpcConfig;
use crate::error::RpcError;

/// This node's name, the certificates that its records carry, and what signs them.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The node's name, one of the DNS names of its certificate.
    pub(crate) name: NodeName,
    /// The certificates, DER, leaf first: the `key` of the node's records.
    pub(crate) key: Bytes,
    /// Signs with the private key of the certificate.
    pub(crate) signer: Arc<dyn Sign>,
}

impl Credentials {
    /// Reads certificate, key and CA, and checks that other members will accept them.
    pub(crate) fn load(rpc: &RpcConfig, cluster: &ClusterConfig) -> Result<Self, RpcError> {
        let _ = (rpc, cluster);
        Err(RpcError::config("no credentials"))
    }
}
