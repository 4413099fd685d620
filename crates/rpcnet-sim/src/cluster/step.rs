//! The loop: what happens next, and to which node.

use super::{Cluster, Happening};
use std::time::Duration;

use crate::engine::Engine;
use crate::node::{Inbound, Order};

impl<E: Engine> Cluster<E> {
    pub(super) fn step(&mut self) {
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

    pub(super) fn arrive(&mut self, node: u32, inbound: Inbound<E::Message>) {
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

    pub(super) fn plan_drain(&mut self, node: u32) {
        let state = &mut self.nodes[node as usize];
        if !state.is_draining {
            state.is_draining = true;
            let at = state.busy_until.max(state.paused_until).max(self.now);
            self.queue.push(at, Happening::Drain(node));
        }
    }

    /// The process comes to itself: after a pause, or after a message that took its time.
    pub(super) fn drain(&mut self, node: u32) {
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

    pub(super) fn receive(&mut self, node: u32, inbound: Inbound<E::Message>) {
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

    pub(super) fn wake_up(&mut self, node: u32, ticket: u32) {
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

    pub(super) fn run_timers(&mut self, node: u32) {
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
}

/// Messages that a process reads before it looks at its timers again.
const READS_IN_A_ROW_MAX: u32 = 64;

/// A timer that comes later than this is late; less is a matter of the clock's grain.
const LATENESS_MIN: Duration = Duration::from_millis(2);
