//! Workers with queues, and a caller that does not wait for them, in virtual time.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use rpcnet_proto::balance::{
    Ask, Candidate, Draw, EjectionConfig, Ejector, LoadCell, Outcomes, PeakEwma, Picker, Standing,
    Strategy,
};
use rpcnet_proto::swim::Time;

/// How many calls a worker handles at once. Others wait at the worker.
pub(crate) const HANDLERS: usize = 4;

/// What one call takes on average: uniformly from half of it to one and a half.
pub(crate) const SERVICE_US: f64 = 10_000.0;

/// What is played. Calls come at exponentially distributed intervals, whatever becomes of
/// those before.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) strategy: Strategy,
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    /// Calls per second, as a share of what all workers can do while they are healthy.
    pub(crate) load: f64,
    pub(crate) length: Duration,
    /// How many times as long calls take at the first worker, and since when.
    pub(crate) slowness: f64,
    pub(crate) slow_from: Time,
    /// Which workers fail, as many from the first on, how often, and when.
    pub(crate) failing: usize,
    pub(crate) failure_share: f64,
    pub(crate) failing_from: Time,
    pub(crate) failing_until: Time,
    pub(crate) ejection: EjectionConfig,
}

impl Plan {
    pub(crate) fn healthy(strategy: Strategy, seed: u64) -> Self {
        Self {
            strategy,
            seed,
            workers: 8,
            load: 0.5,
            length: Duration::from_secs(60),
            slowness: 1.0,
            slow_from: Time::default(),
            failing: 0,
            failure_share: 0.0,
            failing_from: Time::default(),
            failing_until: Time::default(),
            ejection: EjectionConfig::default(),
        }
    }
}

/// One call that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) began: Time,
    pub(crate) at: Time,
    pub(crate) worker: usize,
    pub(crate) failed: bool,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) calls: Vec<Ended>,
    pub(crate) standings: Vec<(Time, usize, Standing)>,
    /// Calls for which no worker was found.
    pub(crate) unpicked: usize,
    /// The most workers that were out at once.
    pub(crate) out_most: usize,
}

impl Played {
    /// In microseconds, of all calls.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let latency = |call: &Ended| call.at.since(call.began).as_micros() as u64;
        let mut latencies: Vec<u64> = self.calls.iter().map(latency).collect();
        let at = ((latencies.len() as f64 * share) as usize).min(latencies.len() - 1);
        *latencies.select_nth_unstable(at).1 as f64
    }

    /// The share of calls that went to a worker, of those that began from then on.
    pub(crate) fn share_of(&self, worker: usize, from: Time) -> f64 {
        let calls = self.calls.iter().filter(|call| from <= call.began);
        let its = calls.clone().filter(|call| call.worker == worker);
        its.count() as f64 / calls.count().max(1) as f64
    }

    /// The share of failures among the calls that began in that time.
    pub(crate) fn failures(&self, from: Time, until: Time) -> f64 {
        let within = |call: &&Ended| from <= call.began && call.began < until;
        let calls: Vec<&Ended> = self.calls.iter().filter(within).collect();
        let failed = calls.iter().filter(|call| call.failed).count();
        failed as f64 / calls.len().max(1) as f64
    }
}

struct Worker {
    id: u64,
    in_flight: Cell<u32>,
    standing: Cell<Standing>,
    latency: PeakEwma,
    load: LoadCell,
    outcomes: Outcomes,
    handled: Cell<usize>,
    waiting: VecDeque<Time>,
}

impl Candidate for Worker {
    fn id(&self) -> u64 {
        self.id
    }

    fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    fn weight(&self) -> u32 {
        100
    }

    /// A guess that is right for a healthy worker.
    fn latency_us(&self, now: Time) -> f64 {
        self.latency.latency_us(now).unwrap_or(SERVICE_US)
    }

    fn utilization(&self, now: Time) -> Option<f32> {
        self.load.utilization(now)
    }
}

