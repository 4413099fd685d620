//! Graceful shutdown: what is announced to whom and when, and what is reported.
//!
//! A server whose node is a member of a cluster says there first that it drains, and goes
//! on serving until that has got about; it leaves last, and until then takes connections of
//! members. One without a cluster begins with the second step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::streams::StreamTaker;
use super::{RpcServer, Shared};

/// Time after the grace period for what goes on after it: the last frames of calls that
/// were cut, and a leave that had no time before.
pub(crate) const CUT_FLUSH: Duration = Duration::from_millis(500);

/// A longer grace period is this long: instants end somewhere.
const GRACE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One part of so many of the grace period, at most, is spent on serving after the cluster
/// was told.
const NOTICE_SHARE: u32 = 4;

/// How far the shutdown of a server is.
#[derive(Debug)]
pub(crate) struct Shutdown {
    has_begun: AtomicBool,
    /// Sent whenever it may have changed whether the server drains.
    pub(super) news: watch::Sender<()>,
    /// Set once calls are refused.
    pub(crate) drain: watch::Sender<Option<Drain>>,
    /// Cancelled once no connection is taken any more.
    pub(crate) door: CancellationToken,
    /// A connection is subscribed for as long as its calls may run.
    pub(crate) busy: watch::Sender<()>,
}

impl Shutdown {
    pub(crate) fn not_yet() -> Self {
        Self {
            has_begun: AtomicBool::new(false),
            news: watch::Sender::new(()),
            drain: watch::Sender::new(None),
            door: CancellationToken::new(),
            busy: watch::Sender::new(()),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.borrow().is_some()
    }

    /// Whether it has been asked for; calls may be served still.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }
}

/// A drain under way: when it ends, and what it has had to cut so far.
#[derive(Debug, Clone)]
pub(crate) struct Drain {
    pub(crate) deadline: Instant,
    /// Calls that were running when it began.
    pub(crate) running: usize,
    cut: Arc<AtomicUsize>,
}

impl Drain {
    fn new(deadline: Instant, running: usize) -> Self {
        Self {
            deadline,
            running,
            cut: Arc::default(),
        }
    }

    pub(crate) fn count_cut(&self, calls: usize) {
        self.cut.fetch_add(calls, Ordering::Relaxed);
    }

    fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Shuts down, for as long as anybody wants to wait for it and on.
    pub(super) async fn shut_down(self: &Arc<Self>, grace: Duration) -> ShutdownReport {
        let began = Instant::now();
        let running = self.shutdown.is_draining().then(|| self.places.taken());
        let grace = grace.min(GRACE_MAX);
        self.begin_shutdown(began + grace, grace);
        let mut drain = self.shutdown.drain.subscribe();
        // The sender lives in what we share; so does that of `serving`.
        let drain = drain.wait_for(Option::is_some).await;
        let drain = drain.ok().and_then(|drain| drain.clone());
        self.shutdown.door.cancelled().await;
        let mut serving = self.serving.subscribe();
        let _ = serving.wait_for(|serving| *serving == 0).await;
        let cut = drain.as_ref().map_or(0, Drain::cut);
        let running = running.or(drain.map(|drain| drain.running));
        ShutdownReport {
            completed: running.unwrap_or(0).saturating_sub(cut),
            cut,
            took: began.elapsed(),
        }
    }

    fn begin_shutdown(self: &Arc<Self>, deadline: Instant, grace: Duration) {
        if self.shutdown.has_begun.swap(true, Ordering::AcqRel) {
            return;
        }
        self.shutdown.news.send_replace(());
        let taken = self.taken().clone();
        let taker = taken.map(|taken| taken.taker);
        let Some(taker) = taker.filter(|taker| !taker.is_over()) else {
            self.begin_drain(deadline);
            return self.close_door();
        };
        let notice = taker.notice().min(grace / NOTICE_SHARE);
        if notice.is_zero() {
            self.begin_drain(deadline);
        }
        // A task, so that it goes on where nobody waits for the report.
        let winding = Winding {
            shared: self.clone(),
            deadline,
        };
        self.tasks.spawn(winding.down(taker, notice));
    }

    /// From here on calls are refused.
    fn begin_drain(&self, deadline: Instant) {
        self.shutdown.drain.send_if_modified(|drain| {
            let is_first = drain.is_none();
            drain.get_or_insert_with(|| Drain::new(deadline, self.places.taken()));
            is_first
        });
        self.shutdown.news.send_replace(());
    }

    /// From here on no connection is taken.
    fn close_door(&self) {
        self.admission.close();
        self.shutdown.door.cancel();
    }
}

impl RpcServer {
    /// Completes once calls are refused, or once the server is gone.
    pub(crate) fn refusing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut drain = self.shared.shutdown.drain.subscribe();
        async move {
            let _ = drain.wait_for(Option::is_some).await;
        }
    }

    /// Whether calls are refused.
    pub(crate) fn is_refusing(&self) -> bool {
        self.shared.is_draining()
    }
}

/// The steps of a shutdown that others have to be told of. Those that it did not come to
/// are taken when it is dropped.
struct Winding {
    shared: Arc<Shared>,
    deadline: Instant,
}

impl Winding {
    async fn down(self, taker: Arc<dyn StreamTaker>, notice: Duration) {
        if !notice.is_zero() {
            taker.announce(notice).await;
            self.shared.begin_drain(self.deadline);
        }
        let leave_by = self.deadline.checked_sub(taker.leave_time());
        let calls = self.shared.shutdown.busy.closed();
        // It leaves without its calls having ended, rather than be taken for failed.
        let _ = timeout_at(leave_by.unwrap_or_else(Instant::now), calls).await;
        let _ = timeout_at(self.deadline + CUT_FLUSH, taker.leave()).await;
    }
}

impl Drop for Winding {
    fn drop(&mut self) {
        self.shared.begin_drain(self.deadline);
        self.shared.close_door();
    }
}

/// What a shutdown came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Calls that were running when the server began to refuse others, and ended by
    /// themselves.
    pub completed: usize,
    /// Calls that were cut when the grace period was over.
    pub cut: usize,
    /// How long the shutdown took.
    pub took: Duration,
}

impl ShutdownReport {
    /// Returns true where no call was cut.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cut == 0
    }
}
