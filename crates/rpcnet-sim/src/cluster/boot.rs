//! How nodes start.

use std::time::Duration;

use super::{Boot, Cluster, FORMED_WITHIN, Happening, SEEDS};
use crate::chance::{Purpose, Stream};
use crate::clock::Time;
use crate::engine::{Engine, Setup};

impl<E: Engine> Cluster<E> {
    pub(super) fn boot(&mut self) {
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

    pub(super) fn start_within(&self, node: u32, spread: Duration) -> Time {
        let mut start = Stream::new(self.plan.seed, Purpose::Start, u64::from(node));
        // The first drawn was what its clock shows.
        start.draw();
        Time::from_micros(start.within(0, crate::clock::micros(spread)))
    }

    /// A node of the formed part begins.
    pub(super) fn begin(&mut self, node: u32) {
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
    pub(super) fn first_engine(&self, node: u32) -> E {
        let now = self.nodes[node as usize].clock.local(self.now);
        E::start(now, &self.setup(node, 1), &self.world)
    }

    pub(super) fn setup(&self, node: u32, epoch: u64) -> Setup {
        let mut stream = Stream::new(self.plan.seed, Purpose::Engine, u64::from(node));
        Setup {
            node,
            cluster: self.plan.nodes,
            epoch,
            moves: self.nodes[node as usize].moves,
            seed: crate::chance::scramble(stream.draw() ^ epoch),
            lifeguard: self.plan.lifeguard,
            wire: self.plan.wire,
        }
    }

    pub(super) fn create(&mut self, node: u32) {
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

    pub(super) fn start(&mut self, node: u32) {
        self.nodes[node as usize].stop();
        let had_left = self.nodes[node as usize].is_leaving;
        self.create(node);
        let mut seeds: Vec<u32> = SEEDS
            .into_iter()
            .filter(|seed| *seed != node && *seed < self.plan.nodes)
            .collect();
        // Nobody looks for a node that left. Where its seeds are gone as well it is started
        // with another: no protocol would find it.
        let runs = |other: &u32| self.nodes[*other as usize].engine.is_some();
        if had_left && !seeds.iter().any(runs) {
            seeds.extend((0..self.plan.nodes).find(|other| *other != node && runs(other)));
        }
        let state = &mut self.nodes[node as usize];
        let now = state.clock.local(self.now);
        if let Some(engine) = &mut state.engine {
            engine.join(now, &seeds);
        }
        self.after(node);
    }
}
