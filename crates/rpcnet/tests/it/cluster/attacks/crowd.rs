//! A member that registers a crowd registers nobody (D3).

use std::sync::Arc;

use rpcnet_proto::swim::{Body, MemberState, Message, Record, Row, Tags, Update};

use super::arena::{Arena, CLUSTER, X, gossip, now};
use crate::pair::eventually;
use rpcnet_testkit::gossip::Forger;

/// As many as are said to join.
const CROWD: usize = 100_000;

/// Records that fit into a message of 64 KiB.
const PER_MESSAGE: usize = 60;

/// As large as tags may be.
fn largest_tags() -> Tags {
    let mut tags = Tags::new();
    for n in 0..Tags::COUNT_MAX - 1 {
        tags.set(&format!("{n:02}"), &"v".repeat(63)).unwrap();
    }
    let rest = Tags::BYTES_MAX - tags.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
    tags.set("last", &"v".repeat(rest - 4)).unwrap();
    tags
}

/// A record that nobody signed, small, so that many of them arrive.
fn fake(forger: &Forger, n: usize, tags: &Tags) -> Arc<Record> {
    let mut statement = forger.statement(&format!("fake-{n}"), now(0), ([10, 0, 0, 1], 1).into());
    statement.tags = tags.clone();
    Arc::new(Record::new(statement, vec![7; 71].into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_invented_members_finds_no_room() {
    let mut arena = Arena::patient().await;
    let before = arena.members_of(0);
    let mut invented = 0;
    let mut sent = 0;
    let (none, many) = (Tags::new(), largest_tags());
    while sent < CROWD {
        // Every tenth message is of a few with the largest tags.
        let is_large = (sent / PER_MESSAGE).is_multiple_of(10);
        let (count, tags) = if is_large {
            (20, &many)
        } else {
            (PER_MESSAGE, &none)
        };
        let fakes = (sent..sent + count).map(|n| fake(arena.forger(), n, tags));
        let rows = fakes.map(|record| Row {
            record,
            state: MemberState::Alive,
        });
        let push = Message::new(Body::SyncPush {
            nonce: 1,
            rows: rows.collect(),
        });
        assert!(push.encoded_len() <= 65_536, "{}", push.encoded_len());
        arena.insider.say(0, &push).await.unwrap();
        sent += count;
        invented += count as u64;
    }
    // A few are signed as well as this member can.
    let signed: Vec<Update> = (0..50)
        .map(|n| {
            let name = format!("signed-{n}");
            Update::Record(arena.forger().record(&name, now(0), arena.insider.addr()))
        })
        .collect();
    arena.insider.say_all(&gossip(signed)).await;
    let node = &arena.nodes[0];
    eventually("all were looked at", || {
        node.membership.counters().records_unproven >= invented + 50
    })
    .await;
    assert_eq!(arena.members_of(0).len(), before.len());
    let counters = node.membership.counters();
    assert_eq!(counters.protocol.records_refused, 0, "none came so far");
    assert!(counters.updates_pending <= 16, "{counters:?}");
    assert!(counters.timers_pending <= 64, "{counters:?}");
    arena.assert_unharmed().await;
    arena.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_have_all_the_tags_that_there_are() {
    let mut arena = Arena::patient().await;
    let tags = largest_tags();
    assert_eq!(tags.len(), Tags::COUNT_MAX);
    let record = arena.insider.restate(|own| {
        own.tags_changed = own.version.incarnation;
        own.tags = tags.clone();
    });
    let news = gossip(vec![Update::Record(record)]);
    arena.insider.say(0, &news).await.unwrap();
    for node in &arena.nodes {
        let has_all = node.membership.wait_until(|view| {
            let x = view.get(X);
            x.is_some_and(|member| *member.tags() == tags)
        });
        crate::pair::soon("all tags arrive", has_all).await;
    }
    arena.assert_unharmed().await;
}

/// A name that every certificate carries makes one more member, and no more than one.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_makes_as_many_members_as_it_has_names() {
    let mut arena = Arena::patient().await;
    let second = arena.forger();
    let second = second.record("localhost", now(0), arena.insider.addr());
    let third = arena.forger().record("third", now(0), arena.insider.addr());
    let news = gossip(vec![Update::Record(second), Update::Record(third)]);
    arena.insider.say_all(&news).await;
    for node in &arena.nodes {
        let seen = node
            .membership
            .wait_until(|view| view.get("localhost").is_some());
        crate::pair::soon("the second name", seen).await;
        assert!(node.membership.view().get("third").is_none());
    }
    assert_eq!(CLUSTER, "rpcnet");
    arena.assert_unharmed().await;
}
