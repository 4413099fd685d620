//! [`ClusterEvents`]: what happens from now on, in order.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::ReusableBoxFuture;

use super::event::ClusterEvent;

/// The events of a membership from the moment of
/// [`subscribe`](super::ClusterMembership::subscribe), in the order in which this node
/// learnt them. Ends after the last one, once the node has left or its membership is gone.
///
/// The view shows what an event tells by the time that the event arrives. A subscriber
/// that is slower than the cluster for more than
/// [`events_max`](super::ClusterLimits::events_max) events loses the oldest ones, and is
/// told how many: [`ClusterEvent::Lagged`].
pub struct ClusterEvents {
    next: ReusableBoxFuture<'static, Received>,
    lost: Arc<AtomicU64>,
    has_ended: bool,
}

type Received = (
    Result<ClusterEvent, RecvError>,
    broadcast::Receiver<ClusterEvent>,
);

impl ClusterEvents {
    pub(super) fn new(receiver: broadcast::Receiver<ClusterEvent>, lost: Arc<AtomicU64>) -> Self {
        Self {
            next: ReusableBoxFuture::new(receive(receiver)),
            lost,
            has_ended: false,
        }
    }

    /// The next event, or `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an event that was not returned is returned by the next call.
    pub async fn next(&mut self) -> Option<ClusterEvent> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

async fn receive(mut receiver: broadcast::Receiver<ClusterEvent>) -> Received {
    let received = receiver.recv().await;
    (received, receiver)
}

impl Stream for ClusterEvents {
    type Item = ClusterEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ClusterEvent>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let (received, receiver) = ready!(self.next.poll(cx));
        self.next.set(receive(receiver));
        Poll::Ready(match received {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => {
                self.lost.fetch_add(missed, Ordering::Relaxed);
                Some(ClusterEvent::Lagged { missed })
            }
            Err(RecvError::Closed) => {
                self.has_ended = true;
                None
            }
        })
    }
}

impl fmt::Debug for ClusterEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterEvents")
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuted(incarnation: u64) -> ClusterEvent {
        ClusterEvent::Refuted { incarnation }
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_nothing_is_lost_and_beyond_it_the_oldest_and_it_is_said() {
        for (sent, missed) in [(4_u64, 0_u64), (5, 1), (10, 6)] {
            let sender = broadcast::Sender::new(4);
            let lost = Arc::<AtomicU64>::default();
            let mut events = ClusterEvents::new(sender.subscribe(), Arc::clone(&lost));
            for incarnation in 0..sent {
                sender.send(refuted(incarnation)).expect("it is subscribed");
            }
            drop(sender);
            if missed > 0 {
                assert_eq!(events.next().await, Some(ClusterEvent::Lagged { missed }));
            }
            assert_eq!(lost.load(Ordering::Relaxed), missed);
            for incarnation in missed..sent {
                assert_eq!(events.next().await, Some(refuted(incarnation)));
            }
            assert_eq!(events.next().await, None);
            assert_eq!(events.next().await, None, "the end stays the end");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_wait_loses_no_event() {
        let sender = broadcast::Sender::new(4);
        let mut events = ClusterEvents::new(sender.subscribe(), Arc::default());
        let waited = tokio::time::timeout(std::time::Duration::from_secs(1), events.next());
        assert!(waited.await.is_err(), "there is none yet");
        sender.send(refuted(1)).expect("it is subscribed");
        assert_eq!(events.next().await, Some(refuted(1)));
    }
}
