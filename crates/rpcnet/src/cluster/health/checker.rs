//! [`HealthChecker`]: the handle.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rpcnet_proto::phi::Monitor;

use super::config::HealthConfig;
use super::reach::Reach;
use super::watch::Watch;
use crate::cluster::NodeName;
use crate::cluster::member::Member;
use crate::cluster::membership::ClusterMembership;
use crate::task::Tasks;

/// Watches members by heartbeats, and says which of them are in reach of this node.
///
/// Every live member that passes the filter is asked for a sign of life in a fixed rhythm,
/// over the connection that the membership has with it. From the intervals between answers
/// follows [`phi`](Self::phi), how unlikely the present silence is. At
/// [`with_probe_threshold`](HealthConfig::with_probe_threshold) the membership is asked to
/// probe the member at once; at [`with_threshold`](HealthConfig::with_threshold) the member
/// is unreachable: [`ClusterEvent::NodeUnreachable`], and
/// [`ClusterEvent::NodeReachable`] when it is heard again. When a member was sent
/// anything and is not heard soon, a single byte is sent to its port; where the host says
/// that the port is closed, the process is gone, and the member is unreachable without
/// waiting for phi.
///
/// It is this node's impression, and for its own calls: nobody else hears of it, and
/// it changes nothing in the membership. A member that failed or left is not watched, and
/// one that comes back is watched from scratch; one that was started again while it was
/// unreachable stays so until it is heard. While this node itself does not run, nobody
/// becomes unreachable.
///
/// Where more members pass than [`with_edges_max`](HealthConfig::with_edges_max), those are
/// watched that follow this node on the ring of name hashes. All nodes of one configuration
/// together so watch every member, each from as many sides as it watches itself.
///
/// [`ClusterEvent::NodeUnreachable`]: crate::cluster::ClusterEvent::NodeUnreachable
/// [`ClusterEvent::NodeReachable`]: crate::cluster::ClusterEvent::NodeReachable
#[derive(Debug)]
pub struct HealthChecker {
    cluster: Arc<ClusterMembership>,
    config: HealthConfig,
    /// `None` while stopped.
    run: ArcSwapOption<Run>,
}

/// From one start to the next stop.
#[derive(Debug)]
struct Run {
    /// Ends with the run.
    tasks: Arc<Tasks>,
    reach: Arc<Reach>,
}

impl HealthChecker {
    /// Makes a checker, which does nothing until [`start`](Self::start).
    ///
    /// Values of the configuration that are out of range are brought into it, with a
    /// warning in the log.
    pub fn new(cluster: impl Into<Arc<ClusterMembership>>, config: HealthConfig) -> Self {
        if let Err(error) = config.validate() {
            tracing::warn!(error = %error, "health configuration brought into range");
        }
        Self {
            cluster: cluster.into(),
            config,
            run: ArcSwapOption::empty(),
        }
    }

    /// Begins to watch, and follows joins and leaves from now on, until
    /// [`stop`](Self::stop), until the checker is dropped or until this node has left. Does
    /// nothing where it was started already.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn start(&self) {
        let own = self.cluster.name().clone();
        let seed = RandomState::new().hash_one(own.as_str());
        let reach = Arc::new(Reach::new(Monitor::new(self.config.phi, own, seed)));
        let run = Arc::new(Run {
            tasks: Arc::new(Tasks::new()),
            reach: Arc::clone(&reach),
        });
        let before = self
            .run
            .compare_and_swap(&None::<Arc<Run>>, Some(Arc::clone(&run)));
        if before.is_some() {
            return;
        }
        self.cluster.observers().enter_reach(&run.reach);
        let filter = self.config.filter.clone();
        let watch = Watch::new(Arc::clone(&self.cluster), reach, filter);
        run.tasks.spawn_until_stopped(watch.run());
    }

    /// Stops watching and waits until it has stopped. From then on every member is
    /// reachable and none has a phi. It can be started again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it stops all the same, only nobody waits for it.
    pub async fn stop(&self) {
        if let Some(run) = self.run.swap(None) {
            run.tasks.stop();
            run.tasks.wait().await;
        }
    }

    /// How unlikely the present silence of a member is: the probability is 10 to the power
    /// of minus this. 0 up to a huge number, never infinite. `None` for who is not watched.
    ///
    /// Takes a lock for the length of a look-up; nobody waits while holding it.
    #[must_use]
    pub fn phi(&self, name: &str) -> Option<f64> {
        self.run.load().as_ref().and_then(|run| run.reach.phi(name))
    }

    /// Whether nothing speaks against calling the member: also true for who is not watched.
    /// Takes no lock.
    #[must_use]
    pub fn is_reachable(&self, name: &str) -> bool {
        let run = self.run.load();
        run.as_ref().is_none_or(|run| run.reach.is_reachable(name))
    }

    /// Who watches.
    #[cfg(any(feature = "metrics", feature = "prometheus"))]
    pub(crate) fn node(&self) -> &NodeName {
        self.cluster.name()
    }

    /// From which phi on a member is unreachable.
    pub(crate) fn threshold(&self) -> f64 {
        self.config.phi.checked().threshold
    }

    /// The members that are unreachable now, sorted by name.
    #[must_use]
    pub fn unreachable(&self) -> Vec<Member> {
        let run = self.run.load();
        run.as_ref()
            .map(|run| Vec::clone(&run.reach.unreachable()))
            .unwrap_or_default()
    }

    /// The names of the members that are watched now, sorted.
    #[must_use]
    pub fn watched(&self) -> Vec<NodeName> {
        let run = self.run.load();
        run.as_ref()
            .map(|run| run.reach.monitor().watched().cloned().collect())
            .unwrap_or_default()
    }
}

/// The task ends; nobody waits for it.
impl Drop for HealthChecker {
    fn drop(&mut self) {
        if let Some(run) = self.run.swap(None) {
            run.tasks.stop();
        }
    }
}
