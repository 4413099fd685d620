//! [`WorkerState`]: what the calls of this process know about one start of a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rpcnet_proto::balance::{EjectionConfig, LoadCell, Outcomes, PeakEwma};
use rpcnet_proto::swim::Time;
use rpcnet_proto::wire::Load;
use tokio::sync::{Notify, watch};

use crate::clock;

/// Whether calls reach a worker, as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing speaks against it.
    Reachable,
    /// It is silent; it may be paused or cut off, and come back.
    Silent,
    /// Its process is gone, or it has been taken for failed.
    Gone,
}

/// What the ejector thinks of a worker; callers read it on every choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Grade {
    /// It may be called.
    Admitted = 0,
    /// It is left out.
    Ejected = 1,
    /// It is let one call at a time, to see whether it has mended.
    Probing = 2,
}

/// Counts and measures of one worker from its start to its end, shared by all who call it.
/// Written by calls, without a lock.
#[derive(Debug)]
pub(crate) struct WorkerState {
    /// The hash of its name.
    pub(crate) id: u64,
    pub(crate) latency: PeakEwma,
    pub(crate) load: LoadCell,
    pub(crate) outcomes: Outcomes,
    in_flight: AtomicU32,
    ended: AtomicU64,
    grade: AtomicU8,
    /// Its calls have stood still for so long that others are preferred.
    is_stalled: AtomicBool,
    /// Until then it asked for no calls; microseconds of the registry's time.
    pushed_back_until: AtomicU64,
    reach: watch::Sender<Reach>,
    stir: Arc<Stir>,
}

impl WorkerState {
    pub(super) fn new(id: u64, ejection: EjectionConfig, stir: Arc<Stir>) -> Self {
        Self {
            id,
            latency: PeakEwma::new(),
            load: LoadCell::new(),
            outcomes: Outcomes::for_config(ejection),
            in_flight: AtomicU32::new(0),
            ended: AtomicU64::new(0),
            grade: AtomicU8::new(Grade::Admitted as u8),
            is_stalled: AtomicBool::new(false),
            pushed_back_until: AtomicU64::new(0),
            reach: watch::Sender::new(Reach::Reachable),
            stir,
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.stir.now()
    }

    /// What calls to the workers take in the mean.
    pub(super) fn typical_us(&self) -> f64 {
        f64::from_bits(self.stir.typical_us.load(Ordering::Relaxed))
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Calls that have ended, however they did.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn failures(&self) -> u64 {
        self.outcomes.failures()
    }

    /// Takes a place among the calls in flight; `None` where there are `most`.
    pub(super) fn enter(self: &Arc<Self>, most: u32) -> Option<Place> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            state: Arc::clone(self),
            is_counted: before < most,
        };
        if !place.is_counted {
            return None;
        }
        self.stir.wake_watch();
        Some(place)
    }

    pub(super) fn grade(&self) -> Grade {
        match self.grade.load(Ordering::Relaxed) {
            0 => Grade::Admitted,
            1 => Grade::Ejected,
            _ => Grade::Probing,
        }
    }

    pub(super) fn set_grade(&self, grade: Grade) {
        self.grade.store(grade as u8, Ordering::Relaxed);
    }

    pub(crate) fn reach(&self) -> Reach {
        *self.reach.borrow()
    }

    pub(super) fn set_reach(&self, reach: Reach) {
        self.reach
            .send_if_modified(|now| std::mem::replace(now, reach) != reach);
    }

    /// Waits until the worker is out of reach.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn lost(&self) -> Reach {
        let mut reach = self.reach.subscribe();
        let lost = reach.wait_for(|reach| *reach != Reach::Reachable).await;
        // Its sender lives as long as this does.
        lost.map_or(Reach::Gone, |reach| *reach)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Relaxed)
    }

    pub(super) fn set_stalled(&self, is_stalled: bool) {
        self.is_stalled.store(is_stalled, Ordering::Relaxed);
    }

    /// Whether the worker asked to be left alone for now.
    pub(super) fn is_pushed_back(&self, now: Time) -> bool {
        self.pushed_back_until.load(Ordering::Relaxed) > now.as_micros()
    }

    pub(super) fn push_back(&self, now: Time, pause: Duration) {
        let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        let until = now.as_micros().saturating_add(pause);
        self.pushed_back_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Notes what the worker said of itself.
    pub(crate) fn report(&self, load: Load) {
        let utilization = load.utilization as f32 / Load::FULL as f32;
        self.load.report(self.now(), utilization);
    }

    pub(super) fn succeeded(&self, now: Time, took: Duration) {
        self.latency.observe(now, took.as_secs_f64() * 1e6);
        if self.outcomes.succeeded(now) {
            self.stir.look();
        }
    }

    pub(super) fn failed(&self, now: Time) {
        if self.outcomes.failed(now) {
            self.stir.look();
        }
    }
}

/// A call's place in the count of its worker, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    state: Arc<WorkerState>,
    /// Whether it was within the limit; otherwise it only undoes its own step.
    is_counted: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.state.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.is_counted {
            self.state.ended.fetch_add(1, Ordering::Relaxed);
            self.state.stir.tell_room();
        }
    }
}

