//! Many engines on one virtual clock, and the loop that runs them.

mod faults;
mod measure;
mod settled;

use std::rc::Rc;
use std::time::Duration;

use crate::chance::{Purpose, Stream};
use crate::clock::Time;
use crate::engine::{Change, Engine, Setup, What};
use crate::fault::{Fault, Timed};
use crate::invariant::{Checker, Rule, Violation};
use crate::network::{Link, Network};
use crate::node::{Inbound, Node, Order};
use crate::trace::Trace;

pub use self::measure::{Aim, Counts, Watch};

/// What a cluster is like before anything happens to it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where all randomness comes from.
    pub seed: u64,
    /// How many nodes there are, those included that start later.
    pub nodes: u32,
    /// How the first of them come together.
    pub boot: Boot,
    /// What the network is like.
    pub link: Link,
    /// Whether local health counts.
    pub lifeguard: bool,
    /// What a process does first after a pause.
    pub order: Order,
    /// The size of a socket's buffer, in bytes.
    pub socket_bytes: usize,
    /// Whether the invariants are checked, the one about false failures included.
    pub check: bool,
    /// Whether lines of text are kept.
    pub readable: bool,
}

impl Plan {
    /// A formed cluster of `nodes` in a good local network, checked.
    #[must_use]
    pub fn new(seed: u64, nodes: u32) -> Self {
        Self {
            seed,
            nodes,
            boot: Boot::Formed(nodes),
            link: Link::default(),
            lifeguard: true,
            order: Order::SocketFirst,
            socket_bytes: 212_992,
            check: true,
            readable: false,
        }
    }
}

/// How a cluster comes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// The first so many nodes run and know each other.
    Formed(u32),
    /// The first so many start within a time, at random, and join through the seeds.
    Joining(u32, Duration),
}

/// The nodes that everybody joins through.
pub const SEEDS: [u32; 3] = [0, 1, 2];

/// The nodes of a formed cluster start within this time: their timers must not beat as one.
pub const FORMED_WITHIN: Duration = Duration::from_millis(200);

/// How long a node that said goodbye still runs.
pub const LINGER: Duration = Duration::from_secs(3);

/// In clusters up to this size every row of a node is compared after each of its steps.
const FULL_COMPARE_MAX: u32 = 32;

/// A timer that is due again at once so often in a row does not advance.
const WAKES_AT_ONCE_MAX: u32 = 10_000;

/// Messages that a process reads before it looks at its timers again.
const READS_IN_A_ROW_MAX: u32 = 64;

#[derive(Debug)]
enum Happening<M> {
    Arrive(u32, Inbound<M>),
    /// A node's timer, if the ticket is the newest.
    Wake(u32, u32),
    Drain(u32),
    Fault(Fault),
    /// A node of the formed part starts.
    Begin(u32),
    /// A node starts, and joins.
    Start(u32),
    /// The end of a node's goodbye, in that epoch.
    Stop(u32, u64),
}

/// A cluster in virtual time.
#[derive(Debug)]
pub struct Cluster<E: Engine> {
    plan: Plan,
    now: Time,
    queue: crate::queue::Queue<Happening<E::Message>>,
    nodes: Vec<Node<E>>,
    network: Network,
    checker: Checker,
    trace: Trace,
    counts: Counts,
    watches: Vec<Watch>,
    world: Rc<E::World>,
    cards: Vec<E::Card>,
    tickets: u32,
    wakes_at_once: (Time, u32),
    touched: Vec<u32>,
}

impl<E: Engine> Cluster<E> {
    /// Builds a cluster. Nothing has happened yet, but the formed part runs.
    #[must_use]
    pub fn new(mut plan: Plan) -> Self {
        plan.check &= E::IS_CHECKED;
        let count = plan.nodes;
        let nodes = (0..count).map(|node| {
            let mut start = Stream::new(plan.seed, Purpose::Start, u64::from(node));
            // No two clocks agree on what time it is.
            Node::new(Duration::from_micros(
                start.within(1_000_000, 3_600_000_000),
            ))
        });
        let mut cluster = Self {
            now: Time::ZERO,
            queue: crate::queue::Queue::default(),
            nodes: nodes.collect(),
            network: Network::new(plan.seed, count, plan.link.clone()),
            checker: Checker::new(if plan.check { count } else { 0 }),
            trace: if plan.readable {
                Trace::readable()
            } else {
                Trace::default()
            },
            counts: Counts::new(E::KINDS.len()),
            watches: Vec::new(),
            world: Rc::new(E::world(count)),
            cards: Vec::new(),
            tickets: 0,
            wakes_at_once: (Time::ZERO, 0),
            touched: Vec::new(),
            plan,
        };
        cluster.boot();
        cluster
    }

