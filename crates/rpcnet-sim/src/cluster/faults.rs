//! How faults are done to a cluster.

use std::time::Duration;

use super::{Cluster, Happening, LINGER};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::nodes::NodeSet;

/// Loss up to here is the network's ordinary business and excuses nobody.
const ORDINARY_LOSS: f64 = 0.1;

impl<E: Engine> Cluster<E> {
    /// Does `fault` now.
    pub fn inflict(&mut self, fault: &Fault) {
        let now = self.now;
        let until = now + fault.lasts();
        self.trace
            .note(now, &[7, crate::clock::micros(fault.lasts())]);
        self.trace.line(now, || {
            let at = Duration::ZERO;
            let timed = crate::fault::Timed {
                at,
                fault: fault.clone(),
            };
            format!("fault: {timed}")
        });
        match fault {
            Fault::Crash(who) => self.each(who, |cluster, node| {
                cluster.nodes[node as usize].stop();
            }),
            Fault::Restart(who) => self.each(who, Self::start),
            Fault::Move(who) => self.each(who, |cluster, node| {
                let state = &mut cluster.nodes[node as usize];
                state.moves = state.moves.wrapping_add(1);
                cluster.start(node);
            }),
            Fault::Leave(who) => self.each(who, Self::leave),
            Fault::Tag(who) => self.each(who, Self::change_tag),
            Fault::Pause(who, _) => self.each(who, |cluster, node| {
                let state = &mut cluster.nodes[node as usize];
                state.paused_until = state.paused_until.max(until);
                state.impaired_until = state.impaired_until.max(until);
                cluster.plan_drain(node);
            }),
            Fault::Slow(who, service, _) => self.each(who, |cluster, node| {
                let state = &mut cluster.nodes[node as usize];
                state.slow = (*service, until);
                state.impaired_until = state.impaired_until.max(until);
            }),
            Fault::Drift(who, ppm) => self.each(who, |cluster, node| {
                cluster.nodes[node as usize].clock.set_drift(now, *ppm);
                // What is queued was reckoned by the old rate.
                cluster.nodes[node as usize].armed = None;
                cluster.arm(node);
            }),
            Fault::Split(who, _) => {
                let rest = self.others(who);
                self.network.cut(who.clone(), rest.clone(), now, until);
                self.network.cut(rest, who.clone(), now, until);
            }
            Fault::Cut(from, to, _) => self.network.cut(from.clone(), to.clone(), now, until),
            Fault::Loss(who, rate, _) => {
                self.network.lose(who.clone(), *rate, now, until);
                if *rate > ORDINARY_LOSS {
                    self.each(who, |cluster, node| {
                        let state = &mut cluster.nodes[node as usize];
                        state.impaired_until = state.impaired_until.max(until);
                    });
                }
            }
            Fault::Duplicate(rate, _) => self.network.duplicate(*rate, until),
            Fault::Reorder(rate, _) => self.network.reorder(*rate, until),
        }
    }

    /// The nodes that are not among `who`.
    fn others(&self, who: &NodeSet) -> NodeSet {
        let rest = (0..self.plan.nodes).filter(|node| !who.contains(*node));
        NodeSet::of(rest.collect())
    }

    fn each(&mut self, who: &NodeSet, mut act: impl FnMut(&mut Self, u32)) {
        for node in who.below(self.plan.nodes) {
            act(self, node);
        }
    }

    fn leave(&mut self, node: u32) {
        let at = self.now + LINGER;
        let state = &mut self.nodes[node as usize];
        let now = state.clock.local(self.now);
        let epoch = state.epoch;
        let Some(engine) = state.engine.as_mut().filter(|_| !state.is_leaving) else {
            return;
        };
        engine.leave(now);
        state.is_leaving = true;
        if self.plan.check {
            self.checker.left(node);
        }
        self.touched.clear();
        self.after(node);
        self.queue.push(at, Happening::Stop(node, epoch));
    }

    fn change_tag(&mut self, node: u32) {
        let state = &mut self.nodes[node as usize];
        let now = state.clock.local(self.now);
        let Some(engine) = state.engine.as_mut().filter(|_| !state.is_leaving) else {
            return;
        };
        state.tag += 1;
        engine.set_tag(now, state.tag);
        self.touched.clear();
        self.after(node);
    }
}