/// What all workers of a registry share: its time, what wakes its task, and calls that wait
/// for room.
#[derive(Debug)]
pub(crate) struct Stir {
    origin: Instant,
    /// The mean latency of the workers, as the bits of a number of microseconds.
    typical_us: AtomicU64,
    /// The registry's task has something to look at.
    looks: Notify,
    /// Calls are in flight, while the task does not watch for such.
    watch: Notify,
    is_watching: AtomicBool,
    room: Notify,
    waiting: AtomicUsize,
    ejections: AtomicU64,
}

impl Stir {
    pub(super) fn new() -> Self {
        Self {
            origin: clock::now(),
            typical_us: AtomicU64::new(TYPICAL_AT_FIRST_US.to_bits()),
            looks: Notify::new(),
            watch: Notify::new(),
            is_watching: AtomicBool::new(true),
            room: Notify::new(),
            waiting: AtomicUsize::new(0),
            ejections: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.time(clock::now())
    }

    pub(super) fn time(&self, at: Instant) -> Time {
        let micros = at.saturating_duration_since(self.origin).as_micros();
        // Zero is for what has never been.
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).saturating_add(1))
    }

    /// `None` for a time that never comes.
    pub(super) fn instant(&self, at: Time) -> Option<Instant> {
        self.origin
            .checked_add(Duration::from_micros(at.as_micros()))
    }

    pub(super) fn set_typical_us(&self, latency: f64) {
        let latency = latency.max(TYPICAL_AT_FIRST_US);
        self.typical_us.store(latency.to_bits(), Ordering::Relaxed);
    }

    /// Takes note that a worker is left out from now on.
    pub(super) fn count_ejection(&self) {
        self.ejections.fetch_add(1, Ordering::Relaxed);
    }

    /// How often workers were left out so far.
    pub(crate) fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Relaxed)
    }

    pub(super) fn look(&self) {
        self.looks.notify_one();
    }

    pub(super) async fn looked(&self) {
        self.looks.notified().await;
    }

    /// A call begins: from now on somebody has to see whether it goes on.
    fn wake_watch(&self) {
        if !self.is_watching.load(Ordering::Relaxed)
            && !self.is_watching.swap(true, Ordering::Relaxed)
        {
            self.watch.notify_one();
        }
    }

    /// Nothing is in flight: the task sleeps until [`wake_watch`](Self::wake_watch).
    pub(super) fn rest(&self) {
        self.is_watching.store(false, Ordering::Relaxed);
    }

    /// Calls are in flight after all.
    pub(super) fn resume(&self) {
        self.is_watching.store(true, Ordering::Relaxed);
    }

    pub(super) async fn begun(&self) {
        self.watch.notified().await;
    }

    fn tell_room(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.room.notify_one();
        }
    }

    /// A place among those who wait for room; `None` where `most` wait already.
    pub(crate) fn wait(self: &Arc<Self>, most: usize) -> Option<Waiting> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(Arc::clone(self));
        (before < most).then_some(waiting)
    }
}

/// A call that waits for a worker.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Stir>);

impl Waiting {
    /// Waits until a call has ended somewhere.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn room(&self) {
        self.0.room.notified().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        // What woke this one may have been meant for the next.
        self.0.tell_room();
    }
}

/// What a call takes as long as none has ended: then calls in flight are all that counts.
const TYPICAL_AT_FIRST_US: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Arc<WorkerState> {
        let stir = Arc::new(Stir::new());
        Arc::new(WorkerState::new(1, EjectionConfig::default(), stir))
    }

    #[test]
    fn places_end_at_the_limit_and_come_back_with_their_guards() {
        let state = state();
        let held: Vec<_> = (0..2).map(|_| state.enter(2)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(state.enter(2).is_none(), "one more than may be");
        assert_eq!(
            (state.in_flight(), state.ended()),
            (2, 0),
            "it left no trace"
        );
        drop(held);
        assert_eq!((state.in_flight(), state.ended()), (0, 2));
        assert!(state.enter(2).is_some());
    }

    #[test]
    fn the_longest_of_the_pauses_that_a_worker_asked_for_holds() {
        let state = state();
        let now = Time::from_micros(1_000_000);
        assert!(!state.is_pushed_back(now));
        state.push_back(now, Duration::from_millis(50));
        state.push_back(now, Duration::from_millis(10));
        assert!(state.is_pushed_back(now + Duration::from_micros(49_999)));
        assert!(!state.is_pushed_back(now + Duration::from_millis(50)));
        state.push_back(now, Duration::MAX);
        assert!(state.is_pushed_back(Time::from_micros(u64::MAX - 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_room_are_bounded_and_wake_one_after_the_other() {
        let state = state();
        let stir = Arc::clone(&state.stir);
        let first = stir.wait(2).expect("there is room to wait");
        let second = stir.wait(2).expect("there is room to wait");
        assert!(stir.wait(2).is_none(), "one more than may be");
        let place = state.enter(1);
        drop(place);
        first.room().await;
        // It found a place, and what woke it may have been meant for both.
        drop(first);
        second.room().await;
        drop(second);
        assert!(stir.wait(1).is_some(), "nobody waits any more");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_loss_of_a_worker_is_told_and_told_again_after_its_return() {
        let state = state();
        let lost = tokio::time::timeout(Duration::from_secs(1), state.lost());
        assert!(lost.await.is_err(), "it is in reach");
        state.set_reach(Reach::Silent);
        assert_eq!(state.lost().await, Reach::Silent);
        state.set_reach(Reach::Reachable);
        let (lost, ()) = tokio::join!(state.lost(), async { state.set_reach(Reach::Gone) });
        assert_eq!(lost, Reach::Gone);
    }
}