    /// Adds faults, whose times count from the beginning.
    pub fn schedule(&mut self, faults: &[Timed]) {
        for timed in faults {
            let at = (Time::ZERO + timed.at).max(self.now);
            self.queue.push(at, Happening::Fault(timed.fault.clone()));
        }
    }

    /// Runs everything that happens before `end`.
    pub fn run_until(&mut self, end: Time) {
        while self.queue.next_at().is_some_and(|at| at < end) {
            self.step();
        }
        self.now = self.now.max(end);
    }

    /// Runs for `time`.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Runs until `done` holds, asking every `every`, or until `end`; whether it came to hold.
    pub fn run_while(
        &mut self,
        end: Time,
        every: Duration,
        mut more: impl FnMut(&Self) -> bool,
    ) -> bool {
        while more(self) {
            if self.now >= end {
                return false;
            }
            self.run_until((self.now + every).min(end));
        }
        true
    }

    /// The arguments that build this cluster again, faults aside.
    #[must_use]
    pub fn settings(&self) -> String {
        let Plan { seed, nodes, .. } = self.plan;
        let mut settings = format!(
            "--seed {seed} --nodes {nodes} --loss {}",
            self.plan.link.loss
        );
        if let Boot::Formed(formed) = self.plan.boot {
            settings.push_str(&format!(" --formed {formed}"));
        }
        if self.plan.order == Order::TimersFirst {
            settings.push_str(" --timers-first");
        }
        settings
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The trace so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes the lines of text that were kept since the last time.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.trace.take_lines()
    }

    /// Makes the network a good one from now on, whatever it was.
    pub fn calm(&mut self) {
        self.network.calm();
        self.plan.link = Link::default();
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The rules that were broken so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        self.checker.violations()
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node<E>] {
        &self.nodes
    }

    /// How often members had to take a new identity.
    #[must_use]
    pub fn rejoins(&self) -> u64 {
        let engines = self.nodes.iter().filter_map(|node| node.engine.as_ref());
        engines.map(Engine::rejoins).sum()
    }

    fn boot(&mut self) {
        match self.plan.boot {
            Boot::Formed(count) => {
                let count = count.min(self.plan.nodes);
                for node in 0..count {
                    let engine = self.first_engine(node);
                    self.cards.push(engine.card());
                    if let Some(row) = engine.row(node).filter(|_| self.plan.check) {
                        self.checker.owner(self.now, node, row);
                    }
                    let at = self.start_within(node, FORMED_WITHIN);
                    // What arrives before that waits, as at a socket that is bound early.
                    self.nodes[node as usize].busy_until = at;
                    self.queue.push(at, Happening::Begin(node));
                }
                self.run_until(Time::ZERO + FORMED_WITHIN + Duration::from_micros(1));
                self.cards = Vec::new();
            }
            Boot::Joining(count, spread) => {
                for node in 0..count.min(self.plan.nodes) {
                    let at = self.start_within(node, spread);
                    self.queue.push(at, Happening::Start(node));
                }
            }
        }
    }

    fn start_within(&self, node: u32, spread: Duration) -> Time {
        let mut start = Stream::new(self.plan.seed, Purpose::Start, u64::from(node));
        // The first drawn was what its clock shows.
        start.draw();
        Time::from_micros(start.within(0, crate::clock::micros(spread)))
    }

    /// A node of the formed part begins.
    fn begin(&mut self, node: u32) {
        self.create(node);
        let state = &mut self.nodes[node as usize];
        let now = state.clock.local(self.now);
        if let Some(engine) = &mut state.engine {
            engine.preload(now, &self.cards);
            while engine.poll_change().is_some() {}
        }
        self.touched.clear();
        self.after(node);
        self.plan_drain(node);
    }

    /// The engine of a node's first start.
    fn first_engine(&self, node: u32) -> E {
        let now = self.nodes[node as usize].clock.local(self.now);
        E::start(now, &self.setup(node, 1), &self.world)
    }

    fn setup(&self, node: u32, epoch: u64) -> Setup {
        let mut stream = Stream::new(self.plan.seed, Purpose::Engine, u64::from(node));
        Setup {
            node,
            cluster: self.plan.nodes,
            epoch,
            moves: self.nodes[node as usize].moves,
            seed: crate::chance::scramble(stream.draw() ^ epoch),
            lifeguard: self.plan.lifeguard,
        }
    }

    fn create(&mut self, node: u32) {
        let setup = self.setup(node, self.nodes[node as usize].epoch + 1);
        let state = &mut self.nodes[node as usize];
        // What waits in its socket is read: it was sent to that address.
        state.busy_until = Time::ZERO;
        state.epoch = setup.epoch;
        state.is_leaving = false;
        state.tag = 0;
        state.started = self.now;
        let engine = E::start(state.clock.local(self.now), &setup, &self.world);
        if self.plan.check {
            self.checker.started(node);
            if let Some(row) = engine.row(node) {
                self.checker.owner(self.now, node, row);
            }
        }
        state.engine = Some(engine);
        self.trace
            .note(self.now, &[1, u64::from(node), setup.epoch]);
        self.trace.line(self.now, || {
            format!("node {node} starts, epoch {}", setup.epoch)
        });
    }

