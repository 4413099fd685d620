//! Many engines on one virtual clock, and the loop that runs them.

mod after;
mod boot;
mod faults;
mod measure;
mod settled;
mod step;

use std::rc::Rc;
use std::time::Duration;

use crate::chance::{Purpose, Stream};
use crate::clock::Time;
use crate::engine::{Engine, Wire};
use crate::fault::{Fault, Timed};
use crate::invariant::{Checker, Violation};
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
    /// How large what nodes send is.
    pub wire: Wire,
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
            wire: Wire::default(),
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
        settings.push_str(&self.plan.wire.arguments());
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
}
