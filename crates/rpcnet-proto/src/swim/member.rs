//! A member as this node sees it.

use std::fmt;

use super::{Address, NodeName, Record, Tags, Version};

/// What a member is, in the order of its rank (M-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "another state is another protocol")]
pub enum MemberState {
    /// It takes part, as far as anybody knows.
    Alive,
    /// Somebody doubts it; it has until its suspicion ends to answer.
    Suspect,
    /// It did not answer. Only its own newer record brings it back.
    Failed,
    /// It left. Only its own newer epoch brings it back.
    Left,
}

impl MemberState {
    /// Whether the member may be reached: alive or suspect.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Alive | Self::Suspect)
    }
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Failed => "failed",
            Self::Left => "left",
        })
    }
}

/// A member as this node sees it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    pub(super) record: &'a Record,
    pub(super) state: MemberState,
    pub(super) address: Address,
}

impl<'a> Member<'a> {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'a NodeName {
        self.record.name()
    }

    /// What it is.
    #[must_use]
    pub const fn state(&self) -> MemberState {
        self.state
    }

    /// Where it is reached: the newest address that was proven (M-10).
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// What it offers.
    #[must_use]
    pub const fn tags(&self) -> &'a Tags {
        &self.record.statement().tags
    }

    /// The version of its record.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.record.version()
    }

    /// Its record.
    #[must_use]
    pub const fn record(&self) -> &'a Record {
        self.record
    }
}
