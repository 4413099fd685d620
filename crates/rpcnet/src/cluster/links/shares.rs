//! How much of the membership's queue each member fills.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rpcnet_proto::swim::NodeName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Messages of one member that wait for the membership. Beyond: its streams are read no
/// further, so that whoever floods waits for itself, and others hardly for it.
pub(super) const QUEUED_PER_MEMBER_MAX: usize = 16;

/// The places of each member that has a stream.
#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<HashMap<NodeName, Weak<Semaphore>>>);

/// A message's place in the queue, given back on drop.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Shares {
    /// Waits for a place of this member; they are given in the order in which they were
    /// asked for.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, no place is taken.
    pub(super) async fn enter(&self, name: &NodeName) -> Option<Place> {
        let places = self.of(name);
        places.acquire_owned().await.ok().map(Place)
    }

    fn of(&self, name: &NodeName) -> Arc<Semaphore> {
        let mut members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = members.get(name).and_then(Weak::upgrade) {
            return places;
        }
        // Those that nobody holds: at most as many names are left as there are streams.
        members.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(QUEUED_PER_MEMBER_MAX));
        members.insert(name.clone(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn name(name: &str) -> NodeName {
        NodeName::new(name).expect("the name is legal")
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_fills_its_share_and_nobody_elses() {
        let shares = Shares::default();
        let mut held = Vec::new();
        for _ in 0..QUEUED_PER_MEMBER_MAX {
            held.push(shares.enter(&name("a")).await);
        }
        let second = Duration::from_secs(1);
        assert!(timeout(second, shares.enter(&name("a"))).await.is_err());
        assert!(timeout(second, shares.enter(&name("b"))).await.is_ok());
        held.pop();
        assert!(timeout(second, shares.enter(&name("a"))).await.is_ok());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_members_that_wait_for_nothing() {
        let shares = Shares::default();
        for index in 0..1_000 {
            drop(shares.enter(&name(&format!("n{index}"))).await);
        }
        let kept = shares.0.lock().expect("nobody panicked").len();
        assert_eq!(kept, 1);
    }
}
