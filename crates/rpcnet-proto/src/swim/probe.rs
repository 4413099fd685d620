//! One member asked whether it is there, directly, through others, on a stream.

use std::time::Duration;

use super::agenda::Key;
use super::members::{Id, ME};
use super::order::Region;
use super::{Body, Message, Swim, Time, Verdict};

/// Why a member is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is its turn.
    Turn,
    /// Somebody doubts it.
    Doubt,
    /// Many others went out of reach at once.
    Sweep,
}

/// A question that is open.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) member: Id,
    nonce: u64,
    /// That of the ping on a stream, apart so that it does not spoil the round trips.
    stream_nonce: u64,
    began: Time,
    pub(super) cause: Cause,
    /// Those that were asked to probe too and have not answered.
    silent: Vec<Id>,
    asked: bool,
    /// How many were asked.
    relays: usize,
    /// Whether anything at all came from the member since it began.
    pub(super) heard: bool,
}

impl Swim {
    /// The next member's turn: every member once per round, in an order that is
    /// new in each (M-12).
    pub(super) fn on_probe_turn(&mut self, now: Time) {
        if self.me.is_yielding() {
            // Another node has the name: probes in it would only confuse. Ask now
            // and then what has become of that one (M-11).
            self.agenda.arm(Key::Probe, now + YIELDING_ASKS);
            if let Some(peer) = self.draw_live(1, ME).first() {
                self.ask_sync(now, *peer);
            }
            return;
        }
        let interval = self.awareness.scale(self.config.probe_interval);
        self.agenda.arm(Key::Probe, now + interval);
        let order = self.members.order_mut();
        if order.len(Region::Unprobed) == 0 {
            order.begin_round();
        }
        let draw = self.chance.below(order.len(Region::Unprobed));
        let Some(id) = order.at(Region::Unprobed, draw) else {
            return;
        };
        order.shift(id, Region::Probed);
        self.begin_probe(now, id, Cause::Turn);
    }

    /// Asks a member, unless it is being asked or too many are; returns whether it does.
    pub(super) fn begin_probe(&mut self, now: Time, id: Id, cause: Cause) -> bool {
        let is_open = self.probes.iter().any(|probe| probe.member == id);
        if is_open || self.probes.len() >= self.config.limits.probes || !self.takes_part() {
            return false;
        }
        let nonce = self.chance.next();
        let interval = self.awareness.scale(self.config.probe_interval);
        let timeout = self.awareness.scale(self.probe_timeout());
        // Relays and the stream have had their time by then; what is left of the
        // period would only delay the news.
        let end = interval.min((interval * 3 / 5).max(timeout * 2));
        self.agenda.arm(Key::ProbeDirect(nonce), now + timeout);
        self.agenda.arm(Key::ProbeEnd(nonce), now + end);
        self.probes.push(Probe {
            member: id,
            nonce,
            stream_nonce: 0,
            began: now,
            cause,
            silent: Vec::new(),
            asked: false,
            relays: 0,
            heard: false,
        });
        self.counters.probes += 1;
        let on_stream = false;
        self.send(id, Message::new(Body::Ping { nonce, on_stream }), on_stream);
        true
    }

    /// No direct answer: ask others to ask, and try a stream (M-13).
    pub(super) fn on_direct_timeout(&mut self, nonce: u64) {
        let Some(at) = self.probes.iter().position(|probe| probe.nonce == nonce) else {
            return;
        };
        let Some(target) = self.probes.get(at).map(|probe| probe.member) else {
            return;
        };
        let relays = self.draw_relays(self.config.indirect_probes, target);
        let stream_nonce = self.chance.next();
        if let Some(probe) = self.probes.get_mut(at) {
            probe.silent.clone_from(&relays);
            probe.relays = relays.len();
            probe.stream_nonce = stream_nonce;
            probe.asked = true;
        }
        if let Some(target) = self.name_of(target) {
            for relay in relays {
                let target = target.clone();
                let body = Body::PingReq { nonce, target };
                self.send(relay, Message::new(body), false);
            }
        }
        let (nonce, on_stream) = (stream_nonce, true);
        self.send(
            target,
            Message::new(Body::Ping { nonce, on_stream }),
            on_stream,
        );
    }

