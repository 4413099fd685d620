//! Who else is there: members that find each other, agree on who is alive, and say so.

mod config;
mod error;
mod event;
mod filter;
pub(crate) mod links;
mod member;
mod proof;
mod seeds;
mod snapshot;
mod view;

pub use self::config::{ClusterConfig, ClusterLimits, MemberPolicy};
pub use self::error::{ClusterError, JoinError, SeedFailure};
pub use self::event::ClusterEvent;
pub use self::filter::{FilterError, TagFilter};
pub use self::links::LinkCounters;
pub use self::member::Member;
pub use self::view::ClusterView;
pub use rpcnet_proto::swim::{
    MemberState, NameError, NodeName, PartitionEvidence, QuorumView, Side, TagError, Tags,
};
