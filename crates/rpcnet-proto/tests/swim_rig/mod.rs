//! One member, to which the tests say what others would.

#![allow(dead_code, reason = "each test program uses a part")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::{
    Address, Body, Config, Event, Identity, MemberState, Message, NodeName, Record, Standing,
    Statement, Swim, Tags, Time, Transmit, Update, Verdict, Version, Vote,
};

pub(crate) const T: Duration = Duration::from_millis(500);

/// A node named `me`, and whatever anybody says to it.
pub(crate) struct Rig {
    pub(crate) swim: Swim,
    pub(crate) now: Time,
    pub(crate) sent: Vec<Transmit>,
    pub(crate) events: Vec<Event>,
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        Self::with_epoch(config, 1)
    }

    pub(crate) fn with_epoch(config: Config, epoch: u64) -> Self {
        let now = Time::from_micros(1_000_000);
        let identity = Identity::new(name("me"), epoch, address(0));
        let swim = Swim::new(now, identity, config, 1);
        Self {
            swim,
            now,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    /// A rig that knows `a`, `b`, ... of epoch 1.
    pub(crate) fn knowing(members: &[&str]) -> Self {
        let mut rig = Self::new(Config::lan());
        rig.meet(members);
        rig
    }

    pub(crate) fn meet(&mut self, members: &[&str]) {
        for (member, n) in members.iter().zip(1..) {
            self.hear(member, Update::Record(record(member, 1, 0, n)));
        }
        self.events.clear();
    }

    pub(crate) fn hear(&mut self, from: &str, update: Update) {
        let updates = vec![update];
        self.receive(
            from,
            Message {
                body: Body::Gossip,
                updates,
            },
        );
    }

    pub(crate) fn receive(&mut self, from: &str, message: Message) {
        self.swim.handle_message(self.now, &name(from), message);
        self.drain();
    }

    pub(crate) fn vote(&mut self, from: &str, about: &str, version: (u64, u64), reporter: &str) {
        self.hear(from, vote(about, version, Verdict::Suspect, reporter));
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.swim.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.swim.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn drain(&mut self) {
        self.sent
            .extend(std::iter::from_fn(|| self.swim.poll_transmit()));
        self.events
            .extend(std::iter::from_fn(|| self.swim.poll_event()));
    }

    pub(crate) fn state(&self, of: &str) -> Option<MemberState> {
        self.swim.member(&name(of)).map(|member| member.state())
    }

    pub(crate) fn version(&self) -> Version {
        self.swim.record().expect("it has a record").version()
    }

    /// Everybody answers what it was asked.
    pub(crate) fn answer_pings(&mut self) {
        self.answer_pings_of(|_| true);
    }

    /// Those of whom `answers` says so answer what they were asked.
    pub(crate) fn answer_pings_of(&mut self, answers: impl Fn(&str) -> bool) {
        for transmit in std::mem::take(&mut self.sent) {
            if let (Body::Ping { nonce, .. }, Some(name)) =
                (&transmit.message.body, transmit.to.name())
                && answers(name.as_str())
            {
                self.receive(name.as_str(), Message::new(Body::Ack { nonce: *nonce }));
            }
        }
    }

    /// The next ping to anybody, with its nonce.
    pub(crate) fn next_ping(&mut self) -> (NodeName, u64) {
        self.sent.clear();
        for _ in 0..100 {
            self.pass(Duration::from_millis(10));
            for transmit in &self.sent {
                if let (Body::Ping { nonce, .. }, Some(name)) =
                    (&transmit.message.body, transmit.to.name())
                {
                    return (name.clone(), *nonce);
                }
            }
        }
        panic!("a ping goes out every half second");
    }
}

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("the name is legal")
}

pub(crate) fn address(n: u16) -> Address {
    ([10, 0, 0, 1], 7000 + n).into()
}

pub(crate) fn record_of(
    of: &str,
    epoch: u64,
    incarnation: u64,
    standing: Standing,
    port: u16,
) -> Arc<Record> {
    let statement = Statement {
        name: name(of),
        version: Version { epoch, incarnation },
        standing,
        address: address(port),
        tags: Tags::new(),
        tags_changed: 0,
        key: Bytes::new(),
    };
    Arc::new(Record::new(statement, Bytes::new()))
}

pub(crate) fn record(of: &str, epoch: u64, incarnation: u64, port: u16) -> Arc<Record> {
    record_of(of, epoch, incarnation, Standing::Here, port)
}

pub(crate) fn vote(
    about: &str,
    (epoch, incarnation): (u64, u64),
    verdict: Verdict,
    reporter: &str,
) -> Update {
    Update::Vote(Arc::new(Vote {
        name: name(about),
        version: Version { epoch, incarnation },
        verdict,
        reporter: name(reporter),
    }))
}

pub(crate) const OTHERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
