//! [`ClusterEvent`]: what happened to the membership.

use rpcnet_proto::swim::{NodeName, PartitionEvidence};

use super::member::Member;

/// Something that happened, as this node learnt it. Other nodes may learn things in
/// another order, or later.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClusterEvent {
    /// A node is new here, or came back after it had left.
    NodeJoined(Member),
    /// A node left of its own will.
    NodeLeft(Member),
    /// A node did not answer anybody for as long as its suspicion ran.
    NodeFailed(Member),
    /// A node that had failed is back.
    NodeRecovered(Member),
    /// A node was started again under its name before anybody took it for failed.
    NodeRestarted(Member),
    /// A node is doubted; most doubts end with [`NodeCleared`](Self::NodeCleared).
    NodeSuspected {
        /// Who is doubted.
        member: Member,
        /// Who doubted it first, as far as this node knows.
        reporter: NodeName,
    },
    /// A doubted node has answered.
    NodeCleared(Member),
    /// A node changed its tags.
    NodeTagsUpdated {
        /// The node with its new tags.
        member: Member,
        /// The node as it was before.
        before: Member,
    },
    /// A node proved that it is at another address.
    NodeMoved {
        /// The node at its new address.
        member: Member,
        /// The node as it was before.
        before: Member,
    },
    /// A node has not been heard for so long that calls should go elsewhere. This is
    /// this node's own impression, and says nothing about its membership.
    NodeUnreachable {
        /// Which node.
        member: Member,
        /// How unlikely the silence is: 10 to the power of minus this. Below the
        /// threshold where the node's host said that nobody has its port.
        phi: f64,
    },
    /// A node that was unreachable is heard again, this start of it or the next one. One
    /// that failed or left in between is not watched any more: then there is only what
    /// follows that, such as [`NodeRecovered`](Self::NodeRecovered).
    NodeReachable(Member),
    /// This node was doubted by others, and has answered.
    Refuted {
        /// Its incarnation from now on.
        incarnation: u64,
    },
    /// So many members went out of reach together that the network may be cut.
    PartitionSuspected(PartitionEvidence),
    /// What was out of reach is back, or has left.
    PartitionHealed(PartitionEvidence),
    /// Two nodes use one name. Where it is this node's own and `yields` is true, the
    /// others do not see this node: see
    /// [`ClusterMembership::take_over`](super::ClusterMembership::take_over).
    NameConflict {
        /// The name.
        name: NodeName,
        /// Whether it is this node's own, and the other one has it now.
        yields: bool,
    },
    /// More nodes want to join than [`ClusterLimits::members_max`](super::ClusterLimits::members_max).
    MembersFull,
    /// This subscriber was too slow, and so many events are lost to it: look at
    /// [`ClusterMembership::view`](super::ClusterMembership::view) for the present.
    Lagged {
        /// How many it missed.
        missed: u64,
    },
}

impl ClusterEvent {
    /// The member that it is about, if it is about one.
    #[must_use]
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::NodeJoined(member)
            | Self::NodeLeft(member)
            | Self::NodeFailed(member)
            | Self::NodeRecovered(member)
            | Self::NodeRestarted(member)
            | Self::NodeSuspected { member, .. }
            | Self::NodeCleared(member)
            | Self::NodeTagsUpdated { member, .. }
            | Self::NodeMoved { member, .. }
            | Self::NodeUnreachable { member, .. }
            | Self::NodeReachable(member) => Some(member),
            _ => None,
        }
    }
}