    fn start(&mut self, node: u32) {
        self.nodes[node as usize].stop();
        self.create(node);
        let seeds: Vec<u32> = SEEDS
            .into_iter()
            .filter(|seed| *seed != node && *seed < self.plan.nodes)
            .collect();
        let state = &mut self.nodes[node as usize];
        let now = state.clock.local(self.now);
        if let Some(engine) = &mut state.engine {
            engine.join(now, &seeds);
        }
        self.after(node);
    }

    fn step(&mut self) {
        let Some((now, happening)) = self.queue.pop() else {
            return;
        };
        self.now = now;
        match happening {
            Happening::Arrive(node, inbound) => self.arrive(node, inbound),
            Happening::Wake(node, ticket) => self.wake_up(node, ticket),
            Happening::Drain(node) => self.drain(node),
            Happening::Fault(fault) => self.inflict(&fault),
            Happening::Begin(node) => self.begin(node),
            Happening::Start(node) => self.start(node),
            Happening::Stop(node, epoch) => {
                let state = &mut self.nodes[node as usize];
                if state.epoch == epoch {
                    state.stop();
                    self.trace.note(now, &[2, u64::from(node)]);
                }
            }
        }
    }

    fn arrive(&mut self, node: u32, inbound: Inbound<E::Message>) {
        let state = &mut self.nodes[node as usize];
        let is_bound = state.engine.is_some() || self.now < state.busy_until;
        if !is_bound || state.moves != inbound.moves {
            return;
        }
        if !state.is_busy(self.now) {
            self.receive(node, inbound);
            return;
        }
        let from = inbound.from;
        if !state.buffer(inbound, self.plan.socket_bytes) {
            self.counts.overflowed += 1;
            self.trace
                .note(self.now, &[3, u64::from(node), u64::from(from)]);
        }
        if self.nodes[node as usize].engine.is_some() {
            self.plan_drain(node);
        }
    }

    fn plan_drain(&mut self, node: u32) {
        let state = &mut self.nodes[node as usize];
        if !state.is_draining {
            state.is_draining = true;
            let at = state.busy_until.max(state.paused_until).max(self.now);
            self.queue.push(at, Happening::Drain(node));
        }
    }

    /// The process comes to itself: after a pause, or after a message that took its time.
    fn drain(&mut self, node: u32) {
        let state = &mut self.nodes[node as usize];
        state.is_draining = false;
        if state.engine.is_none() {
            return;
        }
        if self.now < state.paused_until {
            self.plan_drain(node);
            return;
        }
        if self.plan.order == Order::TimersFirst {
            self.run_timers(node);
        }
        let mut reads = 0;
        loop {
            let state = &mut self.nodes[node as usize];
            if self.now < state.busy_until || self.now < state.paused_until {
                break;
            }
            let Some(inbound) = state.unbuffer() else {
                break;
            };
            self.receive(node, inbound);
            reads += 1;
            if reads == READS_IN_A_ROW_MAX {
                reads = 0;
                self.run_timers(node);
            }
        }
        self.run_timers(node);
        if self.nodes[node as usize].is_busy(self.now) {
            self.plan_drain(node);
        }
    }

    fn receive(&mut self, node: u32, inbound: Inbound<E::Message>) {
        let state = &mut self.nodes[node as usize];
        let service = state.service(self.now);
        if !service.is_zero() {
            state.busy_until = self.now + service;
        }
        let now = state.clock.local(self.now);
        let Some(engine) = &mut state.engine else {
            return;
        };
        let kind = E::kind(&inbound.message);
        self.counts.received += 1;
        self.touched.clear();
        if self.plan.check {
            E::subjects(&inbound.message, &mut self.touched);
        }
        let heard = [4, u64::from(node), u64::from(inbound.from), kind as u64];
        self.trace.note(self.now, &heard);
        self.trace.note(self.now, &[inbound.bytes as u64]);
        self.trace.line(self.now, || {
            let (from, kind) = (inbound.from, E::KINDS[kind]);
            format!(
                "node {node} hears from {from}: {kind}, {} bytes",
                inbound.bytes
            )
        });
        engine.receive(now, inbound.from, inbound.message);
        self.after(node);
    }

    fn wake_up(&mut self, node: u32, ticket: u32) {
        let state = &mut self.nodes[node as usize];
        match state.armed {
            Some((_, armed)) if armed == ticket => state.armed = None,
            _ => return,
        }
        if state.is_busy(self.now) {
            // Its turn comes when the process comes to itself.
            self.plan_drain(node);
            return;
        }
        self.run_timers(node);
    }

