//! Single rules of `docs/spec/swim.md`, tried on one node that is fed by hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::{
    Address, Body, Config, Destination, Event, Identity, LimitKind, MemberState, Message, NodeName,
    Record, Row, Sign, Standing, Statement, Swim, Tags, Time, Transmit, Update, Verdict, Version,
    Vote,
};

const T: Duration = Duration::from_millis(500);

/// A node named `me`, and whatever anybody says to it.
struct Rig {
    swim: Swim,
    now: Time,
    sent: Vec<Transmit>,
    events: Vec<Event>,
}

impl Rig {
    fn new(config: Config) -> Self {
        Self::with_epoch(config, 1)
    }

    fn with_epoch(config: Config, epoch: u64) -> Self {
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
    fn knowing(members: &[&str]) -> Self {
        let mut rig = Self::new(Config::lan());
        rig.meet(members);
        rig
    }

    fn meet(&mut self, members: &[&str]) {
        for (member, n) in members.iter().zip(1..) {
            self.hear(member, Update::Record(record(member, 1, 0, n)));
        }
        self.events.clear();
    }

    fn hear(&mut self, from: &str, update: Update) {
        let updates = vec![update];
        self.receive(
            from,
            Message {
                body: Body::Gossip,
                updates,
            },
        );
    }

    fn receive(&mut self, from: &str, message: Message) {
        self.swim.handle_message(self.now, &name(from), message);
        self.drain();
    }

    fn vote(&mut self, from: &str, about: &str, version: (u64, u64), reporter: &str) {
        self.hear(from, vote(about, version, Verdict::Suspect, reporter));
    }

    /// Lets time pass, timer by timer.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.swim.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.swim.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        self.sent
            .extend(std::iter::from_fn(|| self.swim.poll_transmit()));
        self.events
            .extend(std::iter::from_fn(|| self.swim.poll_event()));
    }

    fn state(&self, of: &str) -> Option<MemberState> {
        self.swim.member(&name(of)).map(|member| member.state())
    }

    fn version(&self) -> Version {
        self.swim.record().expect("it has a record").version()
    }

