//! What is counted while a cluster runs, and who learns what when.

use std::time::Duration;

use super::Cluster;
use crate::clock::Time;
use crate::engine::{Engine, Rank, Row, What};

/// Counts since the beginning.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Messages sent, by kind.
    pub messages: Vec<u64>,
    /// Bytes sent, by kind.
    pub bytes: Vec<u64>,
    /// Messages sent on streams.
    pub streams: u64,
    /// Bytes sent on streams.
    pub stream_bytes: u64,
    /// The largest datagram, in bytes.
    pub datagram_bytes_max: usize,
    /// Messages that the network lost.
    pub lost: u64,
    /// Messages that found a socket's buffer full.
    pub overflowed: u64,
    /// Messages that an engine took in.
    pub received: u64,
    /// Times that an engine's timer ran.
    pub woken: u64,
    /// Suspicions raised, by observer.
    pub suspected: u64,
    /// Nodes thought failed that were there, by observer.
    pub false_failed: u64,
    /// Of those, about nodes with which nothing was wrong.
    pub false_about_healthy: u64,
    /// Of those again, by nodes with which nothing was wrong either.
    pub false_between_healthy: u64,
}

impl Counts {
    pub(super) fn new(kinds: usize) -> Self {
        Self {
            messages: vec![0; kinds],
            bytes: vec![0; kinds],
            ..Self::default()
        }
    }

    pub(super) fn sent(&mut self, kind: usize, bytes: usize, reliable: bool) {
        self.messages[kind] += 1;
        self.bytes[kind] += bytes as u64;
        if reliable {
            self.streams += 1;
            self.stream_bytes += bytes as u64;
        } else {
            self.datagram_bytes_max = self.datagram_bytes_max.max(bytes);
        }
    }

    pub(super) fn changed(&mut self, what: What) {
        if what == What::Suspected {
            self.suspected += 1;
        }
    }

    /// All messages sent.
    #[must_use]
    pub fn messages_sent(&self) -> u64 {
        self.messages.iter().sum()
    }

    /// All bytes sent.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.bytes.iter().sum()
    }
}

/// What a watch waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The node is thought failed, or known to have left.
    Gone,
    /// The node is known to be there, in this epoch or a newer one.
    There(u64),
    /// This version of the node's tags is known, or a newer one.
    Tagged(u64),
}

impl Aim {
    fn is_met(self, row: Row) -> bool {
        match self {
            Self::Gone => row.rank >= Rank::Failed,
            Self::There(epoch) => row.epoch >= epoch && row.rank.is_live(),
            Self::Tagged(tag) => row.tag >= tag,
        }
    }
}

/// Who learns something about a node, and when.
#[derive(Debug, Clone)]
pub struct Watch {
    about: u32,
    aim: Aim,
    since: Time,
    learned: Vec<Option<Time>>,
}

impl Watch {
    pub(super) fn look(&mut self, now: Time, observer: u32, about: u32, row: Row) {
        if about == self.about && self.aim.is_met(row) {
            self.learned[observer as usize].get_or_insert(now);
        }
    }

    /// How long after the beginning of the watch each of `observers` learned it; the shortest first. Who did not learn it is
    /// missing.
    #[must_use]
    pub fn delays(&self, observers: &[u32]) -> Vec<Duration> {
        let learned = observers.iter().filter_map(|at| self.learned[*at as usize]);
        let mut delays: Vec<Duration> = learned.map(|at| at.since(self.since)).collect();
        delays.sort_unstable();
        delays
    }
}

/// For so long after something was wrong with a node, or with its links, its verdicts and those about it
/// are excused. Longer than a suspicion of a small cluster lasts.
const EXCUSED: Duration = Duration::from_secs(60);

/// No rule says what happens when more than this share of the messages is lost.
const LOSS_MAX: f64 = 0.101;

impl<E: Engine> Cluster<E> {
    /// Watches who learns something about a node from now on; returns the number to ask [`Cluster::watched`] with.
    pub fn watch(&mut self, about: u32, aim: Aim) -> usize {
        self.watches.push(Watch {
            about,
            aim,
            since: self.now,
            learned: vec![None; self.nodes.len()],
        });
        self.watches.len() - 1
    }

    /// A watch, by its number.
    #[must_use]
    pub fn watched(&self, watch: usize) -> &Watch {
        &self.watches[watch]
    }

    /// The nodes that run and have not said goodbye.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        (0..)
            .zip(&self.nodes)
            .filter(|(_, node)| node.is_member())
            .map(|(number, _)| number)
            .collect()
    }

    /// `observer` says that `about` failed. If it has not, that is counted, and may break a rule.
    pub(super) fn judge(&mut self, observer: u32, about: u32) {
        let Some(of) = self.nodes.get(about as usize) else {
            return;
        };
        let Some(truth) = of.engine.as_ref().and_then(|engine| engine.row(about)) else {
            return;
        };
        let engine = self.nodes[observer as usize].engine.as_ref();
        let row = engine.and_then(|engine| engine.row(about));
        // A verdict about an earlier start of the node is true.
        let Some(row) = row.filter(|row| of.is_member() && row.epoch == truth.epoch) else {
            return;
        };
        let is_healthy = self.is_healthy(about);
        let are_healthy = is_healthy && self.is_healthy(observer);
        self.counts.false_failed += 1;
        self.counts.false_about_healthy += u64::from(is_healthy);
        self.counts.false_between_healthy += u64::from(are_healthy);
        if self.plan.check
            && are_healthy
            && self.plan.link.loss <= LOSS_MAX
            && self.is_reached_by_most(about)
            && self.is_reached_by_most(observer)
        {
            let detail = format!("node {observer} about {about}: {row:?}");
            self.checker
                .broken(self.now, crate::invariant::Rule::FalseFailure, detail);
        }
    }

    fn is_healthy(&self, node: u32) -> bool {
        let until = self.nodes[node as usize].impaired_until;
        until == Time::ZERO || until + EXCUSED < self.now
    }

    fn is_reached_by_most(&self, node: u32) -> bool {
        let since = self.now - EXCUSED;
        if self.network.was_whole(since, self.now) {
            return true;
        }
        let members = self.members();
        let reached = members.iter().filter(|other| {
            // Who froze or crawled reached nobody for a while.
            self.is_healthy(**other)
                && !self.network.was_cut(**other, node, since, self.now)
                && !self.network.was_cut(node, **other, since, self.now)
        });
        2 * reached.count() > members.len()
    }
}
