//! Spreading news, and everything else that is sent.

use std::sync::Arc;

use super::agenda::Key;
use super::members::{Id, ME};
use super::queue::{About, retransmissions};
use super::{
    Body, Destination, MemberState, Message, NodeName, Swim, Time, Transmit, Update, Verdict,
};

impl Swim {
    /// Queues an update and sees to it that it is pushed soon: at once where
    /// nothing was pushed for a quarter of the interval. Each hop would otherwise
    /// wait for half of one, wherever there is other news.
    pub(super) fn spread(&mut self, now: Time, about: About, update: Update) {
        self.queue.push(about, update);
        let soon = self
            .gossiped_at
            .map_or(now, |at| at + self.config.gossip_interval / 4);
        let soon = soon.max(now);
        if self.agenda.time_of(Key::Gossip).is_none_or(|at| at > soon) {
            self.agenda.arm(Key::Gossip, soon);
        }
    }

    /// M-23: pushes what is queued to a few members.
    pub(super) fn on_gossip(&mut self, now: Time) {
        if self.members.live() == 0 || self.me.is_yielding() {
            // Whoever comes gets it all with the reply to its join.
            self.queue.clear();
        }
        if self.queue.is_empty() {
            return;
        }
        self.gossiped_at = Some(now);
        self.agenda
            .arm(Key::Gossip, now + self.config.gossip_interval);
        for to in self.draw_live(self.config.gossip_fanout, ME) {
            // M-25: what does not fit into one datagram goes as a stream.
            let limits = &self.config.limits;
            let is_backlog = self.queue.bytes() + GOSSIP_OVERHEAD > limits.datagram_bytes;
            let budget = if is_backlog {
                limits.stream_bytes
            } else {
                limits.datagram_bytes
            };
            let mut message = Message::new(Body::Gossip);
            self.fill(to, &mut message, budget);
            if !message.updates.is_empty() {
                self.transmit(to, message, is_backlog);
            }
        }
        if self.queue.is_empty() {
            self.agenda.disarm(Key::Gossip);
        }
    }

    /// Sends a message to a member, with what news fit into a datagram.
    pub(super) fn send(&mut self, to: Id, mut message: Message, reliable: bool) {
        self.fill(to, &mut message, self.config.limits.datagram_bytes);
        let reliable = reliable || message.encoded_len() > self.config.limits.datagram_bytes;
        self.transmit(to, message, reliable);
    }

    /// Sends a large message as it is.
    pub(super) fn send_whole(&mut self, to: Id, body: Body) {
        self.transmit(to, Message::new(body), true);
    }

    /// Answers whoever sent the message that is being handled, where it came from:
    /// its name may be another node's as well, at another address.
    pub(super) fn answer(&mut self, to: Option<Id>, from: &NodeName, body: Body, reliable: bool) {
        let mut message = Message::new(body);
        let is_small = matches!(message.body, Body::Ack { .. });
        if let Some(to) = to.filter(|_| is_small) {
            self.fill(to, &mut message, self.config.limits.datagram_bytes);
        }
        let is_large = message.encoded_len() > self.config.limits.datagram_bytes;
        self.push_transmit(Transmit {
            to: Destination::Sender(from.clone()),
            message,
            reliable: reliable || is_large,
        });
    }

    /// Adds news: first what concerns the receiver itself, then the queue's.
    fn fill(&mut self, to: Id, message: &mut Message, budget: usize) {
        // M-19, the buddy system: who is doubted is told so by whoever speaks to it.
        let verdict = match self.members.state(to) {
            Some(MemberState::Suspect) if self.config.lifeguard => Some(Verdict::Suspect),
            Some(MemberState::Failed) => Some(Verdict::Failed),
            _ => None,
        };
        let vote = verdict.and_then(|verdict| self.vote_on(to, ME, verdict));
        message
            .updates
            .extend(vote.map(|vote| Update::Vote(Arc::new(vote))));
        if std::mem::take(&mut self.owes_record)
            && let Some(record) = self.members.record(ME)
        {
            message.updates.push(Update::Record(Arc::clone(record)));
        }
        // Two bytes more, should the count of updates need them.
        let used = message.encoded_len() + 2;
        let members = self.members.live().saturating_add(1);
        let sent_max = retransmissions(self.config.retransmit_multiplier, members);
        let budget = budget.saturating_sub(used);
        self.queue.fill(&mut message.updates, budget, sent_max);
    }

    fn transmit(&mut self, to: Id, message: Message, reliable: bool) {
        let Some(member) = self.members.member(to) else {
            return;
        };
        let to = Destination::Member {
            name: member.name().clone(),
            address: member.address(),
        };
        self.push_transmit(Transmit {
            to,
            message,
            reliable,
        });
    }

    pub(super) fn push_transmit(&mut self, transmit: Transmit) {
        if self.transmits.len() >= self.config.limits.transmits {
            self.transmits.pop_front();
            self.counters.transmits_dropped += 1;
        }
        self.transmits.push_back(transmit);
    }

    /// As [`Self::draw_live`], alive members only where enough are: a suspect is no
    /// good witness.
    pub(super) fn draw_relays(&mut self, count: usize, except: Id) -> Vec<Id> {
        let mut relays = self.draw_live(count.saturating_mul(3), except);
        let is_doubted = |id: &Id| self.members.state(*id) == Some(MemberState::Suspect);
        relays.sort_by_key(is_doubted);
        relays.truncate(count);
        relays
    }

    /// Up to `count` different live members, none of them `except`.
    pub(super) fn draw_live(&mut self, count: usize, except: Id) -> Vec<Id> {
        let order = self.members.order();
        let live = order.live();
        if live <= count.saturating_add(1) {
            let all = (0..live).filter_map(|at| order.live_at(at));
            let mut drawn: Vec<Id> = all.filter(|id| *id != except).collect();
            if drawn.len() > count {
                // One too many, and not always the same one.
                let spared = self.chance.below(drawn.len());
                drawn.swap_remove(spared);
            }
            return drawn;
        }
        let mut drawn = Vec::with_capacity(count);
        // Most draws hit: there are more members than are drawn.
        for _ in 0..count.saturating_mul(8) {
            if drawn.len() >= count {
                break;
            }
            if let Some(id) = order.live_at(self.chance.below(live))
                && id != except
                && !drawn.contains(&id)
            {
                drawn.push(id);
            }
        }
        drawn
    }
}

/// The body and the count of a gossip message.
const GOSSIP_OVERHEAD: usize = 8;
