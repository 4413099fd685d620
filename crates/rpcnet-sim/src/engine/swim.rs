//! rpcnet's own membership core.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rpcnet_proto::swim::{self, Address, Config, Destination, Event, Identity, Member};
use rpcnet_proto::swim::{MemberState, NodeName, Record, Swim, Transmit, Update};

use super::{Change, Engine, Outgoing, Rank, Row, Setup, Side, What};
use crate::clock::Time;

/// What passes between nodes: the core's messages, and what its driver does beside them.
#[derive(Debug, Clone)]
pub enum Packet {
    /// A message of the core.
    Swim(swim::Message),
    /// The driver dials an address that somebody says a node has.
    Dial(Address),
    /// The node answers there.
    Answer(Address),
}

/// The names of all nodes.
#[derive(Debug)]
pub struct Names(Vec<NodeName>);

impl Names {
    pub(super) fn of(&self, node: u32) -> Option<&NodeName> {
        self.0.get(node as usize)
    }
}

/// Epochs per start: a node that hears of a greater epoch of its own goes beyond it.
const EPOCHS: u64 = 1_000_000;

/// rpcnet's core behind the simulator's trait.
#[derive(Debug)]
pub struct Core {
    swim: Swim,
    node: u32,
    now: swim::Time,
    names: Rc<Names>,
    /// What the driver has to send.
    driver: VecDeque<Outgoing<Packet>>,
    changes: VecDeque<Change>,
    suspects_partition: bool,
}

impl Core {
    fn pass(&mut self, now: Time) -> swim::Time {
        self.now = swim::Time::from_micros(now.as_micros());
        self.now
    }

    /// The counts of the core itself.
    #[must_use]
    pub fn counters(&self) -> swim::Counters {
        self.swim.counters()
    }

    fn hear(&mut self, event: Event) -> Change {
        let (name, what) = match event {
            Event::Joined { name } => (Some(name), What::Joined),
            Event::Left { name } => (Some(name), What::Left),
            Event::Failed { name } => (Some(name), What::Failed),
            Event::Recovered { name } => (Some(name), What::Recovered),
            Event::Updated { name } => (Some(name), What::Updated),
            Event::Suspected { name, .. } => (Some(name), What::Suspected),
            Event::Restarted { name } => (Some(name), What::Other("restarted")),
            Event::Cleared { name } => (Some(name), What::Other("cleared")),
            Event::Refuted { .. } => (None, What::Other("refuted")),
            Event::Conflict(conflict) => (Some(conflict.name), What::Other("conflict")),
            Event::Prove { name, address } => {
                self.dial(&name, address);
                (Some(name), What::Other("prove"))
            }
            Event::JoinedCluster { .. } => (None, What::Other("joined the cluster")),
            Event::Departed => (None, What::Other("departed")),
            Event::PartitionSuspected(_) => {
                self.suspects_partition = true;
                (None, What::Other("suspects a partition"))
            }
            Event::PartitionHealed(_) => {
                self.suspects_partition = false;
                (None, What::Other("sees the partition healed"))
            }
            Event::LimitReached { .. } => (None, What::Other("a limit is reached")),
            _ => (None, What::Other("something new")),
        };
        let about = name.and_then(|name| number(&name)).unwrap_or(self.node);
        Change { about, what }
    }

    fn dial(&mut self, name: &NodeName, address: Address) {
        let Some((to, moves)) = place(address) else {
            return;
        };
        // Somebody else answers there: its certificate shows another name.
        if number(name) == Some(to) {
            self.driver.push_back(Outgoing {
                to,
                moves: Some(moves),
                reliable: true,
                bytes: HANDSHAKE_BYTES,
                message: Packet::Dial(address),
            });
        }
    }

    fn outgoing(&self, transmit: Transmit) -> Outgoing<Packet> {
        let bytes = transmit.message.encoded_len();
        let (to, moves) = match &transmit.to {
            Destination::Member { name, address } => match place(*address) {
                // Whoever answers must prove to be it.
                Some((node, moves)) if number(name) == Some(node) => (node, Some(moves)),
                _ => (u32::MAX, None),
            },
            Destination::Sender(name) => (number(name).unwrap_or(u32::MAX), None),
            Destination::Seed(address) => match place(*address) {
                Some((node, _)) => (node, None),
                None => (u32::MAX, None),
            },
        };
        Outgoing {
            to,
            moves,
            reliable: transmit.reliable,
            bytes,
            message: Packet::Swim(transmit.message),
        }
    }
}

/// What a handshake takes on the wire, roughly, in each direction.
const HANDSHAKE_BYTES: usize = 3_000;

const KINDS: [&str; 12] = [
    "ping",
    "ack",
    "ping-req",
    "nack",
    "forwarded-ack",
    "gossip",
    "join",
    "join-reply",
    "sync",
    "sync-reply",
    "sync-push",
    "driver",
];

/// The name of a node is `n` and its number.
fn number(name: &NodeName) -> Option<u32> {
    name.as_str().strip_prefix('n')?.parse().ok()
}

fn address(node: u32, moves: u16) -> Address {
    let [_, a, b, c] = node.to_be_bytes();
    Address::new(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), moves + 1)
}

fn place(address: Address) -> Option<(u32, u16)> {
    let IpAddr::V4(ip) = address.ip() else {
        return None;
    };
    let [_, a, b, c] = ip.octets();
    Some((
        u32::from_be_bytes([0, a, b, c]),
        address.port().checked_sub(1)?,
    ))
}

