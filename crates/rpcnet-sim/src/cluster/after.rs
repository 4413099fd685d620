//! What follows every step of a node: its messages, its reports, the comparison, its timer.

use std::time::Duration;

use super::{Cluster, Happening};
use crate::engine::{Change, Engine, What};
use crate::invariant::Rule;
use crate::node::Inbound;

impl<E: Engine> Cluster<E> {
    /// After every step of a node: sends what it has to send, hears what it has to say, compares, and sets its timer.
    pub(super) fn after(&mut self, node: u32) {
        self.send_all(node);
        self.hear_changes(node);
        if self.plan.check {
            self.compare(node);
        }
        self.arm(node);
    }

    pub(super) fn send_all(&mut self, node: u32) {
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

    pub(super) fn hear_changes(&mut self, node: u32) {
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

    pub(super) fn compare(&mut self, node: u32) {
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

    pub(super) fn arm(&mut self, node: u32) {
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
                at = self.now + Duration::from_secs(5);
            }
        }
        self.tickets = self.tickets.wrapping_add(1);
        state.armed = Some((at, self.tickets));
        self.queue.push(at, Happening::Wake(node, self.tickets));
    }
}

/// In clusters up to this size every row of a node is compared after each of its steps.
const FULL_COMPARE_MAX: u32 = 32;

/// A timer that is due again at once so often in a row does not advance.
const WAKES_AT_ONCE_MAX: u32 = 1_000;
