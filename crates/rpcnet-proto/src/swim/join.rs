//! Getting into a cluster, and back into it.

use std::sync::Arc;
use std::time::Duration;

use super::agenda::Key;
use super::members::{Id, ME};
use super::precedence::Precedence;
use super::{
    Address, Body, Destination, Event, MemberState, Message, NodeName, Record, Row, Swim, Time,
    Transmit,
};

/// The seeds, and which of them have answered.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    seeds: Vec<Seed>,
    attempts: u32,
    has_joined: bool,
    stranger: Option<Stranger>,
    /// The last time that a stranger was asked to let this node in.
    question: Option<Question>,
}

/// Somebody who spoke to this node without being a member, and since when.
#[derive(Debug)]
struct Stranger {
    name: NodeName,
    since: Time,
}

#[derive(Debug)]
struct Question {
    nonce: u64,
    asked: Time,
}

#[derive(Debug)]
struct Seed {
    address: Address,
    /// Of the question that is open.
    nonce: Option<u64>,
    has_answered: bool,
}

impl Seeds {
    pub(super) fn add(&mut self, addresses: &[Address], limit: usize) {
        for address in addresses {
            let has_room = self.seeds.len() < limit;
            match self.seeds.iter_mut().find(|seed| seed.address == *address) {
                Some(seed) => seed.has_answered = false,
                None if has_room => self.seeds.push(Seed {
                    address: *address,
                    nonce: None,
                    has_answered: false,
                }),
                None => {}
            }
        }
        self.attempts = 0;
        self.has_joined = false;
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Address) -> bool) {
        self.seeds.retain(|seed| keep(&seed.address));
    }

    fn ask_all_again(&mut self) {
        self.seeds
            .iter_mut()
            .for_each(|seed| seed.has_answered = false);
    }

    fn is_empty(&self) -> bool {
        self.seeds.is_empty()
    }
}

impl Swim {
    /// M-30: asks the seeds that have not answered, less often each time. All of
    /// them are asked, so that two halves of a cluster that began apart meet.
    pub(super) fn on_join_turn(&mut self, now: Time) {
        if !self.takes_part() {
            return;
        }
        let is_alone = self.members.live() == 0;
        if is_alone {
            self.seeds.ask_all_again();
        }
        let mine = self.me.statement.address;
        let Some(record) = self.members.record(ME).cloned() else {
            return;
        };
        let mut asked = Vec::new();
        for seed in &mut self.seeds.seeds {
            if !seed.has_answered && seed.address != mine {
                let nonce = self.chance.next();
                seed.nonce = Some(nonce);
                asked.push((seed.address, nonce));
            }
        }
        if asked.is_empty() {
            return;
        }
        for (address, nonce) in asked {
            let record = Arc::clone(&record);
            self.push_transmit(Transmit {
                to: Destination::Seed(address),
                message: Message::new(Body::Join { nonce, record }),
                reliable: true,
            });
        }
        let longest = if is_alone {
            JOIN_AGAIN_MAX
        } else {
            SEED_AGAIN_MAX
        };
        let doubled = 1_u32 << self.seeds.attempts.min(10);
        self.seeds.attempts = self.seeds.attempts.saturating_add(1);
        let wait = self.config.join_interval.saturating_mul(doubled);
        // Half of it at random, so that a restarted cluster does not ask in step.
        let wait = wait
            .min(longest)
            .mul_f64(0.5 + 0.5 * self.chance.fraction());
        self.agenda.arm(Key::Join, now + wait);
    }

    /// M-30: a node that is spoken to by somebody it does not know asks that one to let it
    /// in: who speaks to it took it for the process that it was before, and its seeds may be
    /// gone. Where it has members, a stranger may be a member that it will hear of anyway.
    pub(super) fn ask_stranger(&mut self, now: Time, name: &NodeName) {
        let is_recent = |question: &Question| now.since(question.asked) < self.config.join_interval;
        let was_asked = self.seeds.question.as_ref().is_some_and(is_recent);
        if was_asked || !self.takes_part() {
            return;
        }
        if self.members.live() > 0 && !self.is_lasting_stranger(now, name) {
            return;
        }
        self.seeds.stranger = None;
        let Some(record) = self.members.record(ME).cloned() else {
            return;
        };
        let nonce = self.chance.next();
        self.seeds.question = Some(Question { nonce, asked: now });
        self.push_transmit(Transmit {
            to: Destination::Sender(name.clone()),
            message: Message::new(Body::Join { nonce, record }),
            reliable: true,
        });
    }

