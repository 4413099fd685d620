//! Who this node is.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::{NodeName, Tags};

/// Where a node can be dialled.
pub type Address = SocketAddr;

/// Signs what this node says of itself.
///
/// A pure function of its argument: the core calls it wherever its own record
/// changes, a few times per second at the very most.
pub trait Sign: fmt::Debug + Send + Sync {
    /// Returns the proof, at most [`Record::PROOF_BYTES_MAX`](super::Record::PROOF_BYTES_MAX)
    /// bytes, of [`Record::signed_bytes`](super::Record::signed_bytes).
    fn sign(&self, bytes: &[u8]) -> Bytes;
}

/// What this node says of itself when it starts.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its name, that of its certificate.
    pub name: NodeName,
    /// Its boot epoch: greater than at any earlier start under this name (M-3).
    /// A counter kept on disk serves; so does the wall clock at start, because a
    /// node that hears of a greater epoch of its own goes beyond it (M-11).
    pub epoch: u64,
    /// Where others reach it.
    pub address: Address,
    /// What it offers.
    pub tags: Tags,
    /// What its proofs are verified with, where the others do not have it:
    /// at most [`Record::KEY_BYTES_MAX`](super::Record::KEY_BYTES_MAX) bytes.
    pub key: Bytes,
    /// What signs its records; `None` leaves every proof empty.
    pub signer: Option<Arc<dyn Sign>>,
}

impl Identity {
    /// Makes an identity without tags, key and signer.
    #[must_use]
    pub const fn new(name: NodeName, epoch: u64, address: Address) -> Self {
        Self {
            name,
            epoch,
            address,
            tags: Tags::new(),
            key: Bytes::new(),
            signer: None,
        }
    }
}
