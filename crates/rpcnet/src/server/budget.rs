//! Bytes that a connection may hold in each direction, counted in permits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Replies of up to this many bytes are not counted: with the calls of a connection
/// they are bounded already.
pub(crate) const UNCOUNTED_REPLY_BYTES_MAX: usize = 2 << 10;

/// Requests of more than this many bytes are counted while they are assembled.
pub(crate) const COUNTED_REQUEST_BYTES_MIN: usize = 64 << 10;

/// A number of bytes as a number of permits.
pub(crate) fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The reply bytes that wait for the peer of one connection.
#[derive(Debug)]
pub(crate) struct ReplyBudget {
    permits: Arc<Semaphore>,
    limit: usize,
}

/// A share of a [`ReplyBudget`], given back on drop.
pub(crate) type Share = OwnedSemaphorePermit;

impl ReplyBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            limit,
        }
    }

    /// Takes room for a reply that exists already, without waiting: waiting would
    /// hold its memory just the same.
    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        self.permits
            .clone()
            .try_acquire_many_owned(permits(bytes))
            .ok()
    }

    /// Waits for room. A message longer than the whole budget takes all of it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn wait(&self, bytes: usize) -> Option<Share> {
        let bytes = bytes.min(self.limit);
        // The budget is never closed.
        self.permits
            .clone()
            .acquire_many_owned(permits(bytes))
            .await
            .ok()
    }

    /// Bytes that wait now.
    pub(crate) fn queued(&self) -> usize {
        self.limit - self.permits.available_permits()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_fits_up_to_the_limit_and_not_beyond() {
        let budget = ReplyBudget::new(1000);
        let all = budget.take(1000);
        assert!(all.is_some());
        assert_eq!(budget.queued(), 1000);
        assert!(budget.take(1).is_none());
        drop(all);
        assert_eq!(budget.queued(), 0);
        assert!(budget.take(1001).is_none());
    }

    #[tokio::test]
    async fn a_message_beyond_the_whole_budget_takes_all_of_it() {
        let budget = ReplyBudget::new(1000);
        let share = budget.wait(5000).await;
        assert_eq!(budget.queued(), 1000);
        drop(share);
        assert_eq!(budget.queued(), 0);
    }
}
