//! The one place that spawns: every task has an owner that can wait for it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
pub(crate) use tokio::runtime::Id as RuntimeId;
pub(crate) use tokio::runtime::RuntimeMetrics;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// What the current runtime says of its workers.
pub(crate) fn runtime_metrics() -> RuntimeMetrics {
    Handle::current().metrics()
}

/// The tasks of one connection, client or server, and the token that ends them.
///
/// Dropping the owner cancels the token; tasks select on it, or on something that
/// ends with it.
#[derive(Debug)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self::under(&CancellationToken::new())
    }

    /// Tasks that end when `parent` is cancelled, or earlier.
    pub(crate) fn under(parent: &CancellationToken) -> Self {
        Self {
            tracker: TaskTracker::new(),
            stop: parent.child_token(),
        }
    }

    /// Spawns a task that ends by itself, or soon after the token is cancelled.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(future);
    }

    /// Spawns a task that is dropped where it stands when the token is cancelled.
    pub(crate) fn spawn_until_stopped(&self, future: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stop.clone().cancelled_owned();
        self.tracker.spawn(UntilStopped { stopped, future });
    }

    /// Runs a function on a thread that may block. It cannot be stopped: whoever waits for
    /// these tasks waits for it.
    pub(crate) fn spawn_blocking(&self, function: impl FnOnce() + Send + 'static) {
        self.tracker.spawn_blocking(function);
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Cancels the token.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until no task is left.
    pub(crate) async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }

    pub(crate) fn len(&self) -> usize {
        self.tracker.len()
    }
}

pin_project_lite::pin_project! {
    /// A future, until it is stopped. Written by hand: what an `async` block is given it holds
    /// twice, and each connection has some of these for as long as it lives.
    struct UntilStopped<F> {
        #[pin]
        stopped: WaitForCancellationFutureOwned,
        #[pin]
        future: F,
    }
}

impl<F: Future<Output = ()>> Future for UntilStopped<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        match this.stopped.poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => this.future.poll(cx),
        }
    }
}

/// Starts what serves a socket. It has no owner: it ends by itself once the endpoint is dropped
/// and the last of its connections is closed, which may take longer than either's owner lives.
pub(crate) fn spawn_endpoint(future: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(future);
}

/// The runtime that this is called in, if any: tasks live and die with theirs.
pub(crate) fn runtime() -> Option<RuntimeId> {
    Handle::try_current().ok().map(|handle| handle.id())
}

/// Runs work that waits for the disk on a thread that may block, and waits for it.
///
/// Where the waiting is given up, the work still ends by itself. The error is that the runtime
/// shuts down, or that the work panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
