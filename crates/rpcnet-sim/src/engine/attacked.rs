//! A cluster of which one node lies, behind a driver that verifies records.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::{
    Body, Counters, MemberState, Message, NodeName, Record, Standing, Statement, Tags, Update,
    Verdict, Version, Vote,
};

use super::swim::{Core, Names, Packet};
use super::{Change, Engine, Outgoing, Row, Setup, Side, What};
use crate::chance::{Purpose, Stream};
use crate::clock::Time;

/// The node that lies.
pub const LIAR: u32 = 0;

/// The liar takes part as others do, and beside that speaks so often.
const PACE: Duration = Duration::from_millis(20);

/// To so many others each time, and about so many.
const TOLD: u64 = 8;
const ACCUSED: u64 = 8;

/// What stands for a signature by somebody else's key; records of honest nodes carry none here.
const FORGED: &[u8] = b"forged";

/// The core in a cluster whose node [`LIAR`] forges votes, records, rows and answers. With
/// `VERIFIES`, records that their member did not sign are dropped before the core sees them, which
/// is what a driver does.
#[derive(Debug)]
pub struct Attacked<const VERIFIES: bool> {
    inner: Core,
    node: u32,
    nodes: u32,
    names: Rc<Names>,
    now: Time,
    chance: Stream,
    due: Time,
    forged: VecDeque<Outgoing<Packet>>,
    partitions: u64,
    said: u64,
}

impl<const VERIFIES: bool> Attacked<VERIFIES> {
    /// How often the node suspected a partition.
    #[must_use]
    pub fn partitions(&self) -> u64 {
        self.partitions
    }

    /// How many messages the node forged.
    #[must_use]
    pub fn said(&self) -> u64 {
        self.said
    }

    /// The counts of the core itself.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inner.counters()
    }

    fn lies(&self) -> bool {
        self.node == LIAR
    }

    fn somebody(&mut self) -> u32 {
        1 + self.chance.below(u64::from(self.nodes - 1)) as u32
    }

    fn name(&self, node: u32) -> NodeName {
        self.names.of(node).expect("every node has a name").clone()
    }

    fn speak(&mut self) {
        for _ in 0..TOLD {
            let mut updates = Vec::new();
            for _ in 0..ACCUSED {
                let victim = self.somebody();
                updates.extend(self.accuse(victim));
            }
            let body = match self.chance.below(3) {
                0 => Body::Gossip,
                1 => Body::ForwardedAck {
                    nonce: self.chance.draw(),
                },
                _ => Body::Nack {
                    nonce: self.chance.draw(),
                },
            };
            let to = self.somebody();
            self.say(to, Message { body, updates });
        }
    }

    /// Votes in the names of the liar and of two others, and a forged record, now and then.
    fn accuse(&mut self, victim: u32) -> Vec<Update> {
        let Some(row) = self.inner.row(victim) else {
            return Vec::new();
        };
        let version = Version {
            epoch: row.epoch,
            incarnation: row.incarnation,
        };
        let mut updates = Vec::new();
        for reporter in [LIAR, self.somebody(), self.somebody()] {
            let verdict = match self.chance.below(2) {
                0 => Verdict::Suspect,
                _ => Verdict::Failed,
            };
            updates.push(Update::Vote(Arc::new(Vote {
                name: self.name(victim),
                version,
                verdict,
                reporter: self.name(reporter),
            })));
        }
        if self.chance.chance(0.2) {
            updates.push(Update::Record(self.forge(victim, version)));
        }
        updates
    }

    fn forge(&mut self, victim: u32, mut version: Version) -> Arc<Record> {
        let mut tags = Tags::new();
        tags.set("forged", "yes").expect("the tag is legal");
        let mut standing = Standing::Here;
        match self.chance.below(4) {
            0 => version.incarnation = version.incarnation.saturating_add(1),
            1 => version.incarnation = u64::MAX,
            2 => version.epoch = u64::MAX,
            _ => standing = Standing::Left,
        }
        let statement = Statement {
            name: self.name(victim),
            version,
            standing,
            address: ([10, 0, 0, LIAR as u8], 1).into(),
            tags,
            tags_changed: version.incarnation,
            key: Bytes::new(),
        };
        Arc::new(Record::new(statement, FORGED.into()))
    }

    fn say(&mut self, to: u32, message: Message) {
        self.said += 1;
        self.forged.push_back(Outgoing {
            to,
            moves: None,
            reliable: false,
            bytes: message.encoded_len(),
            message: Packet::Swim(message),
        });
    }

    /// As a driver does: what its member did not sign is not there.
    fn verified(message: &mut Message) -> bool {
        !VERIFIES || message.retain_records(|record| record.proof().is_empty())
    }
}

