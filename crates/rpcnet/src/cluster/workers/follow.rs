//! [`Follow`]: the task of a registry, the one writer of its pool.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::Stream;
use rpcnet_proto::balance::{Ejector, Standing, hash};
use rpcnet_proto::swim::{MemberState, NodeName};
use tokio::time::sleep_until;

use super::registry::Shared;
use super::state::{Grade, Reach, WorkerState};
use super::worker::Worker;
use crate::clock;
use crate::cluster::event::ClusterEvent;
use crate::cluster::health::HealthChecker;
use crate::cluster::member::Member;
use crate::cluster::subscription::ClusterEvents;
use crate::cluster::view::ClusterView;

/// Turns events, verdicts on outcomes and the silence of calls into pools.
pub(super) struct Follow {
    shared: Arc<Shared>,
    health: Arc<HealthChecker>,
    ejector: Ejector,
    /// By name: one start of each worker at a time.
    known: HashMap<NodeName, Known>,
    /// When calls in flight are looked at next; `None` while there are none.
    watch_at: Option<Instant>,
}

/// One start of a worker.
struct Known {
    epoch: u64,
    address: SocketAddr,
    state: Arc<WorkerState>,
    stall: Stall,
}

/// How long the calls of a worker have stood still.
#[derive(Default)]
struct Stall {
    ended: u64,
    /// Ticks since a call ended.
    ticks: u32,
    /// The tick at which somebody asks after it next.
    ask_at: u32,
    /// What calls took when the last one ended, in microseconds. Later the estimate fades.
    usual_us: Option<f64>,
}

impl Follow {
    pub(super) fn new(shared: Arc<Shared>, health: Arc<HealthChecker>) -> Self {
        let ejector = Ejector::new(shared.config.ejection);
        let mut follow = Self {
            shared,
            health,
            ejector,
            known: HashMap::new(),
            watch_at: Some(clock::now()),
        };
        follow.look();
        follow
    }

