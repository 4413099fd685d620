//! What a member says of itself, signed.

use bytes::{Bytes, BytesMut};

use super::{Address, NodeName, Tags, codec};
use crate::mix::Mix;

/// A version of what a member says of itself: its boot epoch, then its incarnation.
///
/// Compared as numbers, never by difference: no value wraps around (M-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Which start of the node.
    pub epoch: u64,
    /// Which statement since then.
    pub incarnation: u64,
}

impl Version {
    /// The version of the next statement, or `None` after the last there is.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match (self.incarnation.checked_add(1), self.epoch.checked_add(1)) {
            (Some(incarnation), _) => Some(Self {
                epoch: self.epoch,
                incarnation,
            }),
            // The counter is used up: begin a new epoch rather than to wrap.
            (None, Some(epoch)) => Some(Self {
                epoch,
                incarnation: 0,
            }),
            (None, None) => None,
        }
    }
}

/// Whether a member takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It does.
    Here,
    /// It has left, for the rest of its epoch.
    Left,
}

/// What a member says of itself, before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests and by drivers")]
pub struct Statement {
    /// Its name.
    pub name: NodeName,
    /// The version of this statement. Whatever changes, the version grows (M-5).
    pub version: Version,
    /// Whether it takes part.
    pub standing: Standing,
    /// Where it can be reached.
    pub address: Address,
    /// What it offers.
    pub tags: Tags,
    /// The incarnation at which the tags changed last.
    pub tags_changed: u64,
    /// What its proof is verified with (M-39), or empty.
    pub key: Bytes,
}

/// A [`Statement`] with the proof that its member made it.
///
/// The core does not verify: the driver drops what does not verify before it
/// hands a message in (M-6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    statement: Statement,
    proof: Bytes,
    digest: u64,
    encoded_len: u32,
}

impl Record {
    /// The longest proof, in bytes; a longer one is dropped, and nothing verifies then.
    pub const PROOF_BYTES_MAX: usize = 512;
    /// The longest key, in bytes; a longer one is dropped.
    pub const KEY_BYTES_MAX: usize = 4_096;

    /// Joins a statement with its proof.
    #[must_use]
    pub fn new(mut statement: Statement, mut proof: Bytes) -> Self {
        if statement.key.len() > Self::KEY_BYTES_MAX {
            statement.key = Bytes::new();
        }
        if proof.len() > Self::PROOF_BYTES_MAX {
            proof = Bytes::new();
        }
        // Scope and flow of an IPv6 address mean nothing on another machine.
        statement.address = Address::new(statement.address.ip(), statement.address.port());
        let digest = digest(&statement);
        let encoded_len = codec::record_len(&statement, &proof);
        Self {
            statement,
            proof,
            digest,
            encoded_len: u32::try_from(encoded_len).unwrap_or(u32::MAX),
        }
    }

    /// What the member says.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The member's name.
    #[must_use]
    pub const fn name(&self) -> &NodeName {
        &self.statement.name
    }

    /// The version of the statement.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.statement.version
    }

    /// Where the member says it is.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.statement.address
    }

    /// Whether the member has left.
    #[must_use]
    pub const fn is_left(&self) -> bool {
        matches!(self.statement.standing, Standing::Left)
    }

    /// The signature of [`Self::signed_bytes`], or empty.
    #[must_use]
    pub const fn proof(&self) -> &Bytes {
        &self.proof
    }

    /// A hash of the statement, the same at every member (M-29).
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// The bytes that this record takes in a message.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.encoded_len as usize
    }

    /// What the proof signs (M-6): a fixed prefix, the cluster's name and the statement.
    #[must_use]
    pub fn signed_bytes(&self, cluster: &str) -> Bytes {
        signed_bytes(&self.statement, cluster)
    }
}

/// As [`Record::signed_bytes`], for a statement that has no proof yet.
pub(super) fn signed_bytes(statement: &Statement, cluster: &str) -> Bytes {
    let mut out = BytesMut::new();
    out.extend_from_slice(SIGNED_PREFIX);
    codec::put_bytes(cluster.as_bytes(), &mut out);
    codec::put_statement(statement, &mut out);
    out.freeze()
}

/// Keeps a signature made here from meaning anything elsewhere.
const SIGNED_PREFIX: &[u8] = b"rpcnet member record 1\n";

fn digest(statement: &Statement) -> u64 {
    let mut out = BytesMut::new();
    codec::put_statement(statement, &mut out);
    let mut mix = Mix::new();
    mix.bytes(&out);
    mix.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(epoch: u64, incarnation: u64) -> Version {
        Version { epoch, incarnation }
    }

    /// M-4.
    #[test]
    fn versions_never_wrap() {
        assert_eq!(version(1, 1).next(), Some(version(1, 2)));
        assert_eq!(version(1, u64::MAX).next(), Some(version(2, 0)));
        assert_eq!(version(u64::MAX, u64::MAX).next(), None);
        assert!(version(2, 0) > version(1, u64::MAX));
    }
}