    /// The next ping to anybody, with its nonce.
    fn next_ping(&mut self) -> (NodeName, u64) {
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

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("the name is legal")
}

fn address(n: u16) -> Address {
    ([10, 0, 0, 1], 7000 + n).into()
}

fn record_of(of: &str, epoch: u64, incarnation: u64, standing: Standing, port: u16) -> Arc<Record> {
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

fn record(of: &str, epoch: u64, incarnation: u64, port: u16) -> Arc<Record> {
    record_of(of, epoch, incarnation, Standing::Here, port)
}

fn vote(about: &str, (epoch, incarnation): (u64, u64), verdict: Verdict, reporter: &str) -> Update {
    Update::Vote(Arc::new(Vote {
        name: name(about),
        version: Version { epoch, incarnation },
        verdict,
        reporter: name(reporter),
    }))
}

const OTHERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// M-9, M-18.
#[test]
fn votes_count_once_per_reporter_and_from_members_only() {
    let mut rig = Rig::knowing(&OTHERS);
    rig.vote("a", "b", (1, 0), "stranger");
    rig.vote("a", "b", (1, 0), "b");
    rig.vote("a", "b", (1, 0), "me");
    rig.vote("a", "b", (0, 0), "a");
    rig.vote("a", "b", (1, 1), "a");
    rig.vote("a", "b", (u64::MAX, u64::MAX), "a");
    assert_eq!(
        rig.state("b"),
        Some(MemberState::Alive),
        "none of these counts"
    );
    assert_eq!(rig.swim.counters().votes_ignored, 6);
    rig.vote("a", "b", (1, 0), "a");
    assert_eq!(rig.state("b"), Some(MemberState::Suspect));
    for _ in 0..50 {
        rig.vote("a", "b", (1, 0), "a");
    }
    assert_eq!(
        rig.swim.counters().votes_counted,
        1,
        "one voice, however often it is heard"
    );
    for reporter in ["c", "d", "e", "f"] {
        rig.vote("a", "b", (1, 0), reporter);
    }
    assert_eq!(
        rig.swim.counters().votes_counted,
        3,
        "two confirmations are all that it takes"
    );
}

/// M-9.
#[test]
fn a_failure_is_never_taken_over_from_others() {
    let mut rig = Rig::knowing(&OTHERS);
    for reporter in ["a", "c", "d", "e"] {
        rig.hear(reporter, vote("b", (1, 0), Verdict::Failed, reporter));
    }
    assert_eq!(
        rig.state("b"),
        Some(MemberState::Suspect),
        "it is a doubt like any other"
    );
    rig.hear("b", Update::Record(record("b", 1, 1, 2)));
    assert_eq!(rig.state("b"), Some(MemberState::Alive));
    assert!(rig.events.contains(&Event::Cleared { name: name("b") }));
    rig.vote("a", "b", (1, 0), "a");
    assert_eq!(
        rig.state("b"),
        Some(MemberState::Alive),
        "the doubt of an older version is stale"
    );
}

/// M-8, M-34.
#[test]
fn stale_records_never_resurrect() {
    let mut rig = Rig::knowing(&["a", "b"]);
    rig.hear("a", Update::Record(record_of("b", 1, 3, Standing::Left, 2)));
    assert_eq!(rig.state("b"), Some(MemberState::Left));
    for (epoch, incarnation) in [(1, 0), (1, 3), (1, 4), (1, u64::MAX), (0, u64::MAX)] {
        rig.hear("b", Update::Record(record("b", epoch, incarnation, 2)));
        assert_eq!(
            rig.state("b"),
            Some(MemberState::Left),
            "{epoch}, {incarnation}"
        );
    }
    rig.hear("b", Update::Record(record("b", 2, 0, 2)));
    assert_eq!(rig.state("b"), Some(MemberState::Alive));
    // The tombstone of somebody who was never known is no news.
    rig.hear(
        "a",
        Update::Record(record_of("ghost", 1, 0, Standing::Left, 9)),
    );
    assert_eq!(rig.state("ghost"), None);
    let row = Row {
        record: record("ghost", 1, 0, 9),
        state: MemberState::Failed,
    };
    let body = Body::SyncPush {
        nonce: 0,
        rows: vec![row],
    };
    rig.receive("a", Message::new(body));
    assert_eq!(rig.state("ghost"), None);
}

/// M-8.
#[test]
fn a_failed_member_comes_back_by_its_own_newer_record_only() {
    let mut rig = Rig::knowing(&["a"]);
    rig.pass(Duration::from_secs(20));
    assert_eq!(rig.state("a"), Some(MemberState::Failed));
    rig.hear("x", Update::Record(record("a", 1, 0, 1)));
    rig.receive("a", Message::new(Body::Gossip));
    assert_eq!(
        rig.state("a"),
        Some(MemberState::Failed),
        "being heard is not enough"
    );
    let told = rig.sent.last().expect("it is told so");
    assert_eq!(
        told.message.updates,
        [vote("a", (1, 0), Verdict::Failed, "me")]
    );
    rig.hear("a", Update::Record(record("a", 1, 1, 1)));
    assert_eq!(rig.state("a"), Some(MemberState::Alive));
    assert!(rig.events.contains(&Event::Recovered { name: name("a") }));
}

/// M-9, M-20.
#[test]
fn a_doubt_about_this_node_is_answered_and_not_too_often() {
    let mut rig = Rig::knowing(&["a", "b"]);
    let before = rig.version();
    for _ in 0..1000 {
        let now = rig.version();
        rig.vote("a", "me", (now.epoch, now.incarnation), "a");
    }
    let expected = Version {
        incarnation: before.incarnation + 1,
        ..before
    };
    assert_eq!(rig.version(), expected, "once per gossip interval");
    rig.pass(Duration::from_millis(250));
    assert_eq!(rig.version().incarnation, before.incarnation + 2);
    for forged in [(1, u64::MAX), (u64::MAX, 0), (0, 0), (1, 0)] {
        rig.pass(Duration::from_secs(1));
        rig.vote("a", "me", forged, "a");
    }
    assert_eq!(
        rig.version().incarnation,
        before.incarnation + 2,
        "nobody else raises it"
    );
}

/// M-4.
#[test]
fn the_last_versions_there_are_neither_overflow_nor_wedge() {
    let mut rig = Rig::with_epoch(Config::lan(), u64::MAX);
    rig.meet(&["a", "b"]);
    let doubt = |rig: &mut Rig| {
        rig.pass(Duration::from_secs(1));
        let now = rig.version();
        rig.vote("a", "me", (now.epoch, now.incarnation), "a");
    };
    doubt(&mut rig);
    assert_eq!(
        rig.version(),
        Version {
            epoch: u64::MAX,
            incarnation: 1
        }
    );
    // Somebody has this node's name and the last version there is.
    rig.hear("a", Update::Record(record("me", u64::MAX, u64::MAX, 0)));
    doubt(&mut rig);
    rig.swim.leave(rig.now);
    rig.swim.join(rig.now, &[address(1)]);
    rig.pass(Duration::from_secs(5));
    // Others at the end of their range are members like any other.
    let mut rig = Rig::knowing(&["a", "b", "c"]);
    rig.hear("a", Update::Record(record("a", u64::MAX, u64::MAX, 1)));
    rig.vote("b", "a", (u64::MAX, u64::MAX), "b");
    assert_eq!(rig.state("a"), Some(MemberState::Suspect));
    rig.pass(Duration::from_secs(40));
    assert_eq!(rig.state("a"), Some(MemberState::Failed));
}

/// M-11.
#[test]
fn a_node_goes_beyond_what_its_earlier_life_said() {
    let mut rig = Rig::knowing(&["a"]);
    rig.hear("a", Update::Record(record("me", 7, 3, 0)));
    assert_eq!(
        rig.version(),
        Version {
            epoch: 8,
            incarnation: 0
        }
    );
    rig.hear(
        "a",
        Update::Record(record_of("me", 20, 0, Standing::Left, 44)),
    );
    assert_eq!(rig.version().epoch, 21);
    // A living node elsewhere is another matter.
    rig.hear("a", Update::Record(record("me", 30, 0, 44)));
    assert_eq!(rig.version().epoch, 21, "no fight");
    assert!(
        rig.events
            .iter()
            .any(|event| matches!(event, Event::Conflict(c) if c.yields))
    );
    rig.hear("a", vote("me", (30, 0), Verdict::Failed, "a"));
    assert_eq!(rig.version().epoch, 31, "the name is free again");
    rig.hear("a", Update::Record(record("me", 50, 0, 44)));
    rig.swim.take_over(rig.now);
    assert_eq!(rig.version().epoch, 51);
}

/// M-14.
#[test]
fn forged_answers_do_not_count() {
    let mut rig = Rig::knowing(&OTHERS);
    let (target, nonce) = rig.next_ping();
    let other = OTHERS
        .iter()
        .find(|other| **other != target.as_str())
        .expect("there are more");
    rig.receive(other, Message::new(Body::Ack { nonce }));
    rig.receive(
        target.as_str(),
        Message::new(Body::Ack { nonce: nonce ^ 1 }),
    );
    rig.receive("stranger", Message::new(Body::Ack { nonce }));
    rig.receive(other, Message::new(Body::ForwardedAck { nonce }));
    rig.receive(other, Message::new(Body::Nack { nonce }));
    assert_eq!(rig.swim.counters().answers_ignored, 5);
    rig.receive(target.as_str(), Message::new(Body::Ack { nonce }));
    assert_eq!(rig.swim.counters().answers_ignored, 5, "this one counts");
    rig.receive(target.as_str(), Message::new(Body::Ack { nonce }));
    assert_eq!(rig.swim.counters().answers_ignored, 6, "and only once");
}

/// M-13, M-14.
#[test]
fn relays_and_a_stream_are_tried_and_their_answers_count() {
    let mut rig = Rig::knowing(&OTHERS);
    let (target, nonce) = rig.next_ping();
    rig.sent.clear();
    rig.pass(Duration::from_millis(301));
    let relays: Vec<NodeName> = rig
        .sent
        .iter()
        .filter_map(|transmit| match &transmit.message.body {
            Body::PingReq { target: asked, .. } => {
                assert_eq!(*asked, target);
                transmit.to.name().cloned()
            }
            _ => None,
        })
        .collect();
    assert_eq!(relays.len(), 3);
    assert!(!relays.contains(&target));
    let on_stream = rig.sent.iter().any(|transmit| {
        transmit.reliable
            && transmit.to.name() == Some(&target)
            && matches!(
                transmit.message.body,
                Body::Ping {
                    on_stream: true,
                    ..
                }
            )
    });
    assert!(on_stream);
    rig.receive(relays[0].as_str(), Message::new(Body::Nack { nonce }));
    rig.receive(
        relays[0].as_str(),
        Message::new(Body::ForwardedAck { nonce }),
    );
    assert_eq!(
        rig.swim.counters().answers_ignored,
        1,
        "it had said that it has none"
    );
    rig.receive(
        relays[1].as_str(),
        Message::new(Body::ForwardedAck { nonce }),
    );
    assert_eq!(rig.swim.counters().probes_indirect, 1);
    rig.pass(T);
    assert_eq!(rig.state(target.as_str()), Some(MemberState::Alive));
}

/// M-15.
#[test]
fn missed_nacks_and_own_refutations_make_a_node_doubt_itself() {
    let mut rig = Rig::knowing(&OTHERS);
    rig.next_ping();
    rig.pass(ms(520));
    assert_eq!(rig.swim.awareness(), 3, "three relays were silent");
    rig.vote("a", "me", (1, 0), "a");
    assert_eq!(rig.swim.awareness(), 4);
    let mut config = Config::lan();
    config.lifeguard = false;
    let mut plain = Rig::new(config);
    plain.meet(&OTHERS);
    plain.pass(ms(2_000));
    assert_eq!(plain.swim.awareness(), 0);
}

/// M-21.
#[test]
fn who_was_just_heard_is_not_failed() {
    let mut rig = Rig::knowing(&OTHERS);
    rig.vote("a", "b", (1, 0), "a");
    for _ in 0..200 {
        rig.pass(ms(200));
        rig.swim.handle_reachable(rig.now, &name("b"));
    }
    assert_eq!(
        rig.state("b"),
        Some(MemberState::Suspect),
        "it has not answered, but it lives"
    );
    assert!(rig.swim.counters().vetoed > 0);
    rig.pass(Duration::from_secs(40));
    assert_eq!(rig.state("b"), Some(MemberState::Failed));
}

/// M-22.
#[test]
fn after_a_pause_nobody_fails_before_what_arrived_was_read() {
    let mut rig = Rig::knowing(&OTHERS);
    rig.vote("a", "b", (1, 0), "a");
    rig.vote("c", "b", (1, 0), "c");
    // The suspicion would have ended during the pause.
    rig.now = rig.now + Duration::from_secs(30);
    rig.swim.handle_timeout(rig.now);
    rig.drain();
    assert_eq!(rig.state("b"), Some(MemberState::Suspect));
    assert_eq!(rig.swim.counters().pauses, 1);
    assert!(rig.swim.awareness() > 0);
    rig.hear("a", Update::Record(record("b", 1, 1, 2)));
    rig.pass(ms(1_000));
    assert_eq!(rig.state("b"), Some(MemberState::Alive));
    rig.swim.handle_lateness(rig.now, Duration::from_secs(9));
    assert_eq!(rig.swim.counters().pauses, 2, "the driver may say so too");
}

/// M-12.
#[test]
fn a_doubt_of_the_driver_is_a_probe_out_of_turn() {
    let mut rig = Rig::knowing(&OTHERS);
    rig.sent.clear();
    for _ in 0..50 {
        rig.swim.handle_doubt(rig.now, &name("d"));
    }
    rig.swim.handle_doubt(rig.now, &name("nobody"));
    rig.swim.handle_doubt(rig.now, &name("me"));
    rig.drain();
    let pings = rig
        .sent
        .iter()
        .filter(|t| matches!(t.message.body, Body::Ping { .. }));
    assert_eq!(pings.count(), 1, "one question is open, and that is enough");
    assert_eq!(rig.state("d"), Some(MemberState::Alive));
}

/// M-12.
#[test]
fn every_member_is_probed_once_per_round() {
    let mut rig = Rig::knowing(&OTHERS);
    for _ in 0..10 {
        let mut probed = std::collections::BTreeSet::new();
        for _ in 0..OTHERS.len() {
            let (target, nonce) = rig.next_ping();
            rig.receive(target.as_str(), Message::new(Body::Ack { nonce }));
            probed.insert(target);
        }
        assert_eq!(probed.len(), OTHERS.len());
    }
}

/// M-10.
#[test]
fn an_address_that_was_not_proven_is_never_sent_to() {
    let mut rig = Rig::knowing(&["a", "b"]);
    rig.hear("a", Update::Record(record("a", 1, 1, 66)));
    let prove = Event::Prove {
        name: name("a"),
        address: address(66),
    };
    let asked = |rig: &Rig| rig.events.iter().filter(|event| **event == prove).count();
    assert_eq!(asked(&rig), 1);
    rig.pass(Duration::from_secs(9));
    assert_eq!(asked(&rig), 1, "once in ten seconds");
    rig.pass(Duration::from_secs(2));
    assert_eq!(asked(&rig), 2);
    assert!(
        rig.sent
            .iter()
            .all(|transmit| transmit.to.address() != Some(address(66)))
    );
    rig.swim.handle_proven(rig.now, &name("a"), address(65));
    assert_eq!(
        rig.swim.member(&name("a")).expect("known").address(),
        address(1)
    );
    rig.swim.handle_proven(rig.now, &name("a"), address(66));
    assert_eq!(
        rig.swim.member(&name("a")).expect("known").address(),
        address(66)
    );
}

/// M-16.
#[test]
fn a_relay_pings_only_whom_it_knows_and_only_for_members() {
    let mut config = Config::lan();
    config.limits.relays = 2;
    let mut rig = Rig::new(config);
    rig.meet(&["a", "b", "c", "d"]);
    let ask = |rig: &mut Rig, from: &str, target: &str| {
        rig.sent.clear();
        rig.receive(
            from,
            Message::new(Body::PingReq {
                nonce: 5,
                target: name(target),
            }),
        );
        rig.sent
            .iter()
            .map(|transmit| transmit.message.kind())
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(&mut rig, "a", "nobody"), ["nack"]);
    assert_eq!(ask(&mut rig, "a", "me"), ["nack"]);
    assert!(ask(&mut rig, "stranger", "b").is_empty());
    assert_eq!(ask(&mut rig, "a", "b"), ["ping"]);
    assert_eq!(ask(&mut rig, "a", "c"), ["ping"]);
    assert_eq!(ask(&mut rig, "a", "d"), ["nack"], "the limit");
    rig.sent.clear();
    rig.pass(ms(150));
    let nacks = rig
        .sent
        .iter()
        .filter(|t| t.message.body == Body::Nack { nonce: 5 });
    assert_eq!(nacks.count(), 2);
    rig.pass(ms(600));
    assert_eq!(ask(&mut rig, "a", "d")[0], "ping", "there is room again");
}

/// M-31.
#[test]
fn the_table_takes_as_many_members_as_it_may_and_makes_room_only_by_forgetting_the_gone() {
    let mut config = Config::lan();
    config.limits.members = 5;
    let mut rig = Rig::new(config);
    let admit = |rig: &mut Rig, member: &str, port| {
        rig.hear("x", Update::Record(record(member, 1, 0, port)));
        rig.state(member).is_some()
    };
    let reached = Event::LimitReached {
        limit: LimitKind::Members,
    };
    let told = |rig: &Rig| rig.events.iter().filter(|event| **event == reached).count();
    for (member, port) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        assert!(
            admit(&mut rig, member, port),
            "{member}: four and this node"
        );
    }
    assert_eq!(told(&rig), 0);
    for n in 0..100 {
        assert!(!admit(&mut rig, &format!("m{n}"), 9));
    }
    assert_eq!(told(&rig), 1, "told once");
    assert_eq!(rig.swim.counters().records_refused, 100);
    rig.hear("x", Update::Record(record_of("b", 1, 1, Standing::Left, 2)));
    assert!(admit(&mut rig, "e", 5), "who left makes room");
    assert_eq!(rig.state("b"), None);
    assert!(!admit(&mut rig, "f", 6));
    assert_eq!(told(&rig), 2, "told again, because there had been room");
}

/// M-27.
#[test]
fn so_many_comparisons_are_served_and_no_more() {
    let mut config = Config::lan();
    config.limits.syncs = 3;
    let mut rig = Rig::new(config);
    rig.meet(&OTHERS);
    let ask = |rig: &mut Rig| {
        rig.sent.clear();
        for nonce in 0..10 {
            rig.receive(
                "a",
                Message::new(Body::Sync {
                    nonce,
                    digests: vec![0],
                }),
            );
        }
        rig.sent
            .iter()
            .filter(|t| t.message.kind() == "sync-reply")
            .count()
    };
    assert_eq!(ask(&mut rig), 3);
    assert_eq!(ask(&mut rig), 0);
    rig.pass(ms(200));
    assert_eq!(ask(&mut rig), 3);
}

/// M-28.
#[test]
fn equal_views_cost_their_digests_only() {
    let mut rig = Rig::new(Config::lan());
    for n in 0..5_000_u16 {
        rig.hear("x", Update::Record(record(&format!("member-{n}"), 1, 0, n)));
    }
    rig.sent.clear();
    let mut largest = 0;
    for _ in 0..600 {
        rig.pass(T);
        for transmit in rig.sent.drain(..) {
            if let Body::Sync { digests, nonce } = &transmit.message.body {
                assert_eq!(digests.len(), 256);
                largest = largest.max(transmit.message.encoded_len());
                // The other side has the same view, and so this node's own digests.
                let same = Message::new(Body::Sync {
                    nonce: *nonce,
                    digests: digests.clone(),
                });
                rig.swim.handle_message(rig.now, &name("member-0"), same);
                while let Some(reply) = rig.swim.poll_transmit() {
                    if reply.message.kind() == "sync-reply" {
                        largest = largest
                            .max(transmit.message.encoded_len() + reply.message.encoded_len());
                    }
                }
            }
        }
        rig.drain();
    }
    assert!((2_100..3_000).contains(&largest), "{largest}");
}

/// M-25.
#[test]
fn the_queue_holds_one_record_per_member_and_a_backlog_goes_by_stream() {
    let mut rig = Rig::new(Config::lan());
    for round in 0..20 {
        for n in 0..300_u16 {
            rig.hear(
                "x",
                Update::Record(record(&format!("member-{n}"), 1, round, n)),
            );
        }
    }
    assert!(rig.swim.updates_pending() <= 301);
    rig.sent.clear();
    rig.pass(ms(250));
    let gossip: Vec<_> = rig
        .sent
        .iter()
        .filter(|t| t.message.kind() == "gossip")
        .collect();
    assert!(!gossip.is_empty());
    assert!(
        gossip
            .iter()
            .all(|t| t.reliable && t.message.updates.len() >= 300)
    );
    for _ in 0..60 {
        rig.pass(T);
        rig.meet(&[]);
    }
    let counted = rig.swim.counters();
    assert_eq!(counted.transmits_dropped, 0);
}

/// M-30.
#[test]
fn a_joiner_gets_the_living_and_is_told_what_is_known_of_itself() {
    let mut rig = Rig::knowing(&["a", "b", "c"]);
    rig.hear("c", Update::Record(record_of("c", 1, 1, Standing::Left, 3)));
    rig.hear("a", Update::Record(record_of("b", 9, 1, Standing::Left, 2)));
    rig.sent.clear();
    let joins = record("b", 2, 0, 2);
    rig.receive(
        "b",
        Message::new(Body::Join {
            nonce: 3,
            record: joins,
        }),
    );
    let [
        Transmit {
            to: Destination::Sender(to),
            message,
            reliable: true,
        },
    ] = &rig.sent[..]
    else {
        panic!("one reply: {:?}", rig.sent)
    };
    assert_eq!(to.as_str(), "b");
    let mut names: Vec<_> = message
        .records()
        .map(|record| record.name().as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "me"], "not c, which has left");
    // Under another's name nobody joins.
    let forged = Message::new(Body::Join {
        nonce: 3,
        record: record("z", 2, 0, 2),
    });
    rig.sent.clear();
    rig.receive("a", forged);
    assert!(rig.sent.is_empty());
    assert_eq!(rig.state("z"), None);
}