    /// Runs until the membership ends.
    pub(super) async fn run(mut self) {
        let mut events = self.shared.cluster.subscribe();
        // What happened before the subscription is in the view.
        self.look();
        let stir = Arc::clone(&self.shared.stir);
        loop {
            let next = self.next();
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else {
                        break;
                    };
                    self.on_events(event, &mut events);
                }
                () = stir.looked() => self.review(),
                () = stir.begun() => self.watch_at = Some(clock::now() + TICK),
                () = sleep_until(next.into()) => self.on_time(),
            }
        }
        self.known.clear();
        self.shared.show(Arc::new([]), 0);
    }

    fn next(&self) -> Instant {
        let due = self.ejector.poll_timeout();
        let due = due.and_then(|at| self.shared.stir.instant(at));
        let idle = clock::now() + IDLE;
        [due, self.watch_at]
            .into_iter()
            .flatten()
            .fold(idle, Instant::min)
    }

    fn on_time(&mut self) {
        let now = clock::now();
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch(now);
        }
        let due = self.ejector.poll_timeout();
        if due.is_some_and(|at| at <= self.shared.stir.now()) {
            self.review();
        }
    }

    /// Takes in an event and those that came along with it; one look is enough for all.
    fn on_events(&mut self, first: ClusterEvent, events: &mut ClusterEvents) {
        let mut event = Some(first);
        while let Some(now) = event.take() {
            self.on_event(&now);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            if let std::task::Poll::Ready(next) =
                Stream::poll_next(std::pin::Pin::new(&mut *events), &mut context)
            {
                event = next;
            }
        }
        self.look();
    }

    fn on_event(&self, event: &ClusterEvent) {
        match event {
            // With so little doubt it was the host that said that nobody has the port.
            ClusterEvent::NodeUnreachable { member, phi } => {
                let is_refused = *phi < self.health.threshold();
                let reach = if is_refused {
                    Reach::Gone
                } else {
                    Reach::Silent
                };
                self.set_reach(member, reach);
            }
            ClusterEvent::NodeReachable(member) => self.set_reach(member, Reach::Reachable),
            ClusterEvent::Lagged { .. } => self.catch_up(),
            _ => {}
        }
    }

    fn set_reach(&self, member: &Member, reach: Reach) {
        let known = self.known.get(member.name());
        if let Some(known) = known.filter(|known| known.epoch == member.epoch()) {
            known.state.set_reach(reach);
        }
    }

    /// Takes over who is in reach, after events were missed.
    fn catch_up(&self) {
        for (name, known) in &self.known {
            match (self.health.is_reachable(name.as_str()), known.state.reach()) {
                (true, Reach::Silent | Reach::Gone) => known.state.set_reach(Reach::Reachable),
                (false, Reach::Reachable) => known.state.set_reach(Reach::Silent),
                _ => {}
            }
        }
    }

    /// Takes over who is a worker now.
    fn look(&mut self) {
        let view = self.shared.cluster.view();
        let members = view.live().count();
        let now = self.workers(&view);
        self.forget_others(&view, &now);
        let mut workers = Vec::with_capacity(now.len());
        for member in now {
            let state = self.state(&member);
            let zone = self.shared.config.zone.as_deref();
            workers.push(Worker::new(member, state, zone));
        }
        self.shared.show(workers.into(), members);
        self.review();
    }

    /// The members that are workers now, sorted by name.
    fn workers(&self, view: &ClusterView) -> Vec<Member> {
        let config = &self.shared.config;
        let mut workers: Vec<Member> = view.matching(&config.filter).cloned().collect();
        if workers.len() > config.workers_max {
            let own = self.shared.cluster.name().as_str();
            let rank = |member: &Member| hash([own, member.name().as_str()].concat());
            workers.sort_by_cached_key(|member| std::cmp::Reverse(rank(member)));
            workers.truncate(config.workers_max);
            workers.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        }
        workers
    }

    /// The state of this start of a worker at this address.
    fn state(&mut self, member: &Member) -> Arc<WorkerState> {
        let (epoch, address) = (member.epoch(), member.address());
        let known = self.known.get(member.name());
        if let Some(known) = known.filter(|it| it.epoch == epoch && it.address == address) {
            return Arc::clone(&known.state);
        }
        let id = hash(member.name().as_str());
        let state = Arc::new(WorkerState::new(
            id,
            self.shared.config.ejection,
            Arc::clone(&self.shared.stir),
        ));
        let is_reachable = self.health.is_reachable(member.name().as_str());
        if !is_reachable && known.is_none() {
            state.set_reach(Reach::Silent);
        }
        let known = Known {
            epoch,
            address,
            state: Arc::clone(&state),
            stall: Stall::default(),
        };
        if let Some(before) = self.known.insert(member.name().clone(), known) {
            // Another start of it is there, so that one has ended; or it has moved, and
            // what was sent to the old address may still be answered.
            if before.epoch != epoch {
                before.state.set_reach(Reach::Gone);
            }
        }
        state
    }

    /// Lets go of who is no worker any more.
    fn forget_others(&mut self, view: &ClusterView, now: &[Member]) {
        self.known.retain(|name, known| {
            let stays = now
                .binary_search_by(|member| member.name().cmp(name))
                .is_ok();
            // Who has left, or is a worker no more, goes on with what it has.
            let member = view.get(name.as_str());
            if !stays && member.is_none_or(|it| it.state() == MemberState::Failed) {
                known.state.set_reach(Reach::Gone);
            }
            stays
        });
    }

    /// Has the ejector look at how calls ended.
    fn review(&mut self) {
        let now = self.shared.stir.now();
        let states = self.known.values().map(|known| &known.state);
        let outcomes = states.map(|state| (state.id, &state.outcomes));
        if !self.ejector.review(now, outcomes) {
            return;
        }
        for (name, known) in &self.known {
            let grade = match self.ejector.standing(known.state.id) {
                Standing::Admitted => Grade::Admitted,
                Standing::Ejected { .. } => Grade::Ejected,
                Standing::Probing => Grade::Probing,
            };
            let before = known.state.grade();
            if before == grade {
                continue;
            }
            known.state.set_grade(grade);
            match grade {
                Grade::Ejected => {
                    self.shared.stir.count_ejection();
                    tracing::info!(node = %name, "worker ejected");
                }
                Grade::Admitted => tracing::info!(node = %name, "worker admitted again"),
                Grade::Probing => tracing::debug!(node = %name, "ejected worker is tried"),
            }
        }
        let pool = self.shared.pool.load_full();
        self.shared.show(Arc::clone(&pool.workers), pool.members);
    }

    /// Asks after workers whose calls stand still. A slow handler is no reason to leave a
    /// worker out; but a process that is gone would otherwise be noticed only by its next
    /// heartbeat.
    fn watch(&mut self, now: Instant) {
        let mut is_busy = false;
        let time = self.shared.stir.now();
        for (name, known) in &mut self.known {
            let Known { state, stall, .. } = known;
            let is_in_flight = state.in_flight() > 0;
            is_busy |= is_in_flight;
            stall.note(state.ended(), || state.latency.latency_us(time));
            if !is_in_flight {
                stall.rest();
            } else if stall.is_due() {
                self.shared.cluster.links().asked(name);
            }
            state.set_stalled(is_in_flight && stall.is_unusual());
        }
        self.watch_at = is_busy.then(|| now + TICK);
        self.note_typical();
        if !is_busy {
            self.shared.stir.rest();
            // Who began in between has not woken anybody.
            if self.known.values().any(|known| known.state.in_flight() > 0) {
                self.shared.stir.resume();
                self.watch_at = Some(now + TICK);
            }
        }
    }
}

