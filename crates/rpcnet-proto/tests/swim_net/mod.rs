//! A virtual network: a few nodes, one clock, one seed.
//!
//! Datagrams may be lost; streams may not, but a cut stops both. A message is
//! delivered only to the name that it is for, as a certificate would see to it,
//! and goes through the codec on its way.

#![allow(
    dead_code,
    reason = "each program that includes this module calls some of the functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::BytesMut;
use rpcnet_proto::swim::{
    Address, Config, Destination, Event, Identity, MemberState, Message, NodeName, Swim, Time,
    Transmit, Version,
};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("the name is legal")
}

/// A node and what it told.
pub(crate) struct Node {
    pub(crate) swim: Swim,
    pub(crate) events: Vec<(Time, Event)>,
    paused_until: Option<Time>,
    inbox: Vec<(usize, NodeName, Message)>,
    due: Option<Time>,
}

/// How the network behaves. Slots are machines: slot `n` has address `n`.
pub(crate) struct Net {
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Option<Node>>,
    /// Datagrams lost, in thousandths.
    pub(crate) loss: u64,
    /// Directed pairs of slots between which nothing passes.
    pub(crate) cuts: BTreeSet<(usize, usize)>,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// The largest stream message and the largest datagram.
    pub(crate) largest: (usize, usize),
    config: Config,
    flights: BTreeMap<(Time, u64), Flight>,
    dues: BTreeSet<(Time, usize)>,
    sent: u64,
    /// Where the message came from that was handled last.
    answers_go_to: Option<usize>,
    rng: u64,
}

struct Flight {
    from: usize,
    to: usize,
    message: Message,
}

impl Net {
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        Self {
            now: Time::from_micros(1_000_000),
            nodes: Vec::new(),
            loss: 0,
            cuts: BTreeSet::new(),
            messages: 0,
            bytes: 0,
            largest: (0, 0),
            config,
            flights: BTreeMap::new(),
            dues: BTreeSet::new(),
            sent: 0,
            answers_go_to: None,
            rng: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// A cluster of `count` nodes that have all joined through the first.
    pub(crate) fn cluster(seed: u64, count: usize, config: Config) -> Self {
        let mut net = Self::new(seed, config);
        for slot in 0..count {
            net.start(slot, &format!("n{slot}"), 1);
            net.join(slot, &[0]);
            net.run(ms(20));
        }
        net.run(secs(5));
        net.assert_all_see(count);
        net.clear_events();
        net
    }

    pub(crate) fn address(slot: usize) -> Address {
        let [.., high, low] = (slot as u32).to_be_bytes();
        ([10, 0, high, low], 700).into()
    }

    pub(crate) fn start(&mut self, slot: usize, text: &str, epoch: u64) {
        let mut identity = Identity::new(name(text), epoch, Self::address(slot));
        identity
            .tags
            .set("role", "worker")
            .expect("the tag is legal");
        self.start_as(slot, identity);
    }

    pub(crate) fn start_as(&mut self, slot: usize, identity: Identity) {
        let seed = self.random();
        let swim = Swim::new(self.now, identity, self.config.clone(), seed);
        while self.nodes.len() <= slot {
            self.nodes.push(None);
        }
        self.nodes[slot] = Some(Node {
            swim,
            events: Vec::new(),
            paused_until: None,
            inbox: Vec::new(),
            due: None,
        });
    }

    pub(crate) fn kill(&mut self, slot: usize) {
        self.nodes[slot] = None;
    }

    pub(crate) fn join(&mut self, slot: usize, seeds: &[usize]) {
        let seeds: Vec<Address> = seeds.iter().map(|seed| Self::address(*seed)).collect();
        self.act(slot, |swim, now| swim.join(now, &seeds));
    }

    /// Calls a node and drains it.
    pub(crate) fn act<T>(&mut self, slot: usize, act: impl FnOnce(&mut Swim, Time) -> T) -> T {
        let now = self.now;
        let node = self.nodes[slot].as_mut().expect("the node runs");
        let result = act(&mut node.swim, now);
        self.drain(slot);
        result
    }

    pub(crate) fn pause(&mut self, slot: usize, span: Duration) {
        let until = self.now + span;
        self.node_mut(slot).paused_until = Some(until);
        self.schedule(slot);
    }

    /// Cuts both ways between every one of `left` and every one of `right`.
    pub(crate) fn cut(&mut self, left: &[usize], right: &[usize]) {
        for (a, b) in left
            .iter()
            .flat_map(|a| right.iter().map(move |b| (*a, *b)))
        {
            self.cuts.insert((a, b));
            self.cuts.insert((b, a));
        }
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let flight = self.flights.first_key_value().map(|((at, _), _)| *at);
            let due = self.dues.first().map(|(at, _)| *at);
            let Some(next) = flight.into_iter().chain(due).min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if flight == Some(next) {
                let (_, flight) = self.flights.pop_first().expect("one is there");
                self.deliver(flight);
            } else {
                let (_, slot) = self.dues.pop_first().expect("one is there");
                self.wake(slot);
            }
        }
        self.now = end;
    }

