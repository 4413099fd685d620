//! Single rules of `docs/spec/swim.md`, tried on one node that is fed by hand.

mod swim_rig;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::{
    Address, Body, Config, Destination, Event, MemberState, Message, NodeName, Record, Row,
    Standing, Update, Verdict, Version,
};

use swim_rig::{OTHERS, Rig, T, address, ms, name, record, record_of, vote};

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

/// M-11: the clock may have gone back to the very epoch of the earlier life.
#[test]
fn a_node_goes_beyond_an_earlier_life_of_the_same_version() {
    let mut smaller = 0;
    for tag in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let mut rig = Rig::knowing(&["a"]);
        let mine = rig.swim.record().expect("it has a record").clone();
        let mut statement = mine.statement().clone();
        statement.tags.set("tag", tag).expect("the tag is legal");
        let earlier = Arc::new(Record::new(statement, Bytes::new()));
        smaller += usize::from(earlier.digest() < mine.digest());
        rig.hear("a", Update::Record(earlier));
        assert_eq!(rig.version().epoch, mine.version().epoch + 1, "{tag}");
        let is_conflict = |event: &Event| matches!(event, Event::Conflict(_));
        assert!(!rig.events.iter().any(is_conflict), "nobody else is there");
    }
    assert!(
        (1..8).contains(&smaller),
        "either digest may be the greater"
    );
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

/// M-30: a name may stand for other addresses by now.
#[test]
fn a_seed_that_is_no_longer_one_is_not_asked_and_leaves_room_for_another() {
    let mut config = Config::lan();
    config.limits.seeds = 2;
    let mut rig = Rig::new(config);
    let asked = |rig: &mut Rig| {
        rig.sent.clear();
        rig.pass(Duration::from_secs(40));
        let seeds = rig.sent.iter().filter_map(|transmit| match transmit.to {
            Destination::Seed(address) => Some(address),
            _ => None,
        });
        seeds.collect::<BTreeSet<Address>>()
    };
    let seeds = [address(1), address(2), address(3)];
    rig.swim.join(rig.now, &seeds);
    assert_eq!(asked(&mut rig), BTreeSet::from([seeds[0], seeds[1]]));
    rig.swim.retain_seeds(|seed| *seed == seeds[1]);
    rig.swim.join(rig.now, &seeds[2..]);
    assert_eq!(asked(&mut rig), BTreeSet::from([seeds[1], seeds[2]]));
}

/// M-34: the count goes with the rows.
#[test]
fn as_many_are_known_as_there_are_rows() {
    let mut rig = Rig::knowing(&OTHERS);
    let count = |rig: &Rig| (rig.swim.known_count(), rig.swim.members().count());
    assert_eq!(count(&rig), (9, 9));
    rig.hear("a", Update::Record(record_of("a", 1, 1, Standing::Left, 1)));
    assert_eq!(count(&rig), (9, 9), "who left is remembered");
    assert!(rig.swim.forget(rig.now, &name("a")));
    assert_eq!(count(&rig), (8, 8));
}

/// M-35: somebody who accuses everybody again and again cuts nothing.
#[test]
fn doubts_that_are_answered_and_raised_again_are_no_partition() {
    let mut rig = Rig::knowing(&OTHERS);
    let accuse = |rig: &mut Rig, other: &str, incarnation| {
        let reporter = if other == "a" { "b" } else { "a" };
        rig.vote("a", other, (1, incarnation), reporter);
    };
    for other in OTHERS {
        accuse(&mut rig, other, 0);
    }
    for incarnation in 1..=150 {
        for (other, port) in OTHERS.iter().zip(1..) {
            // All others are suspects all the time, and each has just answered.
            rig.hear(other, Update::Record(record(other, 1, incarnation, port)));
            accuse(&mut rig, other, incarnation);
            rig.pass(ms(50));
        }
    }
    assert!(rig.swim.quorum().suspects >= OTHERS.len() - 1);
    let is_partition = |event: &Event| matches!(event, Event::PartitionSuspected(_));
    assert!(!rig.events.iter().any(is_partition), "{:?}", rig.events);
}

/// M-35: whatever somebody says, a sweep asks little of those that are in reach.
#[test]
fn lies_that_look_like_a_cut_draw_a_bounded_sweep_again_and_again() {
    let names: Vec<String> = (0..200).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::knowing(&names);
    let periods = 120;
    let mut swept = Vec::new();
    for round in 0..periods {
        // A quarter is doubted, and has answered by the next period: each time a new one begins.
        for (other, port) in names.iter().zip(1..).take(50) {
            rig.hear(other, Update::Record(record(other, 1, round, port)));
        }
        assert_eq!(rig.swim.quorum().suspects, 0);
        for other in names.iter().take(50) {
            rig.vote("m199", other, (1, round), "m199");
        }
        let before = rig.swim.counters().probes_swept;
        for _ in 0..10 {
            rig.pass(T / 10);
            rig.answer_pings();
        }
        swept.push(rig.swim.counters().probes_swept - before);
    }
    // The first one of a period, and the first one of the next.
    assert!(swept.iter().all(|swept| *swept <= 8 + 1), "{swept:?}");
    let (first, rest) = swept.split_at(10);
    let first: u64 = first.iter().sum();
    assert!((32..=32 + 10).contains(&first), "{swept:?}");
    let rest: u64 = rest.iter().sum();
    assert!((periods / 2..=periods).contains(&rest), "{swept:?}");
    assert_eq!(rig.swim.counters().probes_failed, 0);
}