impl<const VERIFIES: bool> Engine for Attacked<VERIFIES> {
    type Message = Packet;
    type Card = Arc<Record>;
    type World = Names;

    const NAME: &'static str = "attacked";
    const KINDS: &'static [&'static str] = Core::KINDS;

    fn world(nodes: u32) -> Names {
        Core::world(nodes)
    }

    fn start(now: Time, setup: &Setup, world: &Rc<Names>) -> Self {
        Self {
            inner: Core::start(now, setup, world),
            node: setup.node,
            nodes: setup.cluster,
            names: Rc::clone(world),
            now,
            chance: Stream::new(setup.seed, Purpose::Scenario, 2),
            due: now + PACE,
            forged: VecDeque::new(),
            partitions: 0,
            said: 0,
        }
    }

    fn card(&self) -> Arc<Record> {
        self.inner.card()
    }

    fn preload(&mut self, now: Time, cards: &[Arc<Record>]) {
        self.inner.preload(now, cards);
    }

    fn join(&mut self, now: Time, seeds: &[u32]) {
        self.inner.join(now, seeds);
    }

    fn leave(&mut self, now: Time) {
        self.inner.leave(now);
    }

    fn set_tag(&mut self, now: Time, value: u64) {
        self.inner.set_tag(now, value);
    }

    fn receive(&mut self, now: Time, from: u32, message: Packet) {
        self.now = now;
        let Packet::Swim(mut said) = message else {
            return self.inner.receive(now, from, message);
        };
        if self.lies()
            && let Body::PingReq { nonce, .. } = said.body
        {
            // As a relay it has always had an answer, and hides what it knows.
            return self.say(from, Message::new(Body::ForwardedAck { nonce }));
        }
        if Self::verified(&mut said) {
            self.inner.receive(now, from, Packet::Swim(said));
        }
    }

    fn wake(&mut self, now: Time) {
        self.now = now;
        self.inner.wake(now);
        if self.lies() && now >= self.due {
            self.due = now + PACE;
            self.speak();
        }
    }

    fn late(&mut self, now: Time, by: Duration) {
        self.inner.late(now, by);
    }

    fn poll_outgoing(&mut self) -> Option<Outgoing<Packet>> {
        let mut outgoing = self
            .inner
            .poll_outgoing()
            .or_else(|| self.forged.pop_front())?;
        if self.lies()
            && let Packet::Swim(message) = &mut outgoing.message
            && let Body::SyncReply { rows, .. } | Body::SyncPush { rows, .. } = &mut message.body
        {
            // In its view, everybody else has failed.
            let own = self.names.of(LIAR);
            for row in rows {
                if Some(row.record.name()) != own {
                    row.state = MemberState::Failed;
                }
            }
        }
        Some(outgoing)
    }

    fn poll_change(&mut self) -> Option<Change> {
        let change = self.inner.poll_change()?;
        if change.what == What::Other("suspects a partition") {
            self.partitions += 1;
        }
        Some(change)
    }

    fn poll_wake(&self) -> Option<Time> {
        let wake = self.inner.poll_wake();
        if !self.lies() {
            return wake;
        }
        Some(wake.map_or(self.due, |wake| wake.min(self.due)))
    }

    fn row(&self, about: u32) -> Option<Row> {
        self.inner.row(about)
    }

    fn each_row(&self, each: &mut dyn FnMut(u32, Row)) {
        self.inner.each_row(each);
    }

    fn live(&self) -> usize {
        self.inner.live()
    }

    fn side(&self) -> Option<Side> {
        self.inner.side()
    }

    fn suspects_partition(&self) -> Option<bool> {
        self.inner.suspects_partition()
    }

    fn kind(message: &Packet) -> usize {
        Core::kind(message)
    }

    fn subjects(message: &Packet, into: &mut Vec<u32>) {
        Core::subjects(message, into);
    }
}
