//! What a monitor remembers of one node.

use std::time::Duration;

use super::action::{Action, Target};
use super::detector::{Phi, Rules};
use crate::swim::Time;

/// The watch over one node.
#[derive(Debug)]
pub(super) struct Edge {
    target: Target,
    phi: Phi,
    /// Questions asked so far; the number of the last one.
    asked: u64,
    /// The newest question that was answered.
    answered: u64,
    /// Answers to questions up to this one came late by our own or the network's fault
    /// and say nothing about the rhythm.
    untimely: u64,
    next_beat: Time,
    /// When the answer to what was sent is overdue.
    knock_at: Option<Time>,
    /// The port was knocked at, and the node was not heard since.
    is_knocking: bool,
    is_heard: bool,
    is_doubted: bool,
    is_unreachable: bool,
}

impl Edge {
    pub(super) fn new(rules: Rules, target: Target, now: Time) -> Self {
        let interval = rules.config.heartbeat_interval;
        let mut phi = Phi::with(rules);
        // Its first answer may need a connection; silence counts all the same, from
        // when that should be there.
        phi.heard(now + rules.config.first_answer_after);
        Self {
            next_beat: now + phase(target.name.hash64(), interval),
            target,
            phi,
            asked: 0,
            answered: 0,
            untimely: 0,
            knock_at: None,
            is_knocking: false,
            is_heard: false,
            is_doubted: false,
            is_unreachable: false,
        }
    }

    /// Watches a new start of the node from scratch.
    pub(super) fn anew(&self, rules: Rules, target: Target, now: Time) -> Self {
        Self {
            is_unreachable: self.is_unreachable,
            ..Self::new(rules, target, now)
        }
    }

    /// The same start of the node, perhaps elsewhere.
    pub(super) fn is_of(&self, target: &Target) -> bool {
        self.target.epoch == target.epoch
    }

    pub(super) fn move_to(&mut self, target: Target) {
        self.target = target;
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    pub(super) const fn detector(&self) -> &Phi {
        &self.phi
    }

    pub(super) const fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }

    /// When there is something to do next.
    pub(super) fn due(&self) -> Time {
        let doubt = self.phi.doubtful_at().filter(|_| !self.is_doubted);
        let end = self.phi.unreachable_at().filter(|_| !self.is_unreachable);
        let others = [self.knock_at, doubt, end];
        others.into_iter().flatten().fold(self.next_beat, Time::min)
    }

    /// Does what is due; at most one action of each kind.
    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        rules: &Rules,
        base: u64,
        out: &mut Vec<Action>,
    ) {
        let Target { name, address, .. } = &self.target;
        if self.knock_at.is_some_and(|at| at <= now) {
            self.knock_at = None;
            self.is_knocking = true;
            out.push(Action::Knock {
                name: name.clone(),
                address: *address,
            });
        }
        if self.next_beat <= now {
            self.asked += 1;
            self.next_beat = next(self.next_beat, now, rules.config.heartbeat_interval);
            self.knock_at = Some(now + rules.config.knock_after);
            out.push(Action::Beat {
                name: name.clone(),
                address: *address,
                nonce: base.wrapping_add(self.asked),
            });
        }
        if self.phi.doubtful_at().is_some_and(|at| at <= now) {
            self.doubt(out);
        }
        if self.phi.unreachable_at().is_some_and(|at| at <= now) {
            self.lose(now, out);
        }
    }

    /// An answer: `number` counts questions from 1.
    pub(super) fn handle_answer(&mut self, now: Time, number: u64, out: &mut Vec<Action>) {
        let is_new = number > self.answered && number <= self.asked;
        if is_new {
            self.answered = number;
        }
        self.begin();
        if self.is_unreachable {
            self.phi.resume(now);
            self.untimely = self.asked;
        } else if is_new && number > self.untimely {
            self.phi.heartbeat(now);
        }
        self.handle_heard(now, out);
    }

    /// The first message that is not answered counts, not the last.
    pub(super) fn handle_asked(&mut self, overdue: Time) {
        self.knock_at.get_or_insert(overdue);
    }

    pub(super) fn handle_heard(&mut self, now: Time, out: &mut Vec<Action>) {
        self.begin();
        if self.is_unreachable {
            self.phi.resume(now);
            out.push(Action::Reachable {
                name: self.target.name.clone(),
            });
        }
        self.phi.heard(now);
        self.knock_at = None;
        self.is_knocking = false;
        self.is_doubted = false;
        self.is_unreachable = false;
    }

    /// The port is closed. Without a knock since the node was last heard, it is no news.
    pub(super) fn handle_refused(&mut self, now: Time, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.is_knocking) {
            self.doubt(out);
            self.lose(now, out);
        }
    }

    pub(super) fn handle_pause(&mut self, now: Time, late: Duration) {
        self.phi.handle_pause(now, late);
        self.untimely = self.asked;
        self.knock_at = self.knock_at.map(|at| at + late);
    }

    /// The first sign of life replaces the grace of the start.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.is_heard, true) {
            self.phi.restart();
        }
    }

    fn doubt(&mut self, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.is_doubted, true) {
            out.push(Action::Doubt {
                name: self.target.name.clone(),
            });
        }
    }

    fn lose(&mut self, now: Time, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.is_unreachable, true) {
            out.push(Action::Unreachable {
                name: self.target.name.clone(),
                phi: self.phi.phi(now),
            });
        }
    }
}

/// Where in the interval a node is asked: spread by its name, so that the questions of
/// a node to all others do not go out in one burst.
fn phase(hash: u64, interval: Duration) -> Duration {
    let micros = interval.as_micros().max(1);
    let part = (u128::from(hash) * micros) >> 64;
    Duration::from_micros(u64::try_from(part).unwrap_or_default())
}

/// The first beat after `now` of the rhythm in which `last` is one.
fn next(last: Time, now: Time, interval: Duration) -> Time {
    let interval = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
    let behind = now.as_micros().saturating_sub(last.as_micros());
    let intervals = behind / interval.max(1) + 1;
    last + Duration::from_micros(intervals.saturating_mul(interval))
}
