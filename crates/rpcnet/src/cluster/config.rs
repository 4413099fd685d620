//! [`ClusterConfig`]: name, rhythm and limits of a member.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rpcnet_proto::swim::{Config as SwimConfig, NodeName, QuorumView, Tags};

use crate::error::RpcError;

/// How a member names itself, whom it takes for a member, and how fast it goes.
///
/// The presets differ in their rhythm only: [`lan`](Self::lan) (also `new` and `Default`)
/// for one data centre, [`wan`](Self::wan) for nodes continents apart,
/// [`local`](Self::local) for tests on one machine. All members of a cluster should use
/// the same preset.
///
/// # Examples
///
/// ```
/// use rpcnet::cluster::ClusterConfig;
///
/// let config = ClusterConfig::lan()
///     .with_cluster_name("production")
///     .with_node_name("worker-1")
///     .with_tag("role", "worker");
/// # let _ = config;
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClusterConfig {
    pub(crate) cluster: String,
    pub(crate) node_name: Option<String>,
    pub(crate) advertised: Option<SocketAddr>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) policy: MemberPolicy,
    pub(crate) snapshot: Option<PathBuf>,
    pub(crate) join_timeout: Duration,
    drain_notice: Option<Duration>,
    pub(crate) on_minority: Option<OnMinority>,
    pub(crate) swim: SwimConfig,
    pub(crate) limits: ClusterLimits,
}

pub(crate) type OnMinority = Arc<dyn Fn(&QuorumView) + Send + Sync>;

/// Which certificates make a member.
///
/// A member's certificate has to chain to the CA, to be good for servers and clients
/// alike, and to carry the node's name among its DNS names. This narrows it further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberPolicy {
    /// Every such certificate.
    #[default]
    AnyFromCa,
    /// Only nodes of these names. A name that ends in `*` stands for all that begin so.
    Names(Vec<String>),
}

/// What bounds the memory and the work of a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterLimits {
    /// Members that are remembered, gone ones included. Default 16,384. Beyond: who
    /// is gone longest is forgotten; where nobody is gone, new ones are refused.
    pub members_max: usize,
    /// Connections to other members that are kept. Default 256. Beyond: the one that
    /// was silent longest is closed.
    pub links_max: usize,
    /// Connections that are being made at once. Default 32. Beyond: the message that
    /// wanted one is dropped, as if the network had lost it.
    pub dials_max: usize,
    /// Messages that wait for a connection that is being made. Default 16. Beyond: the
    /// oldest is dropped.
    pub queued_per_dial_max: usize,
    /// Time that a connection may take to be made. Default 3 s.
    pub dial_timeout: Duration,
    /// Pause between attempts to reach an address at which nobody has ever proven the
    /// name that is said to be there. Default 10 s.
    pub unproven_dial_pause: Duration,
    /// Events that wait for a subscriber. Default 1,024. Beyond: the oldest are lost to
    /// it, and it is told how many.
    pub events_max: usize,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            members_max: 16_384,
            links_max: 256,
            dials_max: 32,
            queued_per_dial_max: 16,
            dial_timeout: Duration::from_secs(3),
            unproven_dial_pause: Duration::from_secs(10),
            events_max: 1_024,
        }
    }
}

impl ClusterConfig {
    /// As [`lan`](Self::lan).
    pub fn new() -> Self {
        Self::lan()
    }

    /// For one data centre: probes every 500 ms, a dead node is known in about 5 s.
    pub fn lan() -> Self {
        Self::of(SwimConfig::lan())
    }

    /// For nodes that are continents apart: probes every 3 s.
    pub fn wan() -> Self {
        Self::of(SwimConfig::wan())
    }

    /// For one machine, such as tests: probes every 250 ms.
    pub fn local() -> Self {
        Self::of(SwimConfig::local())
    }

