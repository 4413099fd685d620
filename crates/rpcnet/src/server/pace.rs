//! Whether a handler is quick enough to run where its call was accepted.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

/// A handler that holds the thread for longer than this at once has a task of its own.
const SLOW: Duration = Duration::from_micros(200);

/// Polls in a row that were not slow, after which a handler counts as quick.
const QUICK_AFTER: u32 = 64;

/// What is known of how long a handler holds the thread.
///
/// A task per call costs more than a quick handler does. So a handler that has proved
/// quick is polled once by the task that accepts its calls, and moves to a task of its
/// own where it has to wait. One that has not, or that was slow once, gets its own task
/// from the start: a handler that computes for long never holds up its neighbours, but
/// for the one time in which it shows that it has changed.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    quick_polls: AtomicU32,
}

impl Pace {
    /// Returns true where the handler has proved quick.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick_polls.load(Ordering::Relaxed) >= QUICK_AFTER
    }

    /// Takes note of how long the handler held the thread.
    pub(crate) fn note(&self, held: Duration) {
        if held > SLOW {
            self.quick_polls.store(0, Ordering::Relaxed);
        } else if !self.is_quick() {
            // Two threads may count at once; one poll more or less is no matter.
            self.quick_polls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Lets the accepting task go on: the call is polled next by a task of its own.
pub(crate) async fn own_task() {
    let mut is_there = false;
    poll_fn(|cx| {
        if is_there {
            return Poll::Ready(());
        }
        is_there = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_quick_only_after_it_has_shown_so() {
        let pace = Pace::default();
        assert!(!pace.is_quick());
        (0..QUICK_AFTER).for_each(|_| pace.note(SLOW));
        assert!(pace.is_quick());
    }

    #[test]
    fn one_slow_poll_costs_a_handler_its_standing() {
        let pace = Pace::default();
        (0..2 * QUICK_AFTER).for_each(|_| pace.note(Duration::ZERO));
        pace.note(SLOW + Duration::from_nanos(1));
        assert!(!pace.is_quick());
        (1..QUICK_AFTER).for_each(|_| pace.note(Duration::ZERO));
        assert!(!pace.is_quick());
    }
}
