//! [`ClusterError`]: what keeps a node from being a member, or from saying something.

use std::fmt;
use std::time::Duration;

use rpcnet_proto::swim::TagError;
use thiserror::Error;

use crate::error::RpcError;

/// How something asked of a [`ClusterMembership`](super::ClusterMembership) failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The cluster could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// A tag breaks a rule; nothing was changed.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// This node has left: make a new membership to come back.
    #[error("this node has left the cluster")]
    Left,
    /// The snapshot file could not be read or written.
    #[error("the snapshot file failed")]
    Snapshot(#[source] std::io::Error),
}

/// Why no seed let this node in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// There is no seed: none was given, and no snapshot has any.
    #[error("no seed was given: pass the address of at least one member")]
    NoSeeds,
    /// A seed is neither an address nor `host:port`.
    #[error("seed `{seed}` is neither an address nor `host:port`")]
    InvalidSeed {
        /// The seed, escaped.
        seed: String,
    },
    /// No seed answered in time. Asking goes on in the background.
    #[error("no seed answered within {waited:?}: {}", Failures(seeds))]
    NoAnswer {
        /// How long was waited.
        waited: Duration,
        /// What became of each seed.
        seeds: Vec<SeedFailure>,
    },
    /// The membership ended while it joined.
    #[error("the membership was closed")]
    Closed,
}

/// What became of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeedFailure {
    /// The seed, as it was given, escaped.
    pub seed: String,
    /// Why it did not help, for people.
    pub reason: String,
}

impl SeedFailure {
    pub(crate) fn new(seed: &str, reason: impl Into<String>) -> Self {
        Self {
            seed: seed.escape_debug().take(SEED_CHARS_MAX).collect(),
            reason: reason.into(),
        }
    }
}

/// Characters of a seed that an error repeats.
const SEED_CHARS_MAX: usize = 128;

/// Seeds that the text of an error names.
const SEEDS_SHOWN: usize = 8;

struct Failures<'a>(&'a [SeedFailure]);

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.0.iter().take(SEEDS_SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", failure.seed, failure.reason)?;
        }
        match self.0.len().saturating_sub(SEEDS_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// For functions that return [`RpcError`]; the cluster's error is its source.
impl From<ClusterError> for RpcError {
    fn from(error: ClusterError) -> Self {
        Self::ClusterError(Box::new(error))
    }
}

impl From<JoinError> for RpcError {
    fn from(error: JoinError) -> Self {
        ClusterError::from(error).into()
    }
}
