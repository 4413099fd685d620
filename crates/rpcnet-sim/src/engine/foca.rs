//! The baseline: foca 2.0, as its own `new_lan` configures it.
//!
//! It knows no epochs, no tags and no goodbye that differs from a failure. An identity that was
//! thought failed is spent; the node takes a new one, which is counted as a rejoin.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use foca::{AccumulatingRuntime, Config, Foca, Identity, Member, NoCustomBroadcast};
use foca::{OwnedNotification, PostcardCodec, Timer};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::{Change, Engine, Outgoing, Rank, Row, Setup, What};
use crate::clock::Time;

/// A node's identity: as long as one with an IPv6 address would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Name {
    node: u32,
    generation: u32,
    address: [u8; 6],
}

/// Renewals per start: a restart beats whatever the start before it renewed itself to.
const GENERATIONS: u32 = 1_000_000;

impl Name {
    fn new(node: u32, epoch: u64) -> Self {
        let [a, b, c, d] = node.to_be_bytes();
        Self {
            node,
            generation: u32::try_from(epoch).unwrap_or(0) * GENERATIONS,
            address: [a, b, c, d, 0, 1],
        }
    }

    fn row(self, rank: Rank) -> Row {
        Row {
            epoch: u64::from(self.generation / GENERATIONS),
            incarnation: u64::from(self.generation % GENERATIONS),
            rank,
            tag: 0,
        }
    }
}

impl Identity for Name {
    type Addr = u32;

    fn renew(&self) -> Option<Self> {
        Some(Self {
            generation: self.generation + 1,
            ..*self
        })
    }

    fn addr(&self) -> u32 {
        self.node
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.generation > adversary.generation
    }
}

type Inner = Foca<Name, PostcardCodec, SmallRng, NoCustomBroadcast>;

/// foca behind the simulator's trait.
#[expect(missing_debug_implementations, reason = "foca's machine has none")]
pub struct Baseline {
    inner: Inner,
    runtime: AccumulatingRuntime<Name>,
    timers: BTreeMap<(Time, u64), Timer<Name>>,
    count: u64,
    rows: Vec<Option<Row>>,
    changes: VecDeque<Change>,
    rejoins: u64,
}

impl Baseline {
    /// Takes over what the machine asked for while it ran at `now`.
    fn settle(&mut self, now: Time) {
        while let Some((after, timer)) = self.runtime.to_schedule() {
            self.timers.insert((now + after, self.count), timer);
            self.count += 1;
        }
        while let Some(notification) = self.runtime.to_notify() {
            match notification {
                OwnedNotification::MemberUp(name) => self.set(name, Rank::Alive),
                OwnedNotification::MemberDown(name) => self.set(name, Rank::Failed),
                OwnedNotification::Rename(old, new) => {
                    let rank = self.row(old.node).map_or(Rank::Alive, |row| row.rank);
                    if let Some(row) = self.slot(new.node) {
                        *row = Some(new.row(rank));
                    }
                }
                OwnedNotification::Rejoin(_) => self.rejoins += 1,
                _ => {}
            }
        }
    }

    fn set(&mut self, name: Name, rank: Rank) {
        let before = self.row(name.node);
        if let Some(row) = self.slot(name.node) {
            *row = Some(name.row(rank));
        }
        let what = match (rank, before) {
            (Rank::Failed, _) => What::Failed,
            (_, Some(_)) => What::Recovered,
            (_, None) => What::Joined,
        };
        let about = name.node;
        self.changes.push_back(Change { about, what });
    }

    fn slot(&mut self, node: u32) -> Option<&mut Option<Row>> {
        self.rows.get_mut(node as usize)
    }
}

impl Engine for Baseline {
    type Message = Bytes;
    type Card = Name;
    type World = ();

    const NAME: &'static str = "foca";

    // Its states and identities follow other rules.
    const IS_CHECKED: bool = false;

    const KINDS: &'static [&'static str] = &["packet"];

    fn world(_nodes: u32) {}

    fn start(_now: Time, setup: &Setup, _world: &Rc<()>) -> Self {
        let size = NonZeroU32::new(setup.cluster).unwrap_or(NonZeroU32::MIN);
        let rng = SmallRng::seed_from_u64(setup.seed);
        let name = Name::new(setup.node, setup.epoch);
        Self {
            inner: Foca::new(name, Config::new_lan(size), rng, PostcardCodec),
            runtime: AccumulatingRuntime::new(),
            timers: BTreeMap::new(),
            count: 0,
            rows: vec![None; setup.cluster as usize],
            changes: VecDeque::new(),
            rejoins: 0,
        }
    }

    fn card(&self) -> Name {
        *self.inner.identity()
    }

    fn preload(&mut self, now: Time, cards: &[Name]) {
        let me = self.inner.identity().node;
        let others = cards.iter().filter(|name| name.node != me);
        let known = others.map(|name| Member::alive(*name));
        // Its errors are all about what a peer sent; there is no peer here.
        let _ = self.inner.apply_many(known, false, &mut self.runtime);
        self.settle(now);
        self.changes.clear();
    }

    fn join(&mut self, now: Time, seeds: &[u32]) {
        for seed in seeds {
            let _ = self.inner.announce(Name::new(*seed, 1), &mut self.runtime);
        }
        self.settle(now);
    }

    fn leave(&mut self, now: Time) {
        let _ = self.inner.leave_cluster(&mut self.runtime);
        self.settle(now);
    }

    fn set_tag(&mut self, _now: Time, _value: u64) {}

    fn receive(&mut self, now: Time, _from: u32, message: Bytes) {
        let _ = self.inner.handle_data(&message, &mut self.runtime);
        self.settle(now);
    }

    fn wake(&mut self, now: Time) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let timer = entry.remove();
            let _ = self.inner.handle_timer(timer, &mut self.runtime);
            self.settle(now);
        }
    }

    fn late(&mut self, _now: Time, _by: Duration) {}

    fn poll_outgoing(&mut self) -> Option<Outgoing<Bytes>> {
        let (to, message) = self.runtime.to_send()?;
        Some(Outgoing {
            to: to.node,
            moves: Some(0),
            reliable: false,
            bytes: message.len(),
            message,
        })
    }

    fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    fn poll_wake(&self) -> Option<Time> {
        self.timers.first_key_value().map(|((time, _), _)| *time)
    }

    fn row(&self, about: u32) -> Option<Row> {
        let me = self.inner.identity();
        if about == me.node {
            return Some(me.row(Rank::Alive));
        }
        self.rows.get(about as usize).copied().flatten()
    }

    fn each_row(&self, each: &mut dyn FnMut(u32, Row)) {
        for (node, row) in (0..).zip(&self.rows) {
            if let Some(row) = row {
                each(node, *row);
            }
        }
    }

    fn live(&self) -> usize {
        self.inner.num_members() + 1
    }

    fn rejoins(&self) -> u64 {
        self.rejoins
    }

    fn kind(_message: &Bytes) -> usize {
        0
    }

    fn subjects(_message: &Bytes, _into: &mut Vec<u32>) {}
}
