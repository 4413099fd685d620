//! What must hold for any bytes, and for any sequence of operations.
//!
//! The fuzz targets `swim_message` and `swim_operations` call these functions with
//! what the fuzzer invents, the property tests with what proptest does.

#![allow(
    dead_code,
    reason = "each program that includes this module calls some of the functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::swim::{
    Address, Body, Buckets, Config, Event, Identity, MemberState, Message, NodeName, Record, Row,
    Standing, Statement, Swim, Tags, Time, Update, Verdict, Version, Vote,
};

/// Arbitrary bytes are a message or an error; a message is written as it is read.
pub(crate) fn check_message(data: &[u8]) {
    let Ok(message) = Message::decode(Bytes::copy_from_slice(data)) else {
        return;
    };
    let mut out = BytesMut::new();
    message.encode(&mut out);
    assert_eq!(out.len(), message.encoded_len());
    assert!(
        out.len() <= data.len(),
        "the canonical form is the shortest"
    );
    assert_eq!(Message::decode(out.freeze()), Ok(message));
}

/// Any sequence of calls keeps the invariants. The first byte chooses the configuration.
pub(crate) fn check_operations(data: &[u8]) {
    let mut data = Input(data);
    let setting = data.byte();
    let mut config = Config::lan();
    config.lifeguard = setting & 1 == 0;
    let has_room = setting & 2 == 0;
    if !has_room {
        config.limits.members = 4;
        config.limits.transmits = 64;
        config.limits.events = 16;
    }
    if setting & 4 != 0 {
        config.limits.failed_kept = Duration::from_secs(3);
        config.limits.left_kept = Duration::from_secs(2);
    }
    if setting & 8 != 0 {
        config.limits.datagram_bytes = 16_384;
    }
    let epoch = data.number();
    let mut run = Run::new(config, epoch, has_room);
    while !data.0.is_empty() {
        run.step(&mut data);
        run.check();
    }
}

struct Run {
    swim: Swim,
    now: Time,
    has_room: bool,
    datagram_bytes: usize,
    /// The rows as they were.
    rows: BTreeMap<NodeName, (Version, MemberState)>,
    /// Every statement that others made, by name, version and digest.
    made: BTreeSet<(NodeName, Version, u64)>,
    /// Nonces that the core drew, so that answers can match.
    nonces: Vec<u64>,
}

impl Run {
    fn new(config: Config, epoch: u64, has_room: bool) -> Self {
        let now = Time::from_micros(1_000_000);
        let identity = Identity::new(name(0), epoch, address(0));
        let datagram_bytes = config.limits.datagram_bytes;
        Self {
            swim: Swim::new(now, identity, config, 7),
            now,
            has_room,
            datagram_bytes,
            rows: BTreeMap::new(),
            made: BTreeSet::new(),
            nonces: vec![0],
        }
    }

    fn step(&mut self, data: &mut Input<'_>) {
        match data.byte() % 17 {
            0 => self.now = self.now + Duration::from_millis(u64::from(data.byte())),
            1 => self.now = self.now + Duration::from_millis(u64::from(data.byte()) * 100),
            2 => self.now = Time::from_micros(data.number()),
            3 => {
                if let Some(due) = self.swim.poll_timeout() {
                    self.now = due.max(self.now);
                }
                self.swim.handle_timeout(self.now);
            }
            4 => self.swim.handle_timeout(self.now),
            5 => self.swim.join(self.now, &[address(1), address(2)]),
            6 if data.byte() < 64 => self.swim.leave(self.now),
            7 => {
                let key = ["a", "b", ""][usize::from(data.byte() % 3)];
                let _ = self.swim.set_tag(self.now, key, "v");
                self.swim.remove_tag(self.now, "b");
            }
            8 => self.swim.handle_doubt(self.now, &data.name()),
            9 => self.swim.handle_reachable(self.now, &data.name()),
            10 => {
                let at = data.address();
                self.swim.handle_proven(self.now, &data.name(), at);
            }
            11 => {
                let late = Duration::from_millis(u64::from(data.byte()) * 50);
                self.swim.handle_lateness(self.now, late);
            }
            12 => {
                let forgotten = data.name();
                if self.swim.forget(self.now, &forgotten) {
                    self.rows.remove(&forgotten);
                }
            }
            13 => self.swim.set_address(self.now, data.address()),
            14 if data.byte() < 32 => self.swim.take_over(self.now),
            15 if data.byte() < 64 => self.swim.set_signer(self.now, data.key(), None),
            _ => {
                let from = data.name();
                let message = self.message(data);
                self.swim.handle_message(self.now, &from, message);
            }
        }
    }

    fn message(&mut self, data: &mut Input<'_>) -> Message {
        let nonce = match data.byte() {
            choice @ 0..=191 => self.nonces[usize::from(choice) % self.nonces.len()],
            _ => data.number(),
        };
        let parts = u64::from(data.byte() % 4);
        let body = match data.byte() % 12 {
            0 => Body::Ping {
                nonce,
                on_stream: parts == 0,
            },
            1 => Body::Ack { nonce },
            2 => Body::Nack { nonce },
            3 => Body::ForwardedAck { nonce },
            4 => Body::PingReq {
                nonce,
                target: data.name(),
            },
            5 => Body::Join {
                nonce,
                record: self.record(data),
            },
            6 => Body::JoinReply {
                nonce,
                rows: self.rows(data),
                parts,
            },
            7 => {
                let digests = vec![data.number(); usize::from(data.byte() % 5)];
                Body::Sync { nonce, digests }
            }
            8 => {
                let mut differing = Buckets::default();
                differing.insert(usize::from(data.byte()));
                Body::SyncReply {
                    nonce,
                    differing,
                    rows: self.rows(data),
                    parts,
                }
            }
            9 => Body::SyncPush {
                nonce,
                rows: self.rows(data),
            },
            _ => Body::Gossip,
        };
        let count = data.byte() % 4;
        let updates = (0..count).map(|_| self.update(data)).collect();
        Message { body, updates }
    }

