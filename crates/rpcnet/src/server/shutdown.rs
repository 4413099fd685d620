//! Graceful shutdown: what is announced, and what is reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A drain under way: when it ends, and what it has had to cut so far.
#[derive(Debug, Clone)]
pub(crate) struct Drain {
    pub(crate) deadline: Instant,
    cut: Arc<AtomicUsize>,
}

impl Drain {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            cut: Arc::default(),
        }
    }

    pub(crate) fn count_cut(&self, calls: usize) {
        self.cut.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }
}

/// What a shutdown came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Calls that were running when the shutdown began and ended by themselves.
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