    /// Runs until `done`, at most for `span`; returns how long it took.
    pub(crate) fn run_until(&mut self, span: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !done(self) {
            assert!(self.now.since(began) < span, "not done within {span:?}");
            self.run(ms(10));
        }
        self.now.since(began)
    }

    pub(crate) fn swim(&self, slot: usize) -> &Swim {
        &self.nodes[slot].as_ref().expect("the node runs").swim
    }

    pub(crate) fn node_mut(&mut self, slot: usize) -> &mut Node {
        self.nodes[slot].as_mut().expect("the node runs")
    }

    pub(crate) fn events(&self, slot: usize) -> impl Iterator<Item = &Event> {
        let node = self.nodes[slot].as_ref().expect("the node runs");
        node.events.iter().map(|(_, event)| event)
    }

    pub(crate) fn clear_events(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            node.events.clear();
        }
    }

    pub(crate) fn running(&self) -> Vec<usize> {
        let slots = self.nodes.iter().enumerate();
        slots
            .filter_map(|(slot, node)| node.as_ref().map(|_| slot))
            .collect()
    }

    /// What `slot` takes the node of this name for.
    pub(crate) fn state(&self, slot: usize, of: &str) -> Option<MemberState> {
        self.swim(slot)
            .member(&name(of))
            .map(|member| member.state())
    }

    pub(crate) fn version(&self, slot: usize, of: &str) -> Version {
        let member = self.swim(slot).member(&name(of)).expect("it is known");
        member.version()
    }

    pub(crate) fn sees_all(&self, count: usize) -> bool {
        let alive = |slot: &usize| {
            let members = self.swim(*slot).members();
            members
                .filter(|member| member.state() == MemberState::Alive)
                .count()
        };
        self.running().iter().all(|slot| alive(slot) == count)
    }

    pub(crate) fn assert_all_see(&self, count: usize) {
        for slot in self.running() {
            let members = self.swim(slot).members();
            let alive = members.filter(|member| member.state() == MemberState::Alive);
            assert_eq!(alive.count(), count, "as node {slot} sees it");
        }
    }

    pub(crate) fn all_think(&self, of: &str, state: MemberState) -> bool {
        let others = self.running().into_iter();
        let mut others = others.filter(|slot| self.swim(*slot).name().as_str() != of);
        others.all(|slot| self.state(slot, of) == Some(state))
    }

    /// Whether any node reported that this one failed.
    pub(crate) fn anybody_failed(&self, of: &str) -> bool {
        let failed = Event::Failed { name: name(of) };
        let mut slots = self.running().into_iter();
        slots.any(|slot| self.events(slot).any(|event| *event == failed))
    }

    pub(crate) fn failures(&self) -> usize {
        let slots = self.running();
        let of = |slot: &usize| {
            let failed = |event: &&Event| matches!(event, Event::Failed { .. });
            self.events(*slot).filter(failed).count()
        };
        slots.iter().map(of).sum()
    }

    fn deliver(&mut self, flight: Flight) {
        let Flight { from, to, message } = flight;
        let now = self.now;
        let sender = match self.nodes.get(from).and_then(Option::as_ref) {
            Some(node) => node.swim.name().clone(),
            None => return,
        };
        let Some(node) = self.nodes.get_mut(to).and_then(Option::as_mut) else {
            return;
        };
        if node.paused_until.is_some() {
            node.inbox.push((from, sender, message));
        } else {
            node.swim.handle_message(now, &sender, message);
            self.answers_go_to = Some(from);
            self.drain(to);
            self.answers_go_to = None;
        }
    }

    fn wake(&mut self, slot: usize) {
        let now = self.now;
        let Some(node) = self.nodes[slot].as_mut() else {
            return;
        };
        node.due = None;
        if node.paused_until.is_some_and(|until| until <= now) {
            node.paused_until = None;
            // The worse order: timers before what has arrived.
            node.swim.handle_timeout(now);
            for (from, sender, message) in std::mem::take(&mut node.inbox) {
                self.node_mut(slot)
                    .swim
                    .handle_message(now, &sender, message);
                self.answers_go_to = Some(from);
                self.drain(slot);
                self.answers_go_to = None;
            }
        } else if node.paused_until.is_none() {
            node.swim.handle_timeout(now);
        }
        self.drain(slot);
    }

    fn drain(&mut self, slot: usize) {
        let now = self.now;
        while let Some(transmit) = self.nodes[slot]
            .as_mut()
            .and_then(|n| n.swim.poll_transmit())
        {
            self.send(slot, &transmit);
        }
        while let Some(event) = self.nodes[slot].as_mut().and_then(|n| n.swim.poll_event()) {
            if let Event::Prove { name, address } = &event {
                self.prove(slot, name, *address);
            }
            self.node_mut(slot).events.push((now, event));
        }
        self.schedule(slot);
    }

    fn prove(&mut self, slot: usize, name: &NodeName, address: Address) {
        let to = Self::slot_of(address);
        let node = self.nodes.get(to).and_then(Option::as_ref);
        let is_there = node.is_some_and(|node| node.swim.name() == name);
        if is_there && !self.cuts.contains(&(slot, to)) && !self.cuts.contains(&(to, slot)) {
            let now = self.now;
            self.node_mut(slot).swim.handle_proven(now, name, address);
        }
    }

    fn schedule(&mut self, slot: usize) {
        let Some(node) = self.nodes[slot].as_mut() else {
            return;
        };
        let due = node.paused_until.or_else(|| node.swim.poll_timeout());
        if due != node.due {
            if let Some(old) = node.due {
                self.dues.remove(&(old, slot));
            }
            node.due = due;
            self.dues.extend(due.map(|due| (due, slot)));
        }
    }

    fn send(&mut self, from: usize, transmit: &Transmit) {
        let mut bytes = BytesMut::new();
        transmit.message.encode(&mut bytes);
        assert_eq!(bytes.len(), transmit.message.encoded_len());
        self.messages += 1;
        self.bytes += bytes.len() as u64;
        let largest = if transmit.reliable {
            &mut self.largest.0
        } else {
            &mut self.largest.1
        };
        *largest = (*largest).max(bytes.len());
        let message = Message::decode(bytes.freeze()).expect("what is sent can be read");
        assert_eq!(message, transmit.message);
        let Some(to) = self.slot_for(&transmit.to) else {
            return;
        };
        let lost = !transmit.reliable && self.random() % 1000 < self.loss;
        if lost || self.cuts.contains(&(from, to)) {
            return;
        }
        // 0.2 to 1 ms; a stream over a lossy path takes longer instead of being lost.
        let mut latency = 200 + self.random() % 800;
        while transmit.reliable && latency < 40_000 && self.random() % 1000 < self.loss {
            latency += 20_000;
        }
        self.sent += 1;
        let at = self.now + Duration::from_micros(latency);
        self.flights
            .insert((at, self.sent), Flight { from, to, message });
    }

    fn slot_for(&self, to: &Destination) -> Option<usize> {
        let is_named = |slot: usize, name: &NodeName| {
            let node = self.nodes.get(slot).and_then(Option::as_ref);
            node.is_some_and(|node| node.swim.name() == name)
        };
        match to {
            Destination::Member { name, address } => {
                Some(Self::slot_of(*address)).filter(|slot| is_named(*slot, name))
            }
            Destination::Seed(address) => Some(Self::slot_of(*address)),
            Destination::Sender(name) => self.answers_go_to.filter(|slot| is_named(*slot, name)),
        }
    }

    fn slot_of(address: Address) -> usize {
        match address {
            Address::V4(address) => {
                let [.., high, low] = address.ip().octets();
                usize::from(u16::from_be_bytes([high, low]))
            }
            Address::V6(_) => usize::MAX,
        }
    }

    fn random(&mut self) -> u64 {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        self.rng.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }
}
