//! [`Worker`]: a member that takes calls; [`SelectedWorker`]: one that was chosen for one.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcnet_proto::balance::Candidate;
use rpcnet_proto::swim::{NodeName, Tags, Time};

use super::state::{Grade, Place, Reach, WorkerState};
use crate::clock;
use crate::cluster::member::Member;
use crate::error::RpcError;
use crate::error::blame::Blame;

/// A worker as the registry saw it at one moment, and its counts as they are now.
///
/// Clones are cheap and share everything.
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

struct Inner {
    member: Member,
    state: Arc<WorkerState>,
    weight: u32,
    is_local: bool,
}

impl Worker {
    pub(super) fn new(member: Member, state: Arc<WorkerState>, zone: Option<&str>) -> Self {
        let weight = member
            .tag(WEIGHT_TAG)
            .and_then(|weight| weight.parse().ok());
        let weight = weight.unwrap_or(WEIGHT_DEFAULT).clamp(1, WEIGHT_MAX);
        let is_local = zone.is_some_and(|zone| member.tag(ZONE_TAG) == Some(zone));
        Self(Arc::new(Inner {
            member,
            state,
            weight,
            is_local,
        }))
    }

    /// Its node name, which is a DNS name of its certificate too.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        self.0.member.name()
    }

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.member.address()
    }

    /// Its tag `label`, which is there for people to read.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.0.member.label()
    }

    /// What it says that it offers.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        self.0.member.tags()
    }

    /// The value of one tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.0.member.tag(key)
    }

    /// The member that it is.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.0.member
    }

    /// Calls that this process has in flight on it, places held by
    /// [`SelectedWorker`]s included.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.state.in_flight() as usize
    }

    /// Calls of this process that have ended on it since it started, however they did.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.state.ended()
    }

    /// Those of them that failed in a way that speaks against the worker.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.state.failures()
    }

    /// Whether nothing speaks against its being in reach of this node.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.0.state.reach() == Reach::Reachable
    }

    /// Whether it is left out for a while because calls to it failed.
    #[must_use]
    pub fn is_ejected(&self) -> bool {
        self.0.state.grade() != Grade::Admitted
    }

    /// Whether it has said that it will take no more calls soon.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.member.is_draining()
    }

    /// Whether it is in the zone that the registry prefers.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0.is_local
    }

    /// How long calls to it take: a mean that counts peaks at once and forgets them within
    /// some ten seconds, or four where no call ends. `None` until one has succeeded.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        let state = &self.0.state;
        let latency = state.latency.latency_us(state.now())?;
        Duration::try_from_secs_f64(latency / 1e6).ok()
    }

    /// How busy it said it is with its latest reply, 0 idle to 1 full; it may exceed that.
    /// `None` where it has not said so lately.
    #[must_use]
    pub fn utilization(&self) -> Option<f32> {
        let state = &self.0.state;
        state.load.utilization(state.now())
    }

    pub(crate) fn state(&self) -> &Arc<WorkerState> {
        &self.0.state
    }

    /// Whether a choice may fall on it now. On probation it gets one call at a time, unless
    /// nobody is to be left out.
    pub(super) fn has_room(&self, most: u32, is_panicking: bool) -> bool {
        let state = &self.0.state;
        let is_probing = state.grade() == Grade::Probing && !is_panicking;
        state.in_flight() < if is_probing { 1 } else { most }
    }

    /// Whether others are to be preferred for the moment.
    pub(crate) fn is_spared(&self, now: Time) -> bool {
        let state = &self.0.state;
        state.is_stalled() || state.is_pushed_back(now)
    }
}

/// Name, label and address.
impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        if let Some(label) = self.label() {
            write!(f, " `{}`", label.escape_debug())?;
        }
        write!(f, " ({})", self.address())
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", self.name())
            .field("address", &self.address())
            .field("tags", self.tags())
            .field("in_flight", &self.in_flight())
            .field("is_reachable", &self.is_reachable())
            .field("is_ejected", &self.is_ejected())
            .finish_non_exhaustive()
    }
}

/// The same start of the same worker with the same tags at the same address.
impl PartialEq for Worker {
    fn eq(&self, other: &Self) -> bool {
        self.0.member == other.0.member
    }
}

impl Eq for Worker {}

impl Candidate for Worker {
    fn id(&self) -> u64 {
        self.0.state.id
    }

    fn in_flight(&self) -> u32 {
        self.0.state.in_flight()
    }

    fn weight(&self) -> u32 {
        self.0.weight
    }

    fn latency_us(&self, now: Time) -> f64 {
        // One that nobody knows is taken for one like the others: held for slow, it would
        // not be tried; held for quick, by all at once.
        let state = &self.0.state;
        state
            .latency
            .latency_us(now)
            .unwrap_or_else(|| state.typical_us())
    }

    fn utilization(&self, now: Time) -> Option<f32> {
        self.0.state.load.utilization(now)
    }
}

/// A worker that was chosen; it holds its place in the worker's count until dropped.
///
/// It is a [`Worker`] in all else. Who calls it by a connection of its own may say with
/// [`note`](Self::note) how the call ended, so that the next choice is better.
///
/// # Cancel safety
///
/// Dropping it gives the place back, wherever that happens.
#[derive(Debug)]
#[must_use = "dropping it gives its place back"]
pub struct SelectedWorker {
    worker: Worker,
    since: Instant,
    _place: Place,
}

impl SelectedWorker {
    pub(super) fn new(worker: Worker, place: Place) -> Self {
        Self {
            worker,
            since: clock::now(),
            _place: place,
        }
    }

    /// The worker, without its place.
    #[must_use]
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Says how a call to it ended, which took from the choice until now: its latency where
    /// it succeeded, a mark against the worker where its error speaks against it.
    pub fn note<T>(&self, result: &Result<T, RpcError>) {
        match result {
            Ok(_) => self.praise(),
            Err(error) => self.blame(error),
        }
    }

    /// A call to it succeeded.
    pub(crate) fn praise(&self) {
        let state = self.worker.state();
        let took = clock::now().saturating_duration_since(self.since);
        state.succeeded(state.now(), took);
    }

    /// A call to it failed, for whatever reason.
    pub(crate) fn blame(&self, error: &RpcError) {
        let state = self.worker.state();
        match error.blame() {
            Blame::Nobody => self.praise(),
            Blame::Worker => state.failed(state.now()),
            Blame::Load(pause) => state.push_back(state.now(), pause),
            Blame::Unknown => {}
        }
    }
}

/// As its worker's.
impl fmt::Display for SelectedWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.worker.fmt(f)
    }
}

impl Deref for SelectedWorker {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.worker
    }
}

/// The tag whose value is the zone.
const ZONE_TAG: &str = "zone";

/// The tag whose value is the weight, 1 to 1,000.
const WEIGHT_TAG: &str = "weight";
const WEIGHT_DEFAULT: u32 = 100;
const WEIGHT_MAX: u32 = 1_000;
