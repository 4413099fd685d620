//! [`Monitor`]: the watch over many nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Target};
use super::config::Config;
use super::detector::{Phi, Rules};
use super::edge::Edge;
use super::ring;
use crate::swim::{NodeName, Time};

/// Whom to ask when, who is silent for too long, and whose port to knock at.
///
/// Use: tell it whom it may watch by [`watch`](Self::watch), and what happens by the
/// `handle_` methods; do the actions that they append; sleep until
/// [`poll_timeout`](Self::poll_timeout) and call [`handle_timeout`](Self::handle_timeout).
/// A call appends at most four actions per edge. Calls may come late, in any order and
/// with times that go back; none panics. Memory is bounded by
/// [`Config::edges_max`] and [`Config::window`].
#[derive(Debug)]
pub struct Monitor {
    rules: Rules,
    own: NodeName,
    /// Nonces count up from here, so that the answers to two monitors of one node differ.
    base: u64,
    edges: BTreeMap<NodeName, Edge>,
    agenda: BTreeSet<(Time, NodeName)>,
    /// Lateness up to here was made up for.
    guarded: Time,
}

impl Monitor {
    /// Makes a monitor that watches nobody yet, for the node `own`. Nonces are numbered
    /// from `seed`.
    #[must_use]
    pub fn new(config: Config, own: NodeName, seed: u64) -> Self {
        Self {
            rules: Rules::new(config),
            own,
            base: seed,
            edges: BTreeMap::new(),
            agenda: BTreeSet::new(),
            guarded: Time::default(),
        }
    }

    /// Sets whom to watch: of the targets, this node excluded, those that follow it on
    /// the ring of name hashes, up to [`Config::edges_max`].
    ///
    /// Who is watched already goes on being watched, at its new address where it has one.
    /// Who is no target any more is forgotten, also where it was unreachable: no action
    /// tells so. Who is new starts with the first estimate, and so does who was started
    /// anew; where it was unreachable, it stays so until it is heard.
    pub fn watch(&mut self, now: Time, targets: Vec<Target>) {
        self.guard(now);
        let chosen = ring::choose(&self.own, targets, self.rules.config.edges_max);
        let mut before = std::mem::take(&mut self.edges);
        self.agenda.clear();
        for target in chosen {
            let edge = match before.remove(&target.name) {
                Some(mut edge) if edge.is_of(&target) => {
                    edge.move_to(target);
                    edge
                }
                Some(former) => former.anew(self.rules, target, now),
                None => Edge::new(self.rules, target, now),
            };
            let name = edge.target().name.clone();
            self.agenda.insert((edge.due(), name.clone()));
            self.edges.insert(name, edge);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time, out: &mut Vec<Action>) {
        self.guard(now);
        let rules = self.rules;
        let base = self.base;
        // Each once: at the end of time, nothing is ever due later than now.
        let mut due = Vec::new();
        while let Some(first) = self.agenda.first().filter(|(at, _)| *at <= now).cloned() {
            self.agenda.remove(&first);
            due.push(first.1);
        }
        for name in due {
            if let Some(edge) = self.edges.get_mut(&name) {
                edge.handle_timeout(now, &rules, base, out);
                self.agenda.insert((edge.due(), name));
            }
        }
    }

    /// A node answered a question. An answer to none that was asked is taken for a sign
    /// of life all the same.
    pub fn handle_answer(&mut self, now: Time, name: &NodeName, nonce: u64, out: &mut Vec<Action>) {
        let number = nonce.wrapping_sub(self.base);
        self.with(now, name, |edge| edge.handle_answer(now, number, out));
    }

    /// A node was sent something else than a question. Where it is not heard for as long
    /// as after a question, its port is knocked at.
    pub fn handle_asked(&mut self, now: Time, name: &NodeName) {
        let after = self.rules.config.knock_after;
        self.with(now, name, |edge| edge.handle_asked(now + after));
    }

    /// A node was heard in another way that proves who it is.
    pub fn handle_heard(&mut self, now: Time, name: &NodeName, out: &mut Vec<Action>) {
        self.with(now, name, |edge| edge.handle_heard(now, out));
    }

    /// The port of a node was knocked at and is closed.
    pub fn handle_refused(&mut self, now: Time, name: &NodeName, out: &mut Vec<Action>) {
        self.with(now, name, |edge| edge.handle_refused(now, out));
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` while nobody is
    /// watched.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.agenda.first().map(|(due, _)| *due)
    }

    /// The detector of a node that is watched.
    #[must_use]
    pub fn detector(&self, name: &NodeName) -> Option<&Phi> {
        self.edges.get(name).map(Edge::detector)
    }

    /// Who is watched.
    pub fn watched(&self) -> impl Iterator<Item = &NodeName> {
        self.edges.keys()
    }

    /// Who is unreachable.
    pub fn unreachable(&self) -> impl Iterator<Item = &NodeName> {
        let lost = self.edges.iter().filter(|(_, edge)| edge.is_unreachable());
        lost.map(|(name, _)| name)
    }

    fn with(&mut self, now: Time, name: &NodeName, change: impl FnOnce(&mut Edge)) {
        self.guard(now);
        if let Some(edge) = self.edges.get_mut(name) {
            self.agenda.remove(&(edge.due(), name.clone()));
            change(edge);
            self.agenda.insert((edge.due(), name.clone()));
        }
    }

    /// Every call begins here: where the owner is so late that it cannot have run, the
    /// silence of that time is its own, and nobody's fault.
    fn guard(&mut self, now: Time) {
        let Some(due) = self.poll_timeout() else {
            return;
        };
        let late = now.since(due.max(self.guarded));
        if late <= self.rules.config.heartbeat_interval / LATENESS_PART {
            return;
        }
        self.guarded = now;
        self.agenda.clear();
        for (name, edge) in &mut self.edges {
            edge.handle_pause(now, late);
            self.agenda.insert((edge.due(), name.clone()));
        }
    }
}

/// Lateness below a tenth of the interval is the noise of timers, and part of what the
/// deviation measures.
const LATENESS_PART: u32 = 10;