    /// The time is up and nobody answered.
    pub(super) fn on_probe_end(&mut self, now: Time, nonce: u64) {
        let Some(probe) = self.take_probe(|probe| probe.nonce == nonce) else {
            return;
        };
        if !self.members.is_live(probe.member) {
            return;
        }
        if self.config.lifeguard && probe.heard {
            // M-21: its messages come through; that it lives is beyond doubt.
            self.partition.answered(now, probe.cause);
            return;
        }
        self.counters.probes_failed += 1;
        if probe.cause == Cause::Sweep {
            // M-15: it says nothing about this node's health, for it asks because many are
            // out of reach.
            self.sweep.found();
        } else if self.config.lifeguard {
            // M-15: relays that all say that they had no answer either speak for
            // this node's health; without any, nobody does.
            let missed = match probe.relays {
                0 => 1,
                _ => probe.silent.len() as u32,
            };
            self.counters.nacks_missed += probe.silent.len() as u64;
            self.awareness.worsen(missed);
        }
        if now < self.guard_until {
            return;
        }
        self.partition.unanswered(probe.cause);
        self.doubt(now, probe.member, ME, Verdict::Suspect);
        self.assess_partition(now);
    }

    /// M-14: an answer counts from whom it was asked of, and once.
    pub(super) fn on_ack(&mut self, now: Time, from: Option<Id>, nonce: u64) {
        let from_target = |probe: &Probe| Some(probe.member) == from;
        let is_answer = |probe: &Probe| {
            from_target(probe)
                && (probe.nonce == nonce || (probe.asked && probe.stream_nonce == nonce))
        };
        if let Some(probe) = self.take_probe(is_answer) {
            if probe.nonce == nonce {
                self.rtt.record(now.since(probe.began));
            } else {
                self.counters.probes_indirect += 1;
            }
            self.answered(now, &probe);
        } else {
            self.on_relayed_ack(from, nonce);
        }
    }

    /// M-14: a relay's answer counts where this relay was asked and had not answered.
    pub(super) fn on_forwarded_ack(&mut self, now: Time, from: Option<Id>, nonce: u64) {
        let was_asked = |probe: &Probe| {
            probe.nonce == nonce && from.is_some_and(|from| probe.silent.contains(&from))
        };
        match self.take_probe(was_asked) {
            Some(probe) => {
                self.counters.probes_indirect += 1;
                self.answered(now, &probe);
            }
            None => self.counters.answers_ignored += 1,
        }
    }

    pub(super) fn on_nack(&mut self, from: Option<Id>, nonce: u64) {
        let asked = self.probes.iter_mut().find(|probe| probe.nonce == nonce);
        let heard = asked.and_then(|probe| {
            let at = probe.silent.iter().position(|id| Some(*id) == from)?;
            Some(probe.silent.swap_remove(at))
        });
        if heard.is_none() {
            self.counters.answers_ignored += 1;
        }
    }

    /// Gives up every open question without a verdict (M-22).
    pub(super) fn drop_probes(&mut self) {
        for probe in std::mem::take(&mut self.probes) {
            self.agenda.disarm(Key::ProbeDirect(probe.nonce));
            self.agenda.disarm(Key::ProbeEnd(probe.nonce));
        }
    }

    pub(super) fn probe_timeout(&self) -> Duration {
        let config = &self.config;
        self.rtt
            .timeout(config.probe_timeout_min, config.probe_timeout_max)
    }

    /// Gives up what concerns a member whose row is about to be reused.
    pub(super) fn drop_questions_about(&mut self, id: Id) {
        while self.take_probe(|probe| probe.member == id).is_some() {}
        self.relays.retain(|relay| !relay.concerns(id));
        self.syncs.retain(|sync| sync.peer != id);
    }

    fn answered(&mut self, now: Time, probe: &Probe) {
        if probe.cause != Cause::Sweep {
            self.awareness.improve();
        }
        self.partition.answered(now, probe.cause);
    }

    fn take_probe(&mut self, is_it: impl Fn(&Probe) -> bool) -> Option<Probe> {
        let at = self.probes.iter().position(is_it)?;
        let probe = self.probes.swap_remove(at);
        self.agenda.disarm(Key::ProbeDirect(probe.nonce));
        self.agenda.disarm(Key::ProbeEnd(probe.nonce));
        Some(probe)
    }
}

const YIELDING_ASKS: Duration = Duration::from_secs(5);