/// M-35.
#[test]
fn where_an_eighth_is_out_of_reach_the_others_are_asked_out_of_turn_once_each() {
    let names: Vec<String> = (0..23).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::knowing(&names);
    let doubt = |rig: &mut Rig, member: &str| {
        rig.vote("m22", member, (1, 0), "m22");
        for _ in 0..60 {
            rig.pass(ms(50));
            rig.answer_pings_of(|name| !["m0", "m1", "m2"].contains(&name));
        }
        rig.swim.counters().probes_swept
    };
    assert_eq!(doubt(&mut rig, "m0"), 0);
    assert_eq!(doubt(&mut rig, "m1"), 0, "two of 24");
    // 20 are alive; one or two of them may have had their turn just then.
    let swept = doubt(&mut rig, "m2");
    assert!((18..=20).contains(&swept), "{swept}");
}

/// When the rig suspects a partition, in milliseconds after the first of these 15 others fell
/// silent and was doubted: each at its millisecond, until another if there is one.
fn suspected_after(silences: [(u64, Option<u64>); 4]) -> Option<u64> {
    let names: Vec<String> = (0..15).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::knowing(&names);
    let mut incarnation = 0;
    for now in (0..30_000).step_by(50) {
        for (member, (from, to)) in names.iter().zip(&silences) {
            if *from == now {
                rig.vote("m14", member, (1, 0), "m14");
            } else if *to == Some(now) {
                incarnation += 1;
                let port = 1 + names.iter().position(|name| name == member).unwrap_or(0);
                rig.hear(
                    member,
                    Update::Record(record(member, 1, incarnation, port as u16)),
                );
            }
        }
        let silent = |name: &str| {
            let mut known = names.iter().zip(&silences);
            known.any(|(member, (from, to))| {
                *member == name && *from <= now && to.is_none_or(|to| now < to)
            })
        };
        rig.pass(ms(50));
        rig.answer_pings_of(|name| !silent(name));
        let is_it = |event: &Event| matches!(event, Event::PartitionSuspected(_));
        if rig.events.iter().any(is_it) {
            return Some(now + 50);
        }
    }
    None
}

/// M-35: `stable_after(16)` is 12.04 s, a quarter of it 3.01 s.
#[test]
fn the_time_of_a_partition_counts_from_the_first_loss_that_leads_to_it() {
    let at = |silences: [u64; 4]| suspected_after(silences.map(|from| (from, None)));
    assert_eq!(at([0, 0, 0, 0]), Some(12_050));
    assert_eq!(at([0, 500, 1_000, 2_000]), Some(12_050));
    // Later ones wait for three quarters.
    let late = at([0, 3_500, 4_500, 5_000]).expect("a quarter is lost");
    assert!((5_000 + 9_000..=5_000 + 12_100).contains(&late), "{late}");
    let late = at([0, 8_000, 8_000, 8_000]).expect("a quarter is lost");
    assert!((8_000 + 9_000..=8_000 + 12_100).contains(&late), "{late}");
}

/// M-35.
#[test]
fn who_has_answered_when_a_quarter_is_lost_has_no_part_in_it() {
    // The first is back; the fourth that makes it a quarter comes later.
    let silences = [
        (0, Some(1_000)),
        (2_000, None),
        (2_000, None),
        (2_000, None),
    ];
    assert_eq!(suspected_after(silences), None, "three of 16");
    for back in [9_000, 11_500] {
        let back = Some(back);
        assert_eq!(
            suspected_after([(0, back), (0, None), (0, None), (0, None)]),
            None
        );
    }
}

/// M-20: where messages are read before timers, too.
#[test]
fn a_doubt_that_comes_when_an_answer_was_put_off_is_answered_once() {
    let mut rig = Rig::knowing(&["a", "b"]);
    let doubt = |rig: &mut Rig| {
        let version = rig.version();
        rig.vote("a", "me", (version.epoch, version.incarnation), "a");
    };
    doubt(&mut rig);
    assert_eq!(rig.version().incarnation, 1);
    doubt(&mut rig);
    assert_eq!(rig.version().incarnation, 1, "it is put off");
    rig.now = rig.now + Config::lan().gossip_interval;
    doubt(&mut rig);
    assert_eq!(rig.version().incarnation, 2);
    rig.swim.handle_timeout(rig.now);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.version().incarnation, 2, "the same doubt");
}

/// M-23: also where there is one member more than are told at a time.
#[test]
fn news_goes_to_every_member_of_a_small_cluster() {
    for members in 1..=6 {
        let mut rig = Rig::knowing(&OTHERS[..members]);
        rig.pass(Duration::from_secs(1));
        rig.sent.clear();
        rig.swim
            .set_tag(rig.now, "role", "worker")
            .expect("the tag is legal");
        rig.pass(Duration::from_secs(1));
        let gossip = rig.sent.iter().filter(|transmit| {
            matches!(transmit.message.body, Body::Gossip) && !transmit.message.updates.is_empty()
        });
        let told: BTreeSet<_> = gossip.filter_map(|transmit| transmit.to.name()).collect();
        assert_eq!(told.len(), members, "{told:?}");
    }
}
