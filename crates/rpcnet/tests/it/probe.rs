//! What becomes of handlers and request streams, for tests to wait for.

use std::sync::Arc;

use tokio::sync::watch;

use crate::pair::soon;

/// Counts what happened in the handlers that share it.
#[derive(Debug, Clone)]
pub(crate) struct Probe(Arc<watch::Sender<Seen>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Handlers that were entered.
    pub(crate) started: usize,
    /// Handlers that ran to their end.
    pub(crate) finished: usize,
    /// Handlers that were dropped before it.
    pub(crate) dropped: usize,
    /// Items that a stream took or gave.
    pub(crate) items: usize,
    /// Streams of which the handler saw the end.
    pub(crate) ends: usize,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Seen::default())))
    }

    /// Counts a handler in; the guard tells how it ended.
    pub(crate) fn enter(&self) -> Stay {
        self.0.send_modify(|seen| seen.started += 1);
        Stay {
            probe: self.clone(),
            is_finished: false,
        }
    }

    pub(crate) fn item(&self) {
        self.0.send_modify(|seen| seen.items += 1);
    }

    pub(crate) fn end(&self) {
        self.0.send_modify(|seen| seen.ends += 1);
    }

    pub(crate) fn seen(&self) -> Seen {
        *self.0.borrow()
    }

    /// Waits until enough has happened.
    pub(crate) async fn until(&self, enough: impl FnMut(&Seen) -> bool) -> Seen {
        let mut changes = self.0.subscribe();
        let reached = soon("the handlers", changes.wait_for(enough)).await;
        *reached.expect("the sender lives in what we share")
    }

    pub(crate) async fn started(&self, count: usize) {
        self.until(|seen| seen.started >= count).await;
    }

    pub(crate) async fn dropped(&self, count: usize) {
        self.until(|seen| seen.dropped >= count).await;
    }
}

/// A handler that is running.
#[derive(Debug)]
pub(crate) struct Stay {
    probe: Probe,
    is_finished: bool,
}

impl Stay {
    pub(crate) fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.probe.0.send_modify(|seen| match self.is_finished {
            true => seen.finished += 1,
            false => seen.dropped += 1,
        });
    }
}
