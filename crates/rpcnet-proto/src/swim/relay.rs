//! Probing on behalf of others.

use super::agenda::Key;
use super::members::{Id, ME};
use super::{Body, Message, NodeName, Swim, Time};

/// A probe that another member asked for.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    /// Of this node's own ping.
    nonce: u64,
    asker: Id,
    asked_nonce: u64,
    target: Id,
    has_nacked: bool,
}

impl Relay {
    pub(super) fn concerns(&self, id: Id) -> bool {
        self.asker == id || self.target == id
    }
}

impl Swim {
    /// A member asks to ping another. The address is the one that this node
    /// knows: nobody can make it send anywhere else (M-16).
    pub(super) fn on_ping_req(&mut self, now: Time, from: Id, asked_nonce: u64, name: &NodeName) {
        if !self.members.is_live(from) {
            return;
        }
        let target = self.members.find(name);
        let target = target.filter(|target| *target != ME && *target != from);
        let has_room = self.relays.len() < self.config.limits.relays;
        let Some(target) = target.filter(|_| has_room) else {
            let nonce = asked_nonce;
            self.send(from, Message::new(Body::Nack { nonce }), false);
            return;
        };
        let nonce = self.chance.next();
        self.relays.push(Relay {
            nonce,
            asker: from,
            asked_nonce,
            target,
            has_nacked: false,
        });
        self.counters.relayed += 1;
        // Early enough that the nack arrives before the asker's own probe ends.
        let patience = self.probe_timeout().min(self.config.probe_interval / 4);
        self.agenda.arm(Key::Relay(nonce), now + patience);
        let on_stream = false;
        self.send(
            target,
            Message::new(Body::Ping { nonce, on_stream }),
            on_stream,
        );
    }

    /// Says that there is no answer yet, then waits a little longer for it.
    pub(super) fn on_relay_timeout(&mut self, now: Time, nonce: u64) {
        let Some(at) = self.relays.iter().position(|relay| relay.nonce == nonce) else {
            return;
        };
        let Some(relay) = self.relays.get_mut(at) else {
            return;
        };
        if relay.has_nacked {
            self.relays.swap_remove(at);
            return;
        }
        relay.has_nacked = true;
        let (asker, asked_nonce) = (relay.asker, relay.asked_nonce);
        self.agenda
            .arm(Key::Relay(nonce), now + self.config.probe_interval);
        let body = Body::Nack { nonce: asked_nonce };
        self.send(asker, Message::new(body), false);
    }

    /// M-14: an answer is passed on only from whom it was asked of.
    pub(super) fn on_relayed_ack(&mut self, from: Option<Id>, nonce: u64) {
        let found = self
            .relays
            .iter()
            .position(|relay| relay.nonce == nonce && Some(relay.target) == from);
        let Some(at) = found else {
            self.counters.answers_ignored += 1;
            return;
        };
        let relay = self.relays.swap_remove(at);
        self.agenda.disarm(Key::Relay(nonce));
        let body = Body::ForwardedAck {
            nonce: relay.asked_nonce,
        };
        self.send(relay.asker, Message::new(body), false);
    }

    /// Gives up what others asked for (M-22).
    pub(super) fn drop_relays(&mut self) {
        for relay in std::mem::take(&mut self.relays) {
            self.agenda.disarm(Key::Relay(relay.nonce));
        }
    }
}
