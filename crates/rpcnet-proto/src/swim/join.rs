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
use crate::chance::Chance;

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
    reply: Reply,
}

#[derive(Debug)]
struct Seed {
    address: Address,
    /// Of the question that is open.
    nonce: Option<u64>,
    reply: Reply,
    has_answered: bool,
}

/// What has arrived of the answer to a question: how many messages, and when the
/// newest of them. They may overtake one another.
#[derive(Clone, Copy, Debug, Default)]
struct Reply {
    parts: u64,
    newest: Option<Time>,
}

impl Reply {
    /// Counts a message of one that has `parts`; whether it is complete.
    fn take(&mut self, now: Time, parts: u64) -> bool {
        self.parts += 1;
        self.newest = Some(now);
        self.parts >= parts
    }

    fn is_arriving(&self, now: Time) -> bool {
        self.newest
            .is_some_and(|newest| now.since(newest) < REPLY_PAUSE_MAX)
    }
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
                    reply: Reply::default(),
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

    fn has_asked(&self, nonce: u64) -> bool {
        let is_asked = |question: &Question| question.nonce == nonce;
        let mut seeds = self.seeds.iter();
        seeds.any(|seed| seed.nonce == Some(nonce)) || self.question.as_ref().is_some_and(is_asked)
    }

    /// Counts a message of the answer to the question with this nonce. Returns
    /// whether the answer is complete; then the question is closed.
    fn take_reply(&mut self, now: Time, nonce: u64, parts: u64) -> bool {
        let mut seeds = self.seeds.iter_mut();
        if let Some(seed) = seeds.find(|seed| seed.nonce == Some(nonce)) {
            seed.has_answered = seed.reply.take(now, parts);
            if seed.has_answered {
                seed.nonce = None;
                seed.reply = Reply::default();
            }
            return seed.has_answered;
        }
        let question = self.question.as_mut();
        let is_complete = question.is_some_and(|question| question.reply.take(now, parts));
        if is_complete {
            self.question = None;
        }
        is_complete
    }

    /// Asks every seed that has not answered and is not answering: the nonce for each.
    /// `None` where all have answered.
    fn questions(
        &mut self,
        now: Time,
        mine: Address,
        chance: &mut Chance,
    ) -> Option<Vec<(Address, u64)>> {
        let seeds = self.seeds.iter_mut();
        let mut open = seeds
            .filter(|seed| !seed.has_answered && seed.address != mine)
            .peekable();
        open.peek()?;
        // Asked anew, a seed would begin the answer that is arriving anew.
        let silent = open.filter(|seed| !seed.reply.is_arriving(now));
        let ask = |seed: &mut Seed| {
            let nonce = chance.next();
            seed.nonce = Some(nonce);
            seed.reply = Reply::default();
            (seed.address, nonce)
        };
        Some(silent.map(ask).collect())
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
        let Some(questions) = self.seeds.questions(now, mine, &mut self.chance) else {
            return;
        };
        for (address, nonce) in questions {
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
        self.seeds.question = Some(Question {
            nonce,
            asked: now,
            reply: Reply::default(),
        });
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
        let chunks = self.chunks(rows.collect());
        let parts = chunks.len() as u64;
        for rows in chunks {
            let body = Body::JoinReply { nonce, rows, parts };
            self.answer(joiner, name, body, true);
        }
    }

    pub(super) fn on_join_reply(
        &mut self,
        now: Time,
        name: &NodeName,
        nonce: u64,
        rows: &[Row],
        parts: u64,
    ) {
        if !self.seeds.has_asked(nonce) {
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
        if !self.seeds.take_reply(now, nonce, parts) {
            return;
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
/// An answer of which nothing new arrives for so long is not waited for.
const REPLY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a node asks that has nobody.
const JOIN_AGAIN_MAX: Duration = Duration::from_secs(30);
/// How often a node that has joined asks the seeds that never answered.
const SEED_AGAIN_MAX: Duration = Duration::from_secs(600);
