//! What a member holds, sends and takes in at most.

mod swim_rig;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::{
    Body, Buckets, Config, Destination, Event, Identity, LimitKind, MemberState, Message, Record,
    Row, Sign, Standing, Swim, Time, Transmit, Update,
};

use swim_rig::{OTHERS, Rig, T, address, ms, name, record, record_of};

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

/// M-10: else a member could have all others scan the ports of a third party.
#[test]
fn a_member_that_moves_with_every_word_draws_one_dial_in_ten_seconds() {
    let mut rig = Rig::knowing(&["a", "b"]);
    let dials = |rig: &Rig| {
        let prove = |event: &&Event| matches!(event, Event::Prove { .. });
        rig.events.iter().filter(prove).count()
    };
    for incarnation in 1..=1_000 {
        // To somewhere else each time, and home in between.
        let port = if incarnation % 3 == 0 {
            1
        } else {
            incarnation as u16
        };
        rig.hear("a", Update::Record(record("a", 1, incarnation, port)));
        // Where it is found, it may go on from.
        let claimed = rig.swim.member(&name("a")).expect("known");
        let claimed = claimed.record().address();
        if incarnation % 5 == 0 {
            rig.swim.handle_proven(rig.now, &name("a"), claimed);
            rig.drain();
        }
        rig.pass(ms(100));
    }
    let dialled = dials(&rig);
    assert!((8..=10).contains(&dialled), "{dialled} dials in 100 s");
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

/// The questions of the joins that the rig sent since the last time.
fn joins_asked(rig: &mut Rig) -> Vec<u64> {
    let sent = std::mem::take(&mut rig.sent);
    let nonce = |transmit: Transmit| match transmit.message.body {
        Body::Join { nonce, .. } => Some(nonce),
        _ => None,
    };
    sent.into_iter().filter_map(nonce).collect()
}

fn join_reply(nonce: u64, parts: u64, member: &str) -> Message {
    let row = Row {
        record: record(member, 1, 0, 5),
        state: MemberState::Alive,
    };
    let rows = vec![row];
    Message::new(Body::JoinReply { nonce, rows, parts })
}

/// M-30.
#[test]
fn the_parts_of_a_reply_to_a_join_count_in_any_order_and_only_together() {
    let mut rig = Rig::new(Config::lan());
    let is_in = |rig: &Rig| {
        let joined = |event: &Event| matches!(event, Event::JoinedCluster { .. });
        rig.events.iter().any(joined)
    };
    rig.swim.join(rig.now, &[address(1)]);
    rig.pass(ms(1));
    let [nonce] = joins_asked(&mut rig)[..] else {
        panic!("the seed is asked once")
    };
    for member in ["c", "b"] {
        rig.receive("a", join_reply(nonce, 3, member));
        assert!(rig.state(member).is_some());
        assert!(!is_in(&rig), "one part is missing");
    }
    // While parts arrive the seed is not asked again; when no more come, it is.
    rig.pass(Duration::from_secs(4));
    assert_eq!(joins_asked(&mut rig), []);
    rig.receive("a", join_reply(nonce, 3, "b"));
    assert!(is_in(&rig), "now it is complete");
    rig.receive("a", join_reply(nonce, 3, "d"));
    assert_eq!(rig.state("d"), None, "the question is closed");
}

/// M-30.
#[test]
fn a_seed_whose_reply_stays_incomplete_is_asked_again() {
    let mut rig = Rig::new(Config::lan());
    rig.swim.join(rig.now, &[address(1)]);
    rig.pass(ms(1));
    let [first] = joins_asked(&mut rig)[..] else {
        panic!("the seed is asked once")
    };
    rig.receive("a", join_reply(first, 2, "a"));
    rig.pass(Duration::from_secs(40));
    let again = joins_asked(&mut rig);
    let [second, ..] = again[..] else {
        panic!("the seed is asked again")
    };
    // A part of the first reply does not complete the second.
    rig.receive("a", join_reply(first, 1, "b"));
    assert_eq!(rig.state("b"), None);
    let newest = again.last().copied().unwrap_or(second);
    rig.receive("a", join_reply(newest, 1, "b"));
    assert!(rig.state("b").is_some());
}

/// M-28.
#[test]
fn the_parts_of_a_reply_to_a_comparison_count_in_any_order_and_only_together() {
    let mut config = Config::lan();
    config.sync_interval = T;
    let mut rig = Rig::new(config);
    rig.meet(&["a", "b"]);
    rig.pass(T);
    let sent = rig.sent.iter().find_map(|sent| match sent.message.body {
        Body::Sync { nonce, .. } => Some((nonce, sent.to.name().cloned()?)),
        _ => None,
    });
    let (nonce, peer) = sent.expect("views are compared once per interval");
    let mut differing = Buckets::default();
    (0..256).for_each(|bucket| differing.insert(bucket));
    let pushed = |rig: &mut Rig, member: &str, port| {
        rig.sent.clear();
        let row = Row {
            record: record(member, 1, 0, port),
            state: MemberState::Alive,
        };
        let body = Body::SyncReply {
            nonce,
            differing,
            rows: vec![row],
            parts: 3,
        };
        rig.receive(peer.as_str(), Message::new(body));
        let pushes = rig.sent.iter();
        let pushes = pushes.filter(|sent| matches!(sent.message.body, Body::SyncPush { .. }));
        let rows = pushes.flat_map(|sent| sent.message.records());
        rows.map(|record| record.name().to_string())
            .collect::<Vec<_>>()
    };
    assert!(pushed(&mut rig, "z", 9).is_empty());
    assert!(pushed(&mut rig, "b", 2).is_empty());
    // Of what this node knows the peer has shown all but this node itself.
    assert_eq!(pushed(&mut rig, "a", 1), ["me"]);
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

/// M-5, M-6.
#[test]
fn new_credentials_are_told_at_once_and_used_from_then_on() {
    #[derive(Debug)]
    struct Mark(&'static str);
    impl Sign for Mark {
        fn sign(&self, _: &[u8]) -> Bytes {
            Bytes::from_static(self.0.as_bytes())
        }
    }
    let mut rig = Rig::knowing(&["a", "b"]);
    let said = |rig: &Rig| {
        let record = rig.swim.record().expect("it has a record");
        (
            record.version(),
            record.statement().key.clone(),
            record.proof().clone(),
        )
    };
    let before = said(&rig).0;
    let key = Bytes::from_static(b"key 2");
    let signer = Some(Arc::new(Mark("2")) as Arc<dyn Sign>);
    rig.swim.set_signer(rig.now, key.clone(), signer);
    let (version, held, proof) = said(&rig);
    assert!(version > before);
    assert_eq!((&held, &proof[..]), (&key, &b"2"[..]));
    rig.pass(Duration::from_secs(1));
    let is_news = |transmit: &Transmit| {
        let mut records = transmit.message.records();
        records.any(|record| record.version() == version && record.statement().key == key)
    };
    assert!(rig.sent.iter().any(is_news), "the others are told");

    // A key that no record can have is none, and what is signed says so.
    let limit = Record::KEY_BYTES_MAX;
    for (len, kept) in [(limit, limit), (limit + 1, 0)] {
        let signer = Some(Arc::new(Mark("3")) as Arc<dyn Sign>);
        rig.swim.set_signer(rig.now, vec![7; len].into(), signer);
        assert_eq!(said(&rig).1.len(), kept);
    }

    // Who leaves has nothing new to say; who comes back says it with what it has now.
    rig.swim.leave(rig.now);
    let left = said(&rig).0;
    let signer = Some(Arc::new(Mark("4")) as Arc<dyn Sign>);
    rig.swim.set_signer(rig.now, key, signer);
    assert_eq!(said(&rig).0, left);
    rig.pass(Duration::from_secs(2));
    rig.swim.join(rig.now, &[address(1)]);
    assert_eq!(&said(&rig).2[..], b"4");
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
