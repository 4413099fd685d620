//! [`Lines`]: one line for each worker, made ahead and kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use super::config::ClusterClientConfig;
use super::line::Line;
use crate::client::Endpoint;
use crate::cluster::workers::{Reach, Worker, WorkerShared};
use crate::config::RpcConfig;
use crate::error::{ConnectionError, ConnectionErrorKind, HandlerRan, RpcError};
use crate::metrics::{ClientFigures, TransportMetrics};
use crate::renewal::CertificateStatus;
use crate::task::Tasks;

/// The lines to all workers. Callers read them without a lock.
#[derive(Debug)]
pub(super) struct Lines {
    rpc: RpcConfig,
    figures: Arc<ClientFigures>,
    by_worker: ArcSwap<ByWorker>,
    /// Held while lines come and go, and never across a wait.
    writing: Mutex<()>,
    /// One socket for all; `None` until the files could be read.
    endpoint: ArcSwapOption<Endpoint>,
    /// A connection was lost.
    lost: Notify,
    is_closed: AtomicBool,
}

/// Where a worker's state lives tells one start of it from another: its line holds it.
type ByWorker = HashMap<usize, Arc<Line>>;

fn key(worker: &Worker) -> usize {
    Arc::as_ptr(worker.state()).addr()
}

impl Lines {
    pub(super) fn new(config: &ClusterClientConfig, figures: Arc<ClientFigures>) -> Self {
        Self {
            rpc: config.rpc.clone(),
            figures,
            by_worker: ArcSwap::default(),
            writing: Mutex::new(()),
            endpoint: ArcSwapOption::empty(),
            lost: Notify::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// The line to a worker, which is made where there is none yet.
    pub(super) fn line(&self, worker: &Worker) -> Result<Arc<Line>, RpcError> {
        if let Some(line) = self.by_worker.load().get(&key(worker)) {
            return Ok(Arc::clone(line));
        }
        let _guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_closed() {
            return Err(closed());
        }
        let lines = self.by_worker.load();
        if let Some(line) = lines.get(&key(worker)) {
            return Ok(Arc::clone(line));
        }
        let line = Arc::new(Line::new(
            worker,
            &self.endpoint()?,
            &self.rpc,
            &self.figures,
        ));
        let mut lines = ByWorker::clone(&lines);
        lines.insert(key(worker), Arc::clone(&line));
        self.by_worker.store(Arc::new(lines));
        Ok(line)
    }

    /// Whether a call to the worker can be sent without waiting for a connection.
    pub(super) fn is_connected(&self, worker: &Worker) -> bool {
        let lines = self.by_worker.load();
        lines
            .get(&key(worker))
            .is_some_and(|line| line.is_connected())
    }

    /// Whether a call to the worker can be sent without waiting for anything.
    pub(super) fn has_place(&self, worker: &Worker) -> bool {
        let lines = self.by_worker.load();
        lines.get(&key(worker)).is_some_and(|line| line.has_place())
    }

    /// How many connections are open, and how many calls wait to be sent on them.
    pub(super) fn standing(&self) -> (u64, u64) {
        let lines = self.by_worker.load();
        let open = lines.values().filter(|line| line.is_connected()).count();
        let queued: usize = lines.values().map(|line| line.client().queued()).sum();
        (open as u64, queued as u64)
    }

    /// What went over the socket, once there is one.
    pub(super) fn transport(&self) -> TransportMetrics {
        let endpoint = self.endpoint.load();
        let metrics = endpoint.as_ref().map(|endpoint| endpoint.dialer.metrics());
        metrics.unwrap_or_default()
    }

    /// A connection was lost: whoever keeps the lines makes it anew.
    pub(super) fn tell_lost(&self) {
        self.lost.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        let _guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_closed.store(true, Ordering::Release);
        for line in self.by_worker.load().values() {
            line.close();
        }
    }

    /// Follows the registry: a line for each worker, none for others.
    pub(super) async fn keep(self: Arc<Self>, registry: Arc<WorkerShared>) {
        let mut changes = registry.changes();
        let room = Arc::new(Semaphore::new(DIALS_MAX));
        let tasks = Tasks::new();
        loop {
            changes.borrow_and_update();
            let workers = registry.workers();
            self.renew(&workers);
            if self.is_closed() {
                return;
            }
            let is_complete = self.dial_missing(&workers, &room, &tasks);
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return;
                },
                () = self.lost.notified() => {}
                () = sleep(AGAIN_AFTER), if !is_complete => {}
                // Connections may be lost without a call that says so.
                () = sleep(LOOK_EVERY), if is_complete => {}
            }
        }
    }

    /// Takes over who is a worker now.
    fn renew(&self, workers: &[Worker]) {
        for line in self.by_worker.load().values() {
            if line.state().reach() == Reach::Gone && line.is_connected() {
                line.cut();
            }
        }
        let kept: HashMap<usize, &Worker> =
            workers.iter().map(|worker| (key(worker), worker)).collect();
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = self.by_worker.load();
        if lines.keys().any(|key| !kept.contains_key(key)) {
            let left = lines.iter().filter(|(key, _)| kept.contains_key(*key));
            let left = left.map(|(key, line)| (*key, Arc::clone(line))).collect();
            // A line that goes without being cut closes with the last call on it.
            self.by_worker.store(Arc::new(left));
        }
        drop(guard);
        for worker in workers {
            // What keeps a line from being made, the first call says.
            let _ = self.line(worker);
        }
    }

    /// Begins to connect to workers that may be called and that there is no connection to;
    /// returns whether there are none such.
    fn dial_missing(&self, workers: &[Worker], room: &Arc<Semaphore>, tasks: &Tasks) -> bool {
        let mut is_complete = true;
        let lines = self.by_worker.load();
        let wanted = workers
            .iter()
            .filter(|it| it.is_reachable() && !it.is_draining());
        for line in wanted.filter_map(|worker| lines.get(&key(worker))) {
            if line.is_connected() {
                continue;
            }
            is_complete = false;
            let Ok(place) = Arc::clone(room).try_acquire_owned() else {
                break;
            };
            let line = Arc::clone(line);
            tasks.spawn_until_stopped(async move {
                let _place = place;
                line.dial().await;
            });
        }
        is_complete
    }

    /// Reads the certificate files again, for connections to come.
    pub(super) fn reload(&self) -> Result<(), RpcError> {
        match self.endpoint.load_full() {
            Some(endpoint) => endpoint.reload(&self.rpc.tls_files()),
            None => {
                let _guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
                self.endpoint().map(drop)
            }
        }
    }

    /// What is in force, once the files could be read.
    pub(super) fn certificates(&self) -> Option<CertificateStatus> {
        let endpoint = self.endpoint.load();
        endpoint.as_ref().map(|endpoint| endpoint.certificates())
    }

    /// For whoever holds `writing`.
    fn endpoint(&self) -> Result<Arc<Endpoint>, RpcError> {
        if let Some(endpoint) = self.endpoint.load_full() {
            return Ok(endpoint);
        }
        let endpoint = Endpoint::new(&self.rpc)?;
        self.endpoint.store(Some(Arc::clone(&endpoint)));
        Ok(endpoint)
    }
}

pub(super) fn closed() -> RpcError {
    let kind = ConnectionErrorKind::ClientClosed;
    RpcError::ConnectionError(ConnectionError::new(kind, HandlerRan::No, None))
}

/// Connections that are being made at once. Beyond: they are made one after the other, or
/// by the first call.
const DIALS_MAX: usize = 16;

/// The pause before missing connections are tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How often it is looked whether connections are there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