impl Follow {
    /// What a worker that has answered nothing yet is expected to take.
    fn note_typical(&self) {
        let now = self.shared.stir.now();
        let states = self.known.values().map(|known| &known.state);
        let latencies = states.filter_map(|state| state.latency.latency_us(now));
        let (sum, count) = latencies.fold((0.0, 0_u32), |(sum, count), latency| {
            (sum + latency, count + 1)
        });
        if count > 0 {
            self.shared.stir.set_typical_us(sum / f64::from(count));
        }
    }
}

impl Stall {
    /// Takes down how many calls have ended by now, and what they took.
    fn note(&mut self, ended: u64, latency_us: impl FnOnce() -> Option<f64>) {
        if ended == self.ended {
            self.ticks = self.ticks.saturating_add(1);
        } else {
            *self = Self {
                ended,
                ticks: 0,
                ask_at: 0,
                usual_us: latency_us(),
            };
        }
    }

    /// Nothing is in flight, so nothing stands still.
    fn rest(&mut self) {
        self.ticks = 0;
        self.ask_at = 0;
    }

    /// Whether it is time to ask after a worker: at the first tick without an end, and then
    /// ever more rarely.
    fn is_due(&mut self) -> bool {
        let is_due = self.ticks > self.ask_at;
        if is_due {
            self.ask_at = self.ticks + self.ticks.min(ASK_TICKS_MAX);
        }
        is_due
    }

    /// Whether calls have stood still for much longer than they take as a rule: a process
    /// that is stopped is noticed so before its heartbeats are missed.
    fn is_unusual(&self) -> bool {
        let lasts = TICK * self.ticks;
        let usual = self.usual_us.map(|usual| usual * STALL_FACTOR);
        lasts >= STALL_MIN && usual.is_some_and(|usual| lasts.as_secs_f64() * 1e6 >= usual)
    }
}

/// How often calls in flight are looked at, while there are any.
const TICK: Duration = Duration::from_millis(25);

/// The most ticks between two questions after a worker: once a second.
const ASK_TICKS_MAX: u32 = 40;

/// How long the calls of a worker stand still at least until others are preferred.
const STALL_MIN: Duration = Duration::from_millis(300);

/// And how many times as long as its calls take as a rule.
const STALL_FACTOR: f64 = 10.0;

/// How long to sleep while there is nothing to do.
const IDLE: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_whose_calls_stand_still_is_asked_after_soon_and_then_ever_more_rarely() {
        let mut stall = Stall::default();
        stall.note(7, || None);
        assert!(!stall.is_due(), "calls have ended since the last look");
        let mut asked = Vec::new();
        for tick in 1..200 {
            stall.note(7, || None);
            asked.extend(stall.is_due().then_some(tick));
        }
        assert_eq!(asked[..5], [1, 3, 7, 15, 31]);
        let pauses = asked.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(pauses.max() <= Some(ASK_TICKS_MAX as i32 + 1), "{asked:?}");
        stall.note(8, || None);
        assert!(!stall.is_due(), "one ended: it is alive");
    }

    #[test]
    fn calls_are_stalled_when_they_stand_still_for_ten_times_as_long_as_usual() {
        for (usual, stalled_after) in [(1.0, 12), (30.0, 12), (100.0, 40)] {
            let mut stall = Stall::default();
            stall.note(1, || Some(usual * 1_000.0));
            for tick in 1..stalled_after {
                stall.note(1, || None);
                assert!(!stall.is_unusual(), "{usual} ms, tick {tick}");
            }
            stall.note(1, || None);
            assert!(stall.is_unusual(), "{usual} ms");
            stall.note(2, || Some(usual));
            assert!(!stall.is_unusual(), "one ended");
        }
        let mut idle = Stall::default();
        idle.note(1, || Some(1_000.0));
        (0..100).for_each(|_| idle.note(1, || None));
        idle.rest();
        idle.note(1, || None);
        assert!(!idle.is_unusual(), "a call that has just begun");
        let mut unknown = Stall::default();
        (0..100).for_each(|_| unknown.note(0, || None));
        assert!(!unknown.is_unusual(), "nobody knows what calls to it take");
    }
}
