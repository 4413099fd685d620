//! What a message asks for, and what a timer is for.

use super::agenda::Key;
use super::members::Id;
use super::{Body, MemberState, Message, NodeName, Swim, Time};

impl Swim {
    pub(super) fn on_body(&mut self, now: Time, id: Option<Id>, from: &NodeName, body: Body) {
        match body {
            Body::Ping { nonce, on_stream } => {
                self.answer(id, from, Body::Ack { nonce }, on_stream);
            }
            Body::Ack { nonce } => self.on_ack(now, id, nonce),
            Body::PingReq { nonce, target } => {
                if let Some(id) = id {
                    self.on_ping_req(now, id, nonce, &target);
                }
            }
            Body::Nack { nonce } => self.on_nack(id, nonce),
            Body::ForwardedAck { nonce } => self.on_forwarded_ack(now, id, nonce),
            Body::Gossip => {}
            Body::Join { nonce, record } => self.on_join(now, from, nonce, &record),
            Body::JoinReply { nonce, rows, parts } => {
                self.on_join_reply(now, from, nonce, &rows, parts);
            }
            Body::Sync { nonce, digests } => self.on_sync(now, id, from, nonce, &digests),
            Body::SyncReply {
                nonce,
                differing,
                rows,
                parts,
            } => self.on_sync_reply(now, id, nonce, differing, &rows, parts),
            Body::SyncPush { rows, .. } => {
                if let Some(id) = id.filter(|id| self.members.is_live(*id)) {
                    self.apply_rows(now, &rows, id);
                }
            }
        }
    }

    pub(super) fn on_due(&mut self, now: Time, key: Key) {
        match key {
            Key::ProbeDirect(nonce) => self.on_direct_timeout(nonce),
            Key::ProbeEnd(nonce) => self.on_probe_end(now, nonce),
            Key::Relay(nonce) => self.on_relay_timeout(now, nonce),
            Key::Suspicion(id) => self.on_suspicion_end(now, id),
            Key::Refute => self.refute(now),
            Key::Forget(id) => self.forget_member(id),
            Key::Prove(id) => self.ask_for_proof(now, id),
            Key::Probe => self.on_probe_turn(now),
            Key::Sweep => self.on_sweep(now),
            Key::Gossip => self.on_gossip(now),
            Key::Sync => self.on_sync_turn(now),
            Key::Retry => self.on_retry(now),
            Key::Join => self.on_join_turn(now),
            Key::Depart => self.depart(),
            Key::Partition => self.on_partition_due(now),
        }
    }

    /// Any message of a member proves that it lives (M-21).
    pub(super) fn heard(&mut self, now: Time, id: Id) {
        self.partition.heard(now);
        if let Some(suspicion) = self.suspicions.get_mut(&id) {
            suspicion.heard = Some(now);
        }
        for probe in &mut self.probes {
            probe.heard |= probe.member == id;
        }
    }

    /// Who is doubted and speaks is told so, once per period: it may not know (M-19).
    pub(super) fn tell_doubt(&mut self, now: Time, id: Id) {
        let state = self.members.state(id);
        let is_doubted = match state {
            Some(MemberState::Suspect) => self.config.lifeguard,
            state => state == Some(MemberState::Failed),
        };
        let period = self.config.probe_interval;
        let is_due = self
            .told
            .get(&id)
            .is_none_or(|told| now.since(*told) >= period);
        if is_doubted && is_due && self.takes_part() {
            self.told.insert(id, now);
            self.send(id, Message::new(Body::Gossip), false);
        }
    }
}
