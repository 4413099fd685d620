//! Whether so many members are out of reach that the network may be cut.

use std::time::Duration;

use super::{Side, Time};

/// Why a partition is suspected or taken for healed: what this node saw, no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionEvidence {
    /// Voters that are remembered, this node included.
    pub known: usize,
    /// Of these, those that are alive.
    pub alive: usize,
    /// Of these, those that are suspects.
    pub suspects: usize,
    /// Of these, those that failed.
    pub failed: usize,
    /// Different members that reported doubts since it began.
    pub reporters: usize,
    /// How long ago the first of them went out of reach.
    pub lasted: Duration,
    /// Whether nobody at all has been heard for long.
    pub isolated: bool,
    /// Which side this node is likely on.
    pub side: Side,
}

#[derive(Debug, Default)]
pub(super) struct Partition {
    pub(super) began: Option<Time>,
}
