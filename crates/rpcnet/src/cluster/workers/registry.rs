//! [`WorkerRegistry`]: the workers of a cluster, found and chosen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio::time::timeout;

use super::config::WorkerConfig;
use super::error::WorkerError;
use super::follow::Follow;
use super::pool::{Choice, Pool, Rules};
use super::select::{Tried, Wish};
use super::state::Stir;
use super::worker::{SelectedWorker, Worker};
use crate::cluster::health::HealthChecker;
use crate::cluster::membership::ClusterMembership;
use crate::task::Tasks;

/// The workers of a cluster: who they are, how they are, and which is called next.
///
/// A worker is a live member tagged `role=worker`, or what
/// [`WorkerConfig::with_filter`] says. From [`start`](Self::start) on the registry follows
/// the membership's events: joins, failures, restarts, changes of tags, draining, and whether
/// a worker is in reach, for which it watches their heartbeats itself. Choosing takes no
/// lock and copies no table.
///
/// Workers that are draining are left out, and so are, for a while, those that fail calls
/// ([`WorkerConfig::with_ejection`]). Workers out of reach are chosen by nobody but a
/// [`ClusterClient`](crate::cluster::ClusterClient) that still has a connection to them, and
/// only where there is no other.
///
/// # Examples
///
/// ```no_run
/// # async fn example(cluster: std::sync::Arc<rpcnet::cluster::ClusterMembership>)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use rpcnet::cluster::{LoadBalancingStrategy, WorkerRegistry};
///
/// let registry = WorkerRegistry::new(cluster, LoadBalancingStrategy::LeastConnections);
/// registry.start().await;
/// let worker = registry.select_worker(Some("role=worker")).await?;
/// println!("{worker} has {} calls in flight", worker.in_flight());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WorkerRegistry {
    shared: Arc<Shared>,
}

/// What the handle, the task and the clients of a registry share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) cluster: Arc<ClusterMembership>,
    pub(super) config: WorkerConfig,
    pub(super) pool: ArcSwap<Pool>,
    /// Held while the pool is replaced, and never across a wait.
    writing: Mutex<()>,
    /// The pool's revision, for those who wait for the next one.
    revision: watch::Sender<u64>,
    pub(super) stir: Arc<Stir>,
    /// `None` while stopped.
    run: ArcSwapOption<Run>,
}

/// From one start to the next stop.
#[derive(Debug)]
struct Run {
    tasks: Arc<Tasks>,
    health: Arc<HealthChecker>,
}

