//! [`Observers`]: who else in this process looks at the members, for whoever wants to see
//! what they see.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::health::Reach;
use super::workers::{Worker, WorkerShared as Registry};

/// The checkers and the registries of a membership; those that are gone count for nothing.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    reaches: Mutex<Vec<Weak<Reach>>>,
    registries: Mutex<Vec<Weak<Registry>>>,
}

/// Observers of each kind that are remembered; what more of them see is not shown.
const OBSERVERS_MAX: usize = 16;

impl Observers {
    /// A checker has begun to watch.
    pub(crate) fn enter_reach(&self, reach: &Arc<Reach>) {
        enter(&self.reaches, reach);
    }

    /// A registry has begun to follow.
    pub(crate) fn enter_registry(&self, registry: &Arc<Registry>) {
        enter(&self.registries, registry);
    }

    pub(crate) fn reaches(&self) -> Vec<Arc<Reach>> {
        present(&self.reaches)
    }

    /// The workers of the first registry that has any.
    pub(crate) fn workers(&self) -> Arc<[Worker]> {
        let registries = present(&self.registries);
        let mut workers = registries.iter().map(|registry| registry.workers());
        workers
            .find(|workers| !workers.is_empty())
            .unwrap_or_else(|| Arc::new([]))
    }
}

fn enter<T>(all: &Mutex<Vec<Weak<T>>>, one: &Arc<T>) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let one = Arc::downgrade(one);
    all.retain(|other| other.strong_count() > 0 && !other.ptr_eq(&one));
    if all.len() < OBSERVERS_MAX {
        all.push(one);
    }
}

fn present<T>(all: &Mutex<Vec<Weak<T>>>) -> Vec<Arc<T>> {
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().filter_map(Weak::upgrade).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observers_that_are_gone_make_room_and_nobody_is_entered_twice() {
        let all = Mutex::default();
        let mut held: Vec<Arc<usize>> = (0..OBSERVERS_MAX).map(Arc::new).collect();
        held.iter().for_each(|one| enter(&all, one));
        enter(&all, &held[0]);
        assert_eq!(present(&all).len(), OBSERVERS_MAX);
        let beyond = Arc::new(OBSERVERS_MAX);
        enter(&all, &beyond);
        assert!(!present(&all).contains(&beyond));
        held.pop();
        enter(&all, &beyond);
        assert!(present(&all).contains(&beyond));
    }
}