    fn run_timers(&mut self, node: u32) {
        let state = &mut self.nodes[node as usize];
        let now = state.clock.local(self.now);
        let Some(engine) = &mut state.engine else {
            return;
        };
        self.touched.clear();
        if let Some(due) = engine.poll_wake().filter(|due| *due <= now) {
            let late = now.since(due);
            if late >= LATENESS_MIN {
                engine.late(now, late);
            }
            engine.wake(now);
            self.counts.woken += 1;
            self.trace.note(self.now, &[5, u64::from(node)]);
        }
        self.after(node);
    }

    /// After every step of a node: sends what it has to send, hears what it has to say, compares, and sets its timer.
    fn after(&mut self, node: u32) {
        self.send_all(node);
        self.hear_changes(node);
        if self.plan.check {
            self.compare(node);
        }
        self.arm(node);
    }

    fn send_all(&mut self, node: u32) {
        loop {
            let engine = self.nodes[node as usize].engine.as_mut();
            let Some(outgoing) = engine.and_then(Engine::poll_outgoing) else {
                return;
            };
            self.counts.sent(
                E::kind(&outgoing.message),
                outgoing.bytes,
                outgoing.reliable,
            );
            if outgoing.to >= self.plan.nodes {
                continue;
            }
            let arrivals = if outgoing.reliable {
                self.network.stream(self.now, node, outgoing.to)
            } else {
                self.network.datagram(self.now, node, outgoing.to)
            };
            let reached = self.nodes[outgoing.to as usize].moves;
            let inbound = Inbound {
                from: node,
                moves: outgoing.moves.unwrap_or(reached),
                reliable: outgoing.reliable,
                bytes: outgoing.bytes,
                message: outgoing.message,
            };
            if let Some(at) = arrivals.second {
                let copy = Happening::Arrive(outgoing.to, inbound.clone());
                self.queue.push(at, copy);
            }
            match arrivals.first {
                Some(at) => self.queue.push(at, Happening::Arrive(outgoing.to, inbound)),
                None => self.counts.lost += 1,
            }
        }
    }

    fn hear_changes(&mut self, node: u32) {
        loop {
            let Some(engine) = &mut self.nodes[node as usize].engine else {
                return;
            };
            let Some(Change { about, what }) = engine.poll_change() else {
                return;
            };
            let row = engine.row(about);
            let hash = row.map_or([0; 4], |row| {
                [row.epoch, row.incarnation, row.rank as u64, row.tag]
            });
            self.trace
                .note(self.now, &[6, u64::from(node), u64::from(about)]);
            self.trace.note(self.now, &hash);
            self.trace.line(self.now, || {
                format!("node {node} says of {about}: {what:?}, now {row:?}")
            });
            self.touched.push(about);
            if let Some(row) = row {
                self.counts.changed(what);
                for watch in &mut self.watches {
                    watch.look(self.now, node, about, row);
                }
            }
            if what == What::Failed {
                self.judge(node, about);
            }
        }
    }

    fn compare(&mut self, node: u32) {
        let Some(engine) = &self.nodes[node as usize].engine else {
            return;
        };
        let (now, checker) = (self.now, &mut self.checker);
        if let Some(row) = engine.row(node) {
            checker.owner(now, node, row);
        }
        if self.plan.nodes <= FULL_COMPARE_MAX {
            self.touched.clear();
            self.touched.extend(0..self.plan.nodes);
        }
        for about in &self.touched {
            if *about != node && *about < self.plan.nodes {
                checker.seen(now, node, *about, engine.row(*about));
            }
        }
        self.touched.clear();
    }

    fn arm(&mut self, node: u32) {
        let state = &mut self.nodes[node as usize];
        let wanted = state.engine.as_ref().and_then(Engine::poll_wake);
        let Some(wanted) = wanted else { return };
        let mut at = state.clock.truth(wanted).max(self.now);
        if state.armed.is_some_and(|(armed, _)| armed <= at) {
            return;
        }
        if at == self.now {
            if self.wakes_at_once.0 != self.now {
                self.wakes_at_once = (self.now, 0);
            }
            self.wakes_at_once.1 += 1;
            if self.wakes_at_once.1 >= WAKES_AT_ONCE_MAX {
                let detail = format!("node {node} wants to be woken at {wanted}, again and again");
                self.checker.broken(self.now, Rule::Timer, detail);
                at = self.now + Duration::from_millis(100);
            }
        }
        self.tickets = self.tickets.wrapping_add(1);
        state.armed = Some((at, self.tickets));
        self.queue.push(at, Happening::Wake(node, self.tickets));
    }
}

/// A timer that comes later than this is late; less is a matter of the clock's grain.
const LATENESS_MIN: Duration = Duration::from_millis(2);