    /// Whether the stranger has been one for a while. One is kept in mind at a time.
    fn is_lasting_stranger(&mut self, now: Time, name: &NodeName) -> bool {
        if let Some(stranger) = &self.seeds.stranger {
            let age = now.since(stranger.since);
            if stranger.name == *name {
                return age >= STRANGER_AFTER;
            }
            if age < STRANGER_KEPT && self.members.find(&stranger.name).is_none() {
                return false;
            }
        }
        let name = name.clone();
        self.seeds.stranger = Some(Stranger { name, since: now });
        false
    }

    /// A node asks to be let in: it gets the live members and, where it was known
    /// before, what is known of it.
    pub(super) fn on_join(&mut self, now: Time, name: &NodeName, nonce: u64, record: &Arc<Record>) {
        if record.name() != name {
            return;
        }
        if self.learn(now, record, MemberState::Alive) == Some(Precedence::Stale) {
            self.report_stale_joiner(now, record);
        }
        if !self.may_serve(now) {
            return;
        }
        let joiner = self.members.find(name);
        let rows = self.members.rows();
        let wanted = rows.filter(|(id, _, state)| state.is_live() || Some(*id) == joiner);
        let rows = wanted.map(|(_, record, state)| Row {
            record: Arc::clone(record),
            state,
        });
        for (rows, last) in self.chunks(rows.collect()) {
            let body = Body::JoinReply { nonce, rows, last };
            self.answer(joiner, name, body, true);
        }
    }

    pub(super) fn on_join_reply(
        &mut self,
        now: Time,
        name: &NodeName,
        nonce: u64,
        rows: &[Row],
        last: bool,
    ) {
        let asked = |seed: &Seed| seed.nonce == Some(nonce);
        let at = self.seeds.seeds.iter().position(asked);
        let is_asked = |question: &Question| question.nonce == nonce;
        if at.is_none() && !self.seeds.question.as_ref().is_some_and(is_asked) {
            self.counters.answers_ignored += 1;
            return;
        }
        // The seed's own row comes first: its votes count once it is a member.
        for row in rows.iter().filter(|row| row.record.name() == name) {
            self.learn(now, &row.record, MemberState::Alive);
        }
        match self.members.find(name) {
            Some(from) => self.apply_rows(now, rows, from),
            None => rows.iter().for_each(|row| {
                self.learn(now, &row.record, row.state);
            }),
        }
        if !last {
            return;
        }
        match at.and_then(|at| self.seeds.seeds.get_mut(at)) {
            Some(seed) => {
                seed.nonce = None;
                seed.has_answered = true;
            }
            None => self.seeds.question = None,
        }
        if !self.seeds.has_joined {
            self.seeds.has_joined = true;
            self.seeds.attempts = 0;
            let via = name.clone();
            self.emit(Event::JoinedCluster { via });
            // Spread by this node as well as by the seed.
            self.publish(now);
        }
    }

    /// Sees to it that what a node does among others is being done: it has
    /// members to probe, or it looks for them.
    pub(super) fn wake(&mut self, now: Time) {
        if !self.takes_part() {
            return;
        }
        if self.members.live() == 0 {
            if !self.seeds.is_empty() && !self.agenda.is_armed(Key::Join) {
                self.seeds.attempts = 0;
                self.agenda.arm(Key::Join, now + self.config.join_interval);
            }
            self.agenda.disarm(Key::Probe);
            self.agenda.disarm(Key::Sync);
            return;
        }
        if !self.agenda.is_armed(Key::Probe) {
            let wait = self.config.probe_interval.mul_f64(self.chance.fraction());
            self.agenda.arm(Key::Probe, now + wait);
        }
        if !self.agenda.is_armed(Key::Sync) {
            let wait = self.config.sync_interval.mul_f64(self.chance.fraction());
            self.agenda.arm(Key::Sync, now + wait);
        }
    }

    /// A failed member is back, and spoke to this node itself: the two may have
    /// been apart together with others, so they compare everything.
    pub(super) fn heal_with(&mut self, now: Time, id: Id) {
        let is_due = self
            .healed_at
            .is_none_or(|at| now.since(at) >= self.config.gossip_interval);
        if is_due && self.takes_part() {
            self.healed_at = Some(now);
            self.ask_sync(now, id);
        }
    }
}

/// Gossip makes a member known well within this.
const STRANGER_AFTER: Duration = Duration::from_secs(3);
/// After this, another stranger is kept in mind.
const STRANGER_KEPT: Duration = Duration::from_secs(60);
/// How often a node asks that has nobody.
const JOIN_AGAIN_MAX: Duration = Duration::from_secs(30);
/// How often a node that has joined asks the seeds that never answered.
const SEED_AGAIN_MAX: Duration = Duration::from_secs(600);