    fn update(&mut self, data: &mut Input<'_>) -> Update {
        if data.byte() < 128 {
            return Update::Record(self.record(data));
        }
        Update::Vote(Arc::new(Vote {
            name: data.name(),
            version: data.version(),
            verdict: if data.byte() < 128 {
                Verdict::Suspect
            } else {
                Verdict::Failed
            },
            reporter: data.name(),
        }))
    }

    fn rows(&mut self, data: &mut Input<'_>) -> Vec<Row> {
        let count = data.byte() % 4;
        let states = [
            MemberState::Alive,
            MemberState::Suspect,
            MemberState::Failed,
            MemberState::Left,
        ];
        let row = |run: &mut Self, data: &mut Input<'_>| Row {
            record: run.record(data),
            state: states[usize::from(data.byte() % 4)],
        };
        (0..count).map(|_| row(self, data)).collect()
    }

    fn record(&mut self, data: &mut Input<'_>) -> Arc<Record> {
        let choice = data.byte();
        let statement = Statement {
            name: data.name(),
            version: data.version(),
            standing: if choice < 32 {
                Standing::Left
            } else {
                Standing::Here
            },
            address: data.address(),
            tags: Tags::new(),
            tags_changed: 0,
            key: data.key(),
        };
        let record = Record::new(statement, Bytes::new());
        self.made
            .insert((record.name().clone(), record.version(), record.digest()));
        Arc::new(record)
    }

    fn check(&mut self) {
        self.check_rows();
        while let Some(transmit) = self.swim.poll_transmit() {
            self.check_sent(&transmit.message, transmit.reliable);
        }
        while let Some(event) = self.swim.poll_event() {
            if let Event::Prove { name, .. } = event {
                assert_ne!(
                    name,
                    self::name(0),
                    "a node need not prove itself to itself"
                );
            }
        }
        let members = self.swim.members().count();
        assert!(members <= if self.has_room { 16_384 } else { 4 });
        assert!(self.swim.live_count() < members);
        assert!(self.swim.updates_pending() <= members * 12);
        assert!(self.swim.timers_pending() <= members * 4 + 200);
        let view = self.swim.quorum();
        assert!(view.reachable <= view.known && view.suspects <= view.reachable);
    }

    /// M-7, M-8: no row goes backwards, and what has left stays so for its epoch.
    fn check_rows(&mut self) {
        let rows: BTreeMap<_, _> = self
            .swim
            .members()
            .map(|member| (member.name().clone(), (member.version(), member.state())))
            .collect();
        for (name, new) in &rows {
            // Where there is too little room, a row may be forgotten and come back.
            let Some(old) = self.rows.get(name).filter(|_| self.has_room) else {
                continue;
            };
            let is_mine = *name == self::name(0);
            assert!(new >= old, "{name} went from {old:?} to {new:?}");
            assert!(
                old.1 != MemberState::Left || new.0.epoch > old.0.epoch || new == old,
                "{name} left its epoch for good: {old:?} to {new:?}"
            );
            assert!(!is_mine || !matches!(new.1, MemberState::Suspect | MemberState::Failed));
        }
        self.rows = rows;
    }

    /// M-5: what is passed on about others is what they said.
    fn check_sent(&mut self, message: &Message, reliable: bool) {
        for record in message.records() {
            let said = (record.name().clone(), record.version(), record.digest());
            let is_mine = *record.name() == name(0);
            assert!(is_mine || self.made.contains(&said), "nobody said {said:?}");
        }
        match message.body {
            Body::Ping { nonce, .. }
            | Body::PingReq { nonce, .. }
            | Body::Join { nonce, .. }
            | Body::Sync { nonce, .. } => self.nonces.push(nonce),
            _ => {}
        }
        if self.nonces.len() > 32 {
            self.nonces.remove(0);
        }
        let mut out = BytesMut::new();
        message.encode(&mut out);
        assert!(
            out.len()
                <= if reliable {
                    65_536
                } else {
                    self.datagram_bytes
                }
        );
        assert_eq!(Message::decode(out.freeze()).as_ref(), Ok(message));
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// Small numbers, the ends of the range and what lies beside them.
    fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => u64::from(small % 5),
            large @ 200..=249 => u64::MAX - u64::from(large % 3),
            _ => u64::from(self.byte()) << 55 | u64::from(self.byte()),
        }
    }

    fn version(&mut self) -> Version {
        Version {
            epoch: self.number(),
            incarnation: self.number(),
        }
    }

    fn name(&mut self) -> NodeName {
        name(self.byte() % 7)
    }

    fn address(&mut self) -> Address {
        address(self.byte() % 3)
    }

    /// Nothing, a certificate, or as much as there may be.
    fn key(&mut self) -> Bytes {
        let len = match self.byte() {
            200..=239 => 850,
            240..=243 => Record::KEY_BYTES_MAX,
            _ => 0,
        };
        Bytes::from_static(&[7; Record::KEY_BYTES_MAX]).slice(..len)
    }
}

fn name(number: u8) -> NodeName {
    NodeName::new(&format!("m{number}")).expect("the name is legal")
}

fn address(number: u8) -> Address {
    ([10, 0, 0, number], 700).into()
}
