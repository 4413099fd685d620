//! Who else is there: members that find each other, agree on who is alive, and say so.

mod address;
mod board;
mod certificates;
mod client;
mod config;
mod counters;
mod driver;
mod enable;
mod error;
mod event;
mod filter;
mod health;
pub(crate) mod links;
mod member;
mod membership;
mod metrics;
pub(crate) mod observers;
mod proof;
mod query;
mod registry;
mod seeds;
mod snapshot;
mod subscription;
mod view;
mod workers;

#[cfg(any(feature = "metrics", feature = "prometheus"))]
pub(crate) use self::client::WeakClusterClient;
pub use self::client::{
    ClusterClient, ClusterClientConfig, ClusterClientCounters, ClusterClientMetrics, WorkerBytes,
    WorkerMetrics, WorkerPool, WorkerResult, WorkerStream,
};
pub use self::config::{ClusterConfig, ClusterLimits, MemberPolicy};
pub use self::counters::ClusterCounters;
pub(crate) use self::enable::membership_of;
pub use self::error::{ClusterError, JoinError, SeedFailure};
pub use self::event::ClusterEvent;
pub use self::filter::{FilterError, TagFilter};
pub use self::health::{HealthChecker, HealthConfig};
pub use self::links::LinkCounters;
pub use self::member::{DRAINING_TAG, Member};
pub use self::membership::ClusterMembership;
pub use self::metrics::ClusterMetrics;
pub use self::registry::NodeRegistry;
pub use self::subscription::ClusterEvents;
pub use self::view::ClusterView;
pub use self::workers::{
    Absent, SelectedWorker, Worker, WorkerConfig, WorkerError, WorkerRegistry,
};
pub use rpcnet_proto::balance::{EjectionConfig, Strategy as LoadBalancingStrategy};
pub use rpcnet_proto::swim::{
    Counters as ProtocolCounters, MemberState, NameError, NodeName, PartitionEvidence, QuorumView,
    Side, TagError, Tags,
};
