//! What the simulator asks of a membership protocol, so that several can run the same scenarios.

pub mod attacked;
pub mod foca;
pub mod mutant;
pub mod swim;

use std::rc::Rc;
use std::time::Duration;

use crate::clock::Time;

/// What a node thinks of a member, from best to worst.
///
/// The order is that of precedence: of two claims about one incarnation the greater holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// It is there.
    Alive,
    /// It may have failed.
    Suspect,
    /// It failed.
    Failed,
    /// It said goodbye.
    Left,
}

impl Rank {
    /// Whether a member of this rank counts as there.
    #[must_use]
    pub fn is_live(self) -> bool {
        self <= Self::Suspect
    }
}

/// A row of a node's view: what it knows of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// Which start of the member this is about.
    pub epoch: u64,
    /// The member's own version of itself.
    pub incarnation: u64,
    /// What the node thinks of it.
    pub rank: Rank,
    /// The version of its tags, which grows within an epoch.
    pub tag: u64,
}

/// How a node is started.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Which node it is.
    pub node: u32,
    /// How many nodes the simulation has: for the baseline, whose configuration depends on it.
    pub cluster: u32,
    /// Which start of the node this is, counted from one.
    pub epoch: u64,
    /// How often the node has moved to a new address.
    pub moves: u16,
    /// Where the node's randomness comes from.
    pub seed: u64,
    /// Whether local health counts (Lifeguard), where the engine can do without.
    pub lifeguard: bool,
    /// How large what it sends is.
    pub wire: Wire,
}

/// How large what is sent is, where the engine has a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// The bytes of the key that every record carries: a certificate has some hundreds.
    pub key_bytes: usize,
    /// The largest message that is no stream of its own, in bytes.
    pub datagram_bytes: usize,
}

impl Default for Wire {
    /// Records without a key, in datagrams as a network without fragments carries them.
    fn default() -> Self {
        Self {
            key_bytes: 0,
            datagram_bytes: 1_200,
        }
    }
}

impl Wire {
    /// The arguments of a command that sends what is as large, where it is not as usual.
    #[must_use]
    pub fn arguments(self) -> String {
        let usual = Self::default();
        let mut arguments = String::new();
        if self.key_bytes != usual.key_bytes {
            arguments.push_str(&format!(" --record-bytes {}", self.key_bytes));
        }
        if self.datagram_bytes != usual.datagram_bytes {
            arguments.push_str(&format!(" --datagram-bytes {}", self.datagram_bytes));
        }
        arguments
    }
}

/// A message that an engine wants sent.
#[derive(Debug, Clone)]
pub struct Outgoing<M> {
    /// To which node.
    pub to: u32,
    /// To which of the node's addresses: where it was after so many moves. `None` answers on the
    /// connection on which a message came.
    pub moves: Option<u16>,
    /// Whether it takes a stream, whose loss is repaired, or a datagram.
    pub reliable: bool,
    /// What it takes on the wire, in bytes, without what the transport adds.
    pub bytes: usize,
    /// The message.
    pub message: M,
}

/// Something that an engine reports about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// About which node.
    pub about: u32,
    /// What happened.
    pub what: What,
}

/// What an engine may report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is there, for the first time or with a newer epoch.
    Joined,
    /// It failed.
    Failed,
    /// It said goodbye.
    Left,
    /// It had failed and is there again.
    Recovered,
    /// It may have failed.
    Suspected,
    /// Its tags or its address changed.
    Updated,
    /// Something else: of use in a trace only.
    Other(&'static str),
}

/// Which side of a partition a node believes to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Nothing is wrong.
    Whole,
    /// More than half of the members are here.
    Majority,
    /// More than half of the members are elsewhere.
    Minority,
    /// Exactly half are here.
    Tie,
}

/// A node's membership protocol: a state machine that knows no clock and no socket.
pub trait Engine: Sized {
    /// What it sends. Cloned when the network duplicates it.
    type Message: Clone;

    /// What a node is known by before anybody has met it.
    type Card: Clone;

    /// What all nodes of a simulation share, so that it is in memory once.
    type World;

    /// What the engine is called in a report.
    const NAME: &'static str;

    /// Whether the invariants are meant to hold for it.
    const IS_CHECKED: bool = true;

    /// The kinds of message, for the counts.
    const KINDS: &'static [&'static str];

    /// Prepares what `nodes` nodes share.
    fn world(nodes: u32) -> Self::World;

    /// Starts a node.
    fn start(now: Time, setup: &Setup, world: &Rc<Self::World>) -> Self;

    /// What the node is known by.
    fn card(&self) -> Self::Card;

    /// Makes members known, as if they had been met long ago. The node's own card may be among them.
    fn preload(&mut self, now: Time, cards: &[Self::Card]);

    /// Joins a cluster through `seeds`.
    fn join(&mut self, now: Time, seeds: &[u32]);

    /// Says goodbye.
    fn leave(&mut self, now: Time);

    /// Changes a tag to `value`.
    fn set_tag(&mut self, now: Time, value: u64);

    /// Takes a message in. The sender's name is known for certain, as on an authenticated connection.
    fn receive(&mut self, now: Time, from: u32, message: Self::Message);

    /// Runs what is due.
    fn wake(&mut self, now: Time);

    /// Hears that the driver came to its timer that much later than was asked for.
    fn late(&mut self, now: Time, by: Duration);

    /// Gives out the next message to send.
    fn poll_outgoing(&mut self) -> Option<Outgoing<Self::Message>>;

    /// Gives out the next report.
    fn poll_change(&mut self) -> Option<Change>;

    /// When [`Engine::wake`] wants to be called, on the node's clock.
    fn poll_wake(&self) -> Option<Time>;

    /// What the node knows of `about`; of itself, what it tells the others.
    fn row(&self, about: u32) -> Option<Row>;

    /// Calls `each` with every row, in any order that depends on nothing but the run.
    fn each_row(&self, each: &mut dyn FnMut(u32, Row));

    /// How many members count as there, the node itself included.
    fn live(&self) -> usize;

    /// How often the node had to take a new identity because others thought it had failed.
    fn rejoins(&self) -> u64 {
        0
    }

    /// Which side of a partition the node believes to be on, if the engine says such things.
    fn side(&self) -> Option<Side> {
        None
    }

    /// Whether the node suspects a partition, if the engine says such things.
    fn suspects_partition(&self) -> Option<bool> {
        None
    }

    /// What kind of message it is: an index into [`Engine::KINDS`].
    fn kind(message: &Self::Message) -> usize;

    /// Adds the nodes about which a message says something.
    fn subjects(message: &Self::Message, into: &mut Vec<u32>);
}