impl WorkerRegistry {
    /// A registry of the workers that this membership sees; it is empty until
    /// [`start`](Self::start).
    ///
    /// Values of the configuration that are out of range are brought into it, with a
    /// warning in the log.
    pub fn new(
        cluster: impl Into<Arc<ClusterMembership>>,
        config: impl Into<WorkerConfig>,
    ) -> Self {
        let config = config.into();
        if let Err(error) = config.validate() {
            tracing::warn!(error = %error, "worker configuration brought into range");
        }
        let config = config.in_range();
        let rules = Rules {
            strategy: config.strategy,
            worker_filter: config.filter.to_string().into(),
            ejection: config.ejection,
        };
        let shared = Shared {
            cluster: cluster.into(),
            config,
            pool: ArcSwap::from_pointee(Pool::empty(rules)),
            writing: Mutex::new(()),
            revision: watch::Sender::new(0),
            stir: Arc::new(Stir::new()),
            run: ArcSwapOption::empty(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Begins to follow the cluster; knows the workers of the present view when it
    /// returns. Goes on until [`stop`](Self::stop), until the registry is dropped or until
    /// this node has left. Does nothing where it was started already.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, the registry is started or not.
    pub async fn start(&self) {
        let shared = &self.shared;
        let filter = shared.config.filter.clone();
        let health = shared.config.health.clone().with_filter(filter);
        let health = Arc::new(HealthChecker::new(Arc::clone(&shared.cluster), health));
        let tasks = Arc::new(Tasks::new());
        let run = Arc::new(Run {
            tasks: Arc::clone(&tasks),
            health: Arc::clone(&health),
        });
        let before = shared
            .run
            .compare_and_swap(&None::<Arc<Run>>, Some(Arc::clone(&run)));
        if before.is_some() {
            return;
        }
        shared.cluster.observers().enter_registry(shared);
        health.start().await;
        let follow = Follow::new(Arc::clone(shared), health);
        tasks.spawn_until_stopped(follow.run());
    }

    /// Stops following and waits until it has stopped. Nobody can be selected from then on;
    /// calls in flight go on. It can be started again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it stops all the same, only nobody waits for it.
    pub async fn stop(&self) {
        if let Some(run) = self.shared.run.swap(None) {
            run.tasks.stop();
            run.tasks.wait().await;
            run.health.stop().await;
        }
    }

    /// Chooses a worker that passes the filter, `None` for any worker; fails at once where
    /// there is none.
    ///
    /// # Errors
    ///
    /// [`WorkerError`] says which filter matched nobody, and what is there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn select_worker(&self, filter: Option<&str>) -> Result<SelectedWorker, WorkerError> {
        self.shared.pick(&plain_wish(filter))
    }

    /// As [`select_worker`](Self::select_worker), but waits so long for a worker to come, to
    /// come back into reach, or to have room.
    ///
    /// # Errors
    ///
    /// [`WorkerError::TimedOut`] with the reason that there was none at the end; at once where
    /// the filter is none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nobody was chosen.
    pub async fn select_worker_within(
        &self,
        filter: Option<&str>,
        within: Duration,
    ) -> Result<SelectedWorker, WorkerError> {
        let waited = timeout(within, self.selected(filter)).await;
        waited.unwrap_or_else(|_| match self.shared.pick(&plain_wish(filter)) {
            Ok(selected) => Ok(selected),
            Err(last) => Err(WorkerError::TimedOut {
                waited: within,
                last: Box::new(last),
            }),
        })
    }

    async fn selected(&self, filter: Option<&str>) -> Result<SelectedWorker, WorkerError> {
        let mut changes = self.shared.changes();
        let Some(waiting) = self.shared.stir.wait(SELECTIONS_WAITING_MAX) else {
            return Err(WorkerError::TooManyWaiting {
                waiting_max: SELECTIONS_WAITING_MAX,
            });
        };
        loop {
            changes.borrow_and_update();
            match self.shared.pick(&plain_wish(filter)) {
                Err(WorkerError::NoWorker(_) | WorkerError::AllBusy { .. }) => {}
                other => return other,
            }
            tokio::select! {
                // Its sender lives as long as this registry.
                _ = changes.changed() => {}
                () = waiting.room() => {}
            }
        }
    }

    /// How many workers there are now, those included that cannot be called at the moment.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it does not wait.
    pub async fn worker_count(&self) -> usize {
        self.shared.pool.load().workers.len()
    }

    /// The workers that there are now, sorted by name.
    #[must_use]
    pub fn workers(&self) -> Vec<Worker> {
        self.shared.pool.load().workers.to_vec()
    }

    /// Waits until the workers meet a condition, which is tried on the present ones first
    /// and then whenever something about them has changed. Counts that calls change, such as
    /// those in flight, do not wake it. Without end where that never comes: put a timeout
    /// around it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_until(&self, mut condition: impl FnMut(&[Worker]) -> bool) -> Vec<Worker> {
        let mut changes = self.shared.changes();
        loop {
            changes.borrow_and_update();
            let workers = self.workers();
            if condition(&workers) {
                return workers;
            }
            // Its sender lives as long as this handle.
            let _ = changes.changed().await;
        }
    }

    /// The membership behind it.
    #[must_use]
    pub fn cluster(&self) -> &Arc<ClusterMembership> {
        &self.shared.cluster
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for WorkerRegistry {
    fn drop(&mut self) {
        if let Some(run) = self.shared.run.swap(None) {
            run.tasks.stop();
        }
    }
}

fn plain_wish(filter: Option<&str>) -> Wish<'_> {
    static NOBODY: Tried = Tried::NOBODY;
    Wish {
        filter,
        key: None,
        tried: &NOBODY,
        is_near: &|_| true,
        takes_silent: false,
    }
}

impl Shared {
    pub(super) fn is_started(&self) -> bool {
        self.run.load().is_some()
    }

    /// How unlikely the present silence of a worker is; `None` where it is not watched.
    pub(crate) fn phi(&self, name: &str) -> Option<f64> {
        self.run.load().as_ref()?.health.phi(name)
    }

    /// The workers of this moment.
    pub(crate) fn workers(&self) -> Arc<[Worker]> {
        Arc::clone(&self.pool.load().workers)
    }

    /// The workers of this moment that pass a filter and can be called.
    pub(crate) fn ready(&self, filter: Option<&str>) -> Result<Vec<Worker>, WorkerError> {
        if !self.is_started() {
            return Err(WorkerError::NotStarted);
        }
        let pool = self.pool.load();
        let choice = match pool.choice(filter) {
            Some(choice) => Arc::clone(choice),
            None => self.learn(filter.unwrap_or_default())?,
        };
        if choice.ready.workers().is_empty() {
            return Err(pool.absent(&choice));
        }
        Ok(choice.ready.workers().to_vec())
    }

    /// Takes a place with this worker and no other.
    pub(crate) fn enter(&self, worker: &Worker) -> Result<SelectedWorker, WorkerError> {
        let most = self.config.in_flight_max;
        match worker.state().enter(most) {
            Some(place) => Ok(SelectedWorker::new(worker.clone(), place)),
            None => Err(WorkerError::AllBusy {
                workers: 1,
                in_flight_max: most as usize,
            }),
        }
    }

    /// Revisions of the pool.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(crate) const fn stir(&self) -> &Arc<Stir> {
        &self.stir
    }

    /// Replaces the pool; callers see it from now on.
    pub(super) fn show(&self, workers: Arc<[Worker]>, members: usize) {
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.pool.load().succeed(workers, members);
        let revision = next.revision;
        self.pool.store(Arc::new(next));
        drop(guard);
        self.revision.send_replace(revision);
    }

    /// Makes the choice of a filter that was not used before, and keeps it.
    pub(super) fn learn(&self, filter: &str) -> Result<Arc<Choice>, WorkerError> {
        let _guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = self.pool.load();
        if let Some(choice) = pool.choice(Some(filter)) {
            return Ok(Arc::clone(choice));
        }
        let choice = pool.choose(filter)?;
        if let Some(next) = pool.with_choice(filter, Arc::clone(&choice)) {
            self.pool.store(Arc::new(next));
        }
        Ok(choice)
    }
}

/// Selections that wait at once; beyond: they fail.
const SELECTIONS_WAITING_MAX: usize = 1_024;
