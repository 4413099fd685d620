//! What the core tells its driver.

use super::{Address, NodeName, PartitionEvidence};

/// Something that happened to the membership. Drained with
/// [`Swim::poll_event`](super::Swim::poll_event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A member is new, or came back after it had left.
    Joined {
        /// Its name.
        name: NodeName,
    },
    /// A member left of its own will.
    Left {
        /// Its name.
        name: NodeName,
    },
    /// A member did not answer for as long as its suspicion ran.
    Failed {
        /// Its name.
        name: NodeName,
    },
    /// A member that had failed is back.
    Recovered {
        /// Its name.
        name: NodeName,
    },
    /// A member that was alive is now another process under the same name.
    Restarted {
        /// Its name.
        name: NodeName,
    },
    /// A member's tags or address changed.
    Updated {
        /// Its name.
        name: NodeName,
    },
    /// A member is doubted.
    Suspected {
        /// Its name.
        name: NodeName,
        /// Who doubted it first, as far as this node knows.
        reporter: NodeName,
    },
    /// A doubted member has answered.
    Cleared {
        /// Its name.
        name: NodeName,
    },
    /// This node was doubted and has answered.
    Refuted {
        /// Its incarnation from now on.
        incarnation: u64,
    },
    /// Two nodes use one name. Where it is this node's own, see [`Conflict::yields`].
    Conflict(Conflict),
    /// The driver is to dial the address, check that `name` answers there, and
    /// then call [`Swim::handle_proven`](super::Swim::handle_proven).
    Prove {
        /// Who says that it is there.
        name: NodeName,
        /// Where.
        address: Address,
    },
    /// A seed has answered: this node has the members that the seed has.
    JoinedCluster {
        /// The seed's name.
        via: NodeName,
    },
    /// Leaving is done; the driver may stop.
    Departed,
    /// Enough members went out of reach together that a partition is likely.
    PartitionSuspected(PartitionEvidence),
    /// What was out of reach at [`PartitionSuspected`](Self::PartitionSuspected) is back or has left.
    PartitionHealed(PartitionEvidence),
    /// A limit was reached, told once until there is room again.
    LimitReached {
        /// Which.
        limit: LimitKind,
    },
}

/// Two nodes use one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name.
    pub name: NodeName,
    /// The address that counts from now on.
    pub address: Address,
    /// The address that does not.
    pub other: Address,
    /// Whether the name is this node's own and the other one has it now. The
    /// others do not see this node until the other one has failed or left, or
    /// [`Swim::take_over`](super::Swim::take_over) is called.
    pub yields: bool,
}

/// A limit that is reported when it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// `Limits::members`: a new member was refused.
    Members,
}