impl Worker {
    fn new(index: usize, ejection: EjectionConfig) -> Self {
        Self {
            id: (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            in_flight: Cell::new(0),
            standing: Cell::new(Standing::Admitted),
            latency: PeakEwma::new(),
            load: LoadCell::new(),
            outcomes: Outcomes::for_config(ejection),
            handled: Cell::new(0),
            waiting: VecDeque::new(),
        }
    }

    fn is_acceptable(&self) -> bool {
        match self.standing.get() {
            Standing::Admitted => true,
            Standing::Ejected { .. } => false,
            Standing::Probing => self.in_flight.get() == 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    Done { worker: usize, began: Time },
    Timeout,
}

struct Rig {
    plan: Plan,
    now: Time,
    draw: Draw,
    workers: Vec<Worker>,
    picker: Picker,
    ejector: Ejector,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    scheduled: u64,
    played: Played,
}

/// Plays it to the end: calls that began are finished.
pub(crate) fn play(plan: Plan) -> Played {
    let workers: Vec<Worker> = (0..plan.workers)
        .map(|index| Worker::new(index, plan.ejection))
        .collect();
    let mut rig = Rig {
        now: Time::from_micros(1_000_000),
        draw: Draw::new(plan.seed),
        picker: Picker::new(plan.strategy, &workers),
        workers,
        ejector: Ejector::new(plan.ejection),
        events: BinaryHeap::new(),
        scheduled: 0,
        played: Played::default(),
        plan,
    };
    let end = rig.now + rig.plan.length;
    rig.schedule(Duration::ZERO, Event::Arrival);
    while let Some(Reverse((at, _, event))) = rig.events.pop() {
        rig.now = at;
        match event {
            Event::Arrival if at < end => rig.arrive(),
            Event::Arrival => {}
            Event::Done { worker, began } => rig.finish(worker, began),
            Event::Timeout => rig.review(),
        }
    }
    rig.played
}

impl Rig {
    fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        let entry = (self.now + after, self.scheduled, event);
        self.events.push(Reverse(entry));
    }

    fn arrive(&mut self) {
        let rate = self.plan.load * (self.plan.workers * HANDLERS) as f64 / SERVICE_US;
        let gap = -(1.0 - self.draw.fraction()).ln() / rate;
        self.schedule(Duration::from_micros(gap as u64), Event::Arrival);
        let key = self.draw.below(usize::MAX) as u64;
        let ask = Ask {
            now: self.now,
            key: Some(key),
            draw: &mut self.draw,
        };
        let panics = self.ejector.is_panicking();
        let accept = |worker: &Worker| panics || worker.is_acceptable();
        let Some(index) = self.picker.pick(&self.workers, ask, accept) else {
            self.played.unpicked += 1;
            return;
        };
        let now = self.now;
        let worker = &mut self.workers[index];
        worker.in_flight.set(worker.in_flight.get() + 1);
        if worker.handled.get() < HANDLERS {
            self.handle(index, now);
        } else {
            worker.waiting.push_back(now);
        }
    }

    fn handle(&mut self, index: usize, began: Time) {
        let is_slow = index == 0 && self.plan.slow_from <= self.now;
        let slowness = if is_slow { self.plan.slowness } else { 1.0 };
        let service = SERVICE_US * slowness * (0.5 + self.draw.fraction());
        let worker = &self.workers[index];
        worker.handled.set(worker.handled.get() + 1);
        let done = Event::Done {
            worker: index,
            began,
        };
        self.schedule(Duration::from_micros(service as u64), done);
    }

    fn finish(&mut self, index: usize, began: Time) {
        let now = self.now;
        let fails = index < self.plan.failing
            && self.plan.failing_from <= now
            && now < self.plan.failing_until
            && self.draw.fraction() < self.plan.failure_share;
        let worker = &mut self.workers[index];
        worker.in_flight.set(worker.in_flight.get() - 1);
        worker.handled.set(worker.handled.get() - 1);
        worker
            .latency
            .observe(now, now.since(began).as_micros() as f64);
        let busy = worker.handled.get() + worker.waiting.len();
        worker.load.report(now, busy as f32 / HANDLERS as f32);
        let is_notable = if fails {
            worker.outcomes.failed(now)
        } else {
            worker.outcomes.succeeded(now)
        };
        self.played.calls.push(Ended {
            began,
            at: now,
            worker: index,
            failed: fails,
        });
        if let Some(next) = worker.waiting.pop_front() {
            self.handle(index, next);
        }
        if is_notable {
            self.review();
        }
    }

    fn review(&mut self) {
        let outcomes = self
            .workers
            .iter()
            .map(|worker| (worker.id, &worker.outcomes));
        self.ejector.review(self.now, outcomes);
        for (index, worker) in self.workers.iter().enumerate() {
            let standing = self.ejector.standing(worker.id);
            if worker.standing.replace(standing) != standing {
                self.played.standings.push((self.now, index, standing));
            }
        }
        self.played.out_most = self.played.out_most.max(self.ejector.standings().count());
        if let Some(at) = self.ejector.poll_timeout() {
            let after = at.since(self.now);
            self.schedule(after, Event::Timeout);
        }
    }
}
