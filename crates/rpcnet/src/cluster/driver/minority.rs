//! The application's hook for a partition in which this side is not the majority.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpcnet_proto::swim::QuorumView;

use crate::cluster::config::OnMinority;
use crate::task::Tasks;

/// Calls the hook, once at a time.
pub(super) struct Minority {
    hook: Option<OnMinority>,
    is_running: Arc<AtomicBool>,
}

impl Minority {
    pub(super) fn new(hook: Option<OnMinority>) -> Self {
        Self {
            hook,
            is_running: Arc::default(),
        }
    }

    /// Calls the hook on a thread that may block. One that has not returned since the last
    /// partition is not called again; a panic ends that call alone.
    pub(super) fn call(&self, tasks: &Tasks, quorum: QuorumView) {
        let Some(hook) = self.hook.clone() else {
            return;
        };
        if self.is_running.swap(true, Ordering::AcqRel) {
            tracing::warn!("minority hook still runs, not called again");
            return;
        }
        let running = Running(Arc::clone(&self.is_running));
        tasks.spawn_blocking(move || {
            let _running = running;
            if catch_unwind(AssertUnwindSafe(|| hook(&quorum))).is_err() {
                tracing::error!("minority hook panicked");
            }
        });
    }
}

impl fmt::Debug for Minority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minority")
            .field("has_hook", &self.hook.is_some())
            .field("is_running", &self.is_running)
            .finish()
    }
}

/// The hook runs until this is dropped.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::swim::Side;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    fn quorum(reachable: usize) -> QuorumView {
        let name = rpcnet_proto::swim::NodeName::new("me").expect("it is legal");
        let identity = rpcnet_proto::swim::Identity::new(name, 1, ([127, 0, 0, 1], 1).into());
        let config = rpcnet_proto::swim::Config::lan();
        let swim = rpcnet_proto::swim::Swim::new(Default::default(), identity, config, 1);
        let mut view = swim.quorum();
        view.reachable = reachable;
        view.side = Side::of(reachable, 5);
        view
    }

    /// A hook that says what it was called with, and waits to be let go.
    fn hook() -> (Minority, Receiver<usize>, SyncSender<bool>) {
        let (say, said) = sync_channel(8);
        let (go, gone) = sync_channel::<bool>(8);
        let gone = Mutex::new(gone);
        let minority = Minority::new(Some(Arc::new(move |view: &QuorumView| {
            say.send(view.reachable).expect("the test listens");
            let panics = gone.lock().expect("one call at a time").recv();
            assert!(!panics.expect("the test lets go"), "as it was told to");
        })));
        (minority, said, go)
    }

    #[tokio::test]
    async fn a_hook_that_has_not_returned_is_not_called_again() {
        let (minority, said, go) = hook();
        let tasks = Tasks::new();
        minority.call(&tasks, quorum(2));
        assert_eq!(said.recv(), Ok(2));
        minority.call(&tasks, quorum(1));
        go.send(false).expect("the hook waits");
        tasks.wait().await;
        minority.call(&tasks, quorum(0));
        assert_eq!(said.recv(), Ok(0), "the second call was left out");
        go.send(false).expect("the hook waits");
        tasks.wait().await;
    }

    #[tokio::test]
    async fn a_panic_in_the_hook_ends_that_call_alone() {
        let calls = Arc::new(AtomicBool::new(false));
        let called = Arc::clone(&calls);
        let minority = Minority::new(Some(Arc::new(move |_: &QuorumView| {
            assert!(called.swap(true, Ordering::AcqRel), "the first call panics");
        })));
        let tasks = Tasks::new();
        for _ in 0..2 {
            minority.call(&tasks, quorum(1));
            tasks.wait().await;
            assert!(!minority.is_running.load(Ordering::Acquire));
        }
    }
}