    fn of(swim: SwimConfig) -> Self {
        Self {
            cluster: DEFAULT_CLUSTER.to_owned(),
            node_name: None,
            advertised: None,
            tags: Vec::new(),
            policy: MemberPolicy::default(),
            snapshot: None,
            join_timeout: Duration::from_secs(10),
            drain_notice: None,
            on_minority: None,
            swim,
            limits: ClusterLimits::default(),
        }
    }

    /// Sets the cluster's name, 1 to 64 characters of `A-Z a-z 0-9 . _ -`. Nodes of
    /// different clusters do not talk to each other, whatever their certificates.
    /// Default `rpcnet`.
    pub fn with_cluster_name(mut self, name: impl Into<String>) -> Self {
        self.cluster = name.into();
        self
    }

    /// Sets this node's name: one of the DNS names of its certificate, 1 to 64
    /// characters of `A-Z a-z 0-9 . _ -`, unique in the cluster. Default: the first of
    /// them that has such characters only and is not `localhost`.
    pub fn with_node_name(mut self, name: impl Into<String>) -> Self {
        self.node_name = Some(name.into());
        self
    }

    /// Sets where others reach this node, where that is not what it is bound to.
    ///
    /// Default: the bound address; where that is unspecified (`0.0.0.0`), the address
    /// of the interface through which the first seed is reached.
    pub fn with_advertised_address(mut self, address: SocketAddr) -> Self {
        self.advertised = Some(address);
        self
    }

    /// Adds a tag that this node has from the start.
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Narrows whom this node takes for a member. Default [`MemberPolicy::AnyFromCa`].
    pub fn with_member_policy(mut self, policy: MemberPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Keeps the members' addresses in a file, from which
    /// [`join`](super::ClusterMembership::join) finds the cluster again after a restart,
    /// also without seeds. Default: no file.
    pub fn with_snapshot_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = Some(path.into());
        self
    }

    /// Sets how long [`join`](super::ClusterMembership::join) waits for a seed to
    /// answer. Default 10 s.
    pub fn with_join_timeout(mut self, timeout: Duration) -> Self {
        self.join_timeout = timeout;
        self
    }

    /// Sets how long a server that [shuts down](crate::RpcServer::shutdown) goes on serving
    /// every call after it has told its cluster, so that callers choose others meanwhile
    /// instead of being refused. At most a quarter of the grace period is spent on it; zero
    /// tells nobody.
    ///
    /// Default: two gossip intervals, which is when a few dozen members know, and 100 ms:
    /// 500 ms with [`lan`](Self::lan). Raise it in large clusters, by a gossip interval for
    /// each factor of four.
    pub fn with_drain_notice(mut self, notice: Duration) -> Self {
        self.drain_notice = Some(notice);
        self
    }

    /// Sets the time between probes; every other time of detection follows from it.
    pub fn with_probe_interval(mut self, interval: Duration) -> Self {
        self.swim.probe_interval = interval;
        self
    }

    /// Sets the bounds of the time that a probe waits for its answer before others are
    /// asked; within them it follows the round trips that are measured.
    pub fn with_probe_timeout(mut self, least: Duration, most: Duration) -> Self {
        self.swim.probe_timeout_min = least;
        self.swim.probe_timeout_max = most;
        self
    }

    /// Sets how many other members are asked to probe who did not answer.
    pub fn with_indirect_probes(mut self, count: usize) -> Self {
        self.swim.indirect_probes = count;
        self
    }

    /// Sets how long a doubt lasts: `multiplier` probe intervals times the decimal
    /// logarithm of the cluster's size, where several members share it, and `max`
    /// times that where nobody confirms it.
    pub fn with_suspicion(mut self, multiplier: u32, max: u32) -> Self {
        self.swim.suspicion_multiplier = multiplier;
        self.swim.suspicion_max_multiplier = max;
        self
    }

    /// Sets the time between rounds of gossip while there is news.
    pub fn with_gossip_interval(mut self, interval: Duration) -> Self {
        self.swim.gossip_interval = interval;
        self
    }

