//! [`Reach`]: what one run of a checker knows, for whoever asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use rpcnet_proto::phi::Monitor;
use rpcnet_proto::swim::{NodeName, Time};

use crate::clock;
use crate::cluster::member::Member;

/// What the task of a checker knows. It writes, everybody else reads.
#[derive(Debug)]
pub(crate) struct Reach {
    /// Locked for one look or one change at a time, and never across a wait.
    monitor: Mutex<Monitor>,
    /// Sorted by name.
    unreachable: ArcSwap<Vec<Member>>,
    origin: Instant,
}

impl Reach {
    pub(super) fn new(monitor: Monitor) -> Self {
        Self {
            monitor: Mutex::new(monitor),
            unreachable: ArcSwap::default(),
            origin: clock::now(),
        }
    }

    pub(super) fn now(&self) -> Time {
        let micros = clock::now().duration_since(self.origin).as_micros();
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// `None` for a time that never comes.
    pub(super) fn instant(&self, at: Time) -> Option<Instant> {
        let since = Duration::from_micros(at.as_micros());
        self.origin.checked_add(since)
    }

    pub(super) fn monitor(&self) -> MutexGuard<'_, Monitor> {
        self.monitor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn phi(&self, name: &str) -> Option<f64> {
        let name = NodeName::new(name).ok()?;
        let now = self.now();
        self.monitor().detector(&name).map(|phi| phi.phi(now))
    }

    /// Takes no lock.
    pub(crate) fn is_reachable(&self, name: &str) -> bool {
        position(&self.unreachable.load(), name).is_err()
    }

    pub(super) fn unreachable(&self) -> Arc<Vec<Member>> {
        self.unreachable.load_full()
    }

    pub(super) fn add(&self, member: &Member) {
        let mut all = Vec::clone(&self.unreachable.load());
        match position(&all, member.name().as_str()) {
            Ok(at) => all.splice(at..=at, [member.clone()]).for_each(drop),
            Err(at) => all.insert(at, member.clone()),
        }
        self.unreachable.store(Arc::new(all));
    }

    pub(super) fn remove(&self, name: &NodeName) {
        let mut all = Vec::clone(&self.unreachable.load());
        all.retain(|member| member.name() != name);
        self.unreachable.store(Arc::new(all));
    }

    /// Takes over which members are unreachable: those of the monitor, as `look_up` has
    /// them now.
    pub(super) fn renew(&self, look_up: impl Fn(&NodeName) -> Option<Member>) {
        let names: Vec<NodeName> = self.monitor().unreachable().cloned().collect();
        let members = names.iter().filter_map(look_up).collect();
        self.unreachable.store(Arc::new(members));
    }
}

fn position(sorted: &[Member], name: &str) -> Result<usize, usize> {
    sorted.binary_search_by(|member| member.name().as_str().cmp(name))
}