/// M-5, M-6.
#[test]
fn a_node_signs_what_it_says_of_itself() {
    #[derive(Debug)]
    struct Length;
    impl Sign for Length {
        fn sign(&self, bytes: &[u8]) -> Bytes {
            Bytes::from(format!("{} bytes", bytes.len()))
        }
    }
    let mut identity = Identity::new(name("me"), 1, address(0));
    identity.signer = Some(Arc::new(Length));
    let mut config = Config::lan();
    config.cluster = "blue".to_owned();
    let now = Time::default();
    let mut swim = Swim::new(now, identity, config, 1);
    let check = |swim: &Swim| {
        let record = swim.record().expect("it has a record");
        let signed = record.signed_bytes("blue");
        assert_eq!(
            record.proof()[..],
            format!("{} bytes", signed.len()).as_bytes()[..]
        );
        assert_ne!(
            signed,
            record.signed_bytes("green"),
            "another cluster's proof is none"
        );
        record.version()
    };
    let first = check(&swim);
    swim.set_tag(now, "k", "v").expect("the tag is legal");
    assert!(check(&swim) > first);
}

/// M-6.
#[test]
fn what_does_not_verify_is_dropped_from_a_message() {
    let updates = vec![
        Update::Record(record("a", 1, 0, 1)),
        Update::Record(record("b", 1, 0, 1)),
    ];
    let row = Row {
        record: record("c", 1, 0, 1),
        state: MemberState::Alive,
    };
    let body = Body::SyncPush {
        nonce: 1,
        rows: vec![row],
    };
    let mut message = Message { body, updates };
    assert!(message.retain_records(|record| record.name().as_str() == "a"));
    assert_eq!(message.records().count(), 1);
    let mut join = Message::new(Body::Join {
        nonce: 1,
        record: record("a", 1, 0, 1),
    });
    assert!(
        !join.retain_records(|_| false),
        "a join is nothing without its record"
    );
}

/// M-37, M-38.
#[test]
fn a_message_that_is_too_long_is_refused_and_a_longer_one_is_understood() {
    let mut bytes = bytes::BytesMut::new();
    Message::new(Body::Ack { nonce: 1 }).encode(&mut bytes);
    assert_eq!(bytes[..], [2, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    bytes.resize(65_536, 0xff);
    assert_eq!(
        Message::decode(bytes.clone().freeze()),
        Ok(Message::new(Body::Ack { nonce: 1 }))
    );
    bytes.resize(65_537, 0xff);
    assert!(Message::decode(bytes.freeze()).is_err());
    for bytes in [
        &[][..],
        &[0],
        &[13, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[6],
        &[6, 1, 2],
        &[6, 0x40, 0],
    ] {
        assert!(
            Message::decode(Bytes::copy_from_slice(bytes)).is_err(),
            "{bytes:?}"
        );
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