    /// Sets how many members a round of gossip goes to.
    pub fn with_gossip_fanout(mut self, members: usize) -> Self {
        self.swim.gossip_fanout = members;
        self
    }

    /// Sets the time between full comparisons with another member.
    pub fn with_sync_interval(mut self, interval: Duration) -> Self {
        self.swim.sync_interval = interval;
        self
    }

    /// Fixes the number of voters, so that no two sides of a partition can both take
    /// themselves for the majority. Without it, the quorum view is a guess.
    pub fn with_quorum_size(mut self, voters: usize) -> Self {
        self.swim.quorum_size = Some(voters);
        self
    }

    /// Counts as voters only members with this tag. Default: all.
    pub fn with_quorum_tag(mut self, key: impl Into<String>) -> Self {
        self.swim.quorum_tag = Some(key.into());
        self
    }

    /// Calls `hook` when a partition is suspected and this side is not the majority.
    ///
    /// It runs on a thread that may block. Nothing else happens by itself: whether to
    /// drain, to refuse writes or to go on is the application's to decide.
    pub fn on_minority(mut self, hook: impl Fn(&QuorumView) + Send + Sync + 'static) -> Self {
        self.on_minority = Some(Arc::new(hook));
        self
    }

    /// Replaces all limits.
    pub fn with_limits(mut self, limits: ClusterLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Checks what can be checked without a file or a socket.
    pub(crate) fn validate(&self) -> Result<(), RpcError> {
        if let Err(error) = NodeName::new(&self.cluster) {
            return Err(RpcError::config(format!("cluster name: {error}")));
        }
        if let Some(Err(error)) = self.node_name.as_deref().map(NodeName::new) {
            return Err(RpcError::config(format!("ClusterConfig: {error}")));
        }
        self.initial_tags()?;
        let limits = &self.limits;
        for (name, value, least) in [
            ("members_max", limits.members_max, 2),
            ("links_max", limits.links_max, 4),
            ("dials_max", limits.dials_max, 1),
            ("queued_per_dial_max", limits.queued_per_dial_max, 1),
            ("events_max", limits.events_max, 1),
        ] {
            if value < least || value > LIMIT_CEILING {
                return Err(RpcError::config(format!(
                    "cluster limit `{name}` is {value}, it must lie between {least} and {LIMIT_CEILING}"
                )));
            }
        }
        Ok(())
    }

    /// How long a server goes on after it has said that it drains.
    pub(crate) fn drain_notice(&self) -> Duration {
        let rounds = self.swim.gossip_interval.saturating_mul(2);
        let default = rounds.saturating_add(DRAIN_NOTICE_MARGIN);
        self.drain_notice.unwrap_or(default)
    }

    /// The tags of the start.
    pub(crate) fn initial_tags(&self) -> Result<Tags, RpcError> {
        let mut tags = Tags::new();
        for (key, value) in &self.tags {
            tags.set(key, value).map_err(|error| {
                RpcError::config(format!("tag `{}`: {error}", key.escape_debug()))
            })?;
        }
        Ok(tags)
    }

    /// What the state machine goes by.
    pub(crate) fn swim_config(&self) -> SwimConfig {
        let mut swim = self.swim.clone();
        swim.cluster.clone_from(&self.cluster);
        swim.limits.members = self.limits.members_max;
        swim
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self::lan()
    }
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("cluster", &self.cluster)
            .field("node_name", &self.node_name)
            .field("advertised", &self.advertised)
            .field("tags", &self.tags)
            .field("policy", &self.policy)
            .field("swim", &self.swim)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

const DEFAULT_CLUSTER: &str = "rpcnet";

/// Time for news to travel and to be taken in, beyond the rounds of gossip that it waits for.
const DRAIN_NOTICE_MARGIN: Duration = Duration::from_millis(100);

/// Largest value of any count in [`ClusterLimits`].
const LIMIT_CEILING: usize = 1 << 20;