fn row(member: Member<'_>) -> Row {
    let version = member.version();
    Row {
        epoch: version.epoch,
        incarnation: version.incarnation,
        rank: match member.state() {
            MemberState::Alive => Rank::Alive,
            MemberState::Suspect => Rank::Suspect,
            MemberState::Failed => Rank::Failed,
            MemberState::Left => Rank::Left,
        },
        tag: member.record().statement().tags_changed,
    }
}

impl Engine for Core {
    type Message = Packet;
    type Card = Arc<Record>;
    type World = Names;

    const NAME: &'static str = "rpcnet";

    const KINDS: &'static [&'static str] = &KINDS;

    fn world(nodes: u32) -> Names {
        let names = (0..nodes).map(|node| NodeName::new(&format!("n{node}")));
        Names(names.map(|name| name.expect("the name is legal")).collect())
    }

    fn start(now: Time, setup: &Setup, world: &Rc<Names>) -> Self {
        let now = swim::Time::from_micros(now.as_micros());
        let name = world.of(setup.node).expect("every node has a name").clone();
        let at = address(setup.node, setup.moves);
        let mut me = Identity::new(name, setup.epoch * EPOCHS, at);
        me.key = vec![0; setup.wire.key_bytes].into();
        let mut config = Config::lan();
        config.lifeguard = setup.lifeguard;
        config.limits.datagram_bytes = setup.wire.datagram_bytes;
        Self {
            swim: Swim::new(now, me, config, setup.seed),
            node: setup.node,
            now,
            names: Rc::clone(world),
            driver: VecDeque::new(),
            changes: VecDeque::new(),
            suspects_partition: false,
        }
    }

    fn card(&self) -> Arc<Record> {
        Arc::new(
            self.swim
                .record()
                .expect("a node has a record of itself")
                .clone(),
        )
    }

    fn preload(&mut self, now: Time, cards: &[Arc<Record>]) {
        let now = self.pass(now);
        self.swim.restore(now, cards.iter().cloned());
    }

    fn join(&mut self, now: Time, seeds: &[u32]) {
        let now = self.pass(now);
        let seeds: Vec<Address> = seeds.iter().map(|seed| address(*seed, 0)).collect();
        self.swim.join(now, &seeds);
    }

    fn leave(&mut self, now: Time) {
        let now = self.pass(now);
        self.swim.leave(now);
    }

    fn set_tag(&mut self, now: Time, value: u64) {
        let now = self.pass(now);
        self.swim
            .set_tag(now, "version", &value.to_string())
            .expect("the tag is legal");
    }

    fn receive(&mut self, now: Time, from: u32, message: Packet) {
        let now = self.pass(now);
        let Some(name) = self.names.of(from) else {
            return;
        };
        match message {
            Packet::Swim(message) => self.swim.handle_message(now, name, message),
            Packet::Dial(address) => self.driver.push_back(Outgoing {
                to: from,
                moves: None,
                reliable: true,
                bytes: HANDSHAKE_BYTES,
                message: Packet::Answer(address),
            }),
            Packet::Answer(address) => self.swim.handle_proven(now, name, address),
        }
    }

    fn wake(&mut self, now: Time) {
        let now = self.pass(now);
        self.swim.handle_timeout(now);
    }

    fn late(&mut self, now: Time, by: Duration) {
        let now = self.pass(now);
        self.swim.handle_lateness(now, by);
    }

    fn poll_outgoing(&mut self) -> Option<Outgoing<Packet>> {
        if let Some(transmit) = self.swim.poll_transmit() {
            return Some(self.outgoing(transmit));
        }
        // An event may ask the driver to send something.
        while let Some(event) = self.swim.poll_event() {
            let change = self.hear(event);
            self.changes.push_back(change);
        }
        self.driver.pop_front()
    }

    fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    fn poll_wake(&self) -> Option<Time> {
        let due = self.swim.poll_timeout()?;
        Some(Time::from_micros(due.as_micros()))
    }

    fn row(&self, about: u32) -> Option<Row> {
        if about == self.node {
            return self.swim.member(self.swim.name()).map(row);
        }
        self.swim.member(self.names.of(about)?).map(row)
    }

    fn each_row(&self, each: &mut dyn FnMut(u32, Row)) {
        for member in self.swim.members() {
            if let Some(node) = number(member.name()) {
                each(node, row(member));
            }
        }
    }

    fn live(&self) -> usize {
        // The core does not count its own node.
        self.swim.live_count() + 1
    }

    fn side(&self) -> Option<Side> {
        Some(match self.swim.quorum().side_expected {
            swim::Side::Majority => Side::Majority,
            swim::Side::Minority => Side::Minority,
            swim::Side::Tie => Side::Tie,
            _ => Side::Whole,
        })
    }

    fn suspects_partition(&self) -> Option<bool> {
        Some(self.suspects_partition)
    }

    fn kind(message: &Packet) -> usize {
        let Packet::Swim(message) = message else {
            return KINDS.len() - 1;
        };
        let kind = message.kind();
        KINDS
            .iter()
            .position(|name| *name == kind)
            .unwrap_or(KINDS.len() - 1)
    }

    fn subjects(message: &Packet, into: &mut Vec<u32>) {
        let Packet::Swim(message) = message else {
            return;
        };
        into.extend(message.records().filter_map(|record| number(record.name())));
        for update in &message.updates {
            if let Update::Vote(vote) = update {
                into.extend(number(&vote.name));
                into.extend(number(&vote.reporter));
            }
        }
    }
}
