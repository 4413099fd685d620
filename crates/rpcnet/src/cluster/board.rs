//! [`Board`]: what a membership's driver shows to everybody else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::counters::DriverCounters;
use super::event::ClusterEvent;
use super::subscription::ClusterEvents;
use super::view::ClusterView;

/// What the driver shows: the view, the events, the counts, and whether it has ended.
#[derive(Debug)]
pub(crate) struct Board {
    view: ArcSwap<ClusterView>,
    /// The view's revision, for those who wait for the next one.
    revision: watch::Sender<u64>,
    /// `None` once the driver has ended.
    events: Mutex<Option<broadcast::Sender<ClusterEvent>>>,
    counters: Mutex<DriverCounters>,
    told: AtomicU64,
    lost: Arc<AtomicU64>,
    ended: CancellationToken,
}

impl Board {
    pub(super) fn new(view: ClusterView, events_max: usize) -> Self {
        Self {
            revision: watch::Sender::new(view.revision()),
            view: ArcSwap::from_pointee(view),
            events: Mutex::new(Some(broadcast::Sender::new(events_max))),
            counters: Mutex::default(),
            told: AtomicU64::new(0),
            lost: Arc::default(),
            ended: CancellationToken::new(),
        }
    }

    pub(super) fn view(&self) -> ClusterView {
        ClusterView::clone(&self.view.load())
    }

    pub(super) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(super) fn show(&self, view: ClusterView) {
        let revision = view.revision();
        self.view.store(Arc::new(view));
        self.revision.send_replace(revision);
    }

    /// Tells all subscribers; nobody need be there.
    pub(super) fn tell(&self, event: ClusterEvent) {
        self.told.fetch_add(1, Ordering::Relaxed);
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = &*events {
            let _ = events.send(event);
        }
    }

    pub(super) fn subscribe(&self) -> ClusterEvents {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = match &*events {
            Some(events) => events.subscribe(),
            // Its sender is gone at once: the end is all that is left to see.
            None => broadcast::Sender::new(1).subscribe(),
        };
        ClusterEvents::new(receiver, Arc::clone(&self.lost))
    }

    pub(super) fn count(&self, counters: DriverCounters) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    /// What the driver counted, the events told, and those lost to slow subscribers.
    pub(super) fn counted(&self) -> (DriverCounters, u64, u64) {
        let counters = *self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.told.load(Ordering::Relaxed);
        (counters, told, self.lost.load(Ordering::Relaxed))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Waits until the driver has ended.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The driver has ended: subscribers see the end of the events.
    pub(super) fn end(&self) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        *events = None;
        drop(events);
        self.ended.cancel();
    }
}
