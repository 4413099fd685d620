//! What was true once, or elsewhere, changes nothing now (D5).

use std::time::Duration;

use rpcnet_proto::swim::{Body, MemberState, Message, Row, Update, Version};
use rpcnet_testkit::gossip::Forger;

use super::arena::{Arena, HONEST, gossip, stolen};
use crate::pair::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_heard_changes_nothing_when_it_is_said_again() {
    let arena = Arena::new().await;
    // Something to hear: every node changes its tags again and again, and ends where it began.
    for round in 0..5 {
        for node in &arena.nodes {
            let value = format!("{round}");
            node.membership.set_tag("round", &value).await.unwrap();
        }
        let newest = |name| {
            let newest = arena.newest_of(name);
            newest.statement().tags.get("round") == Some(&round.to_string())
        };
        eventually("the insider hears it", || {
            HONEST.iter().all(|name| newest(name))
        })
        .await;
    }
    for observer in &arena.nodes {
        for name in HONEST {
            let settled = observer.membership.wait_until(|view| {
                let member = view.get(name);
                member.is_some_and(|member| member.tag("round") == Some("4"))
            });
            crate::pair::soon("the last round", settled).await;
        }
    }
    let before: Vec<_> = (0..HONEST.len())
        .map(|node| arena.members_of(node))
        .collect();
    let captured = arena.insider.take_heard();
    let records: Vec<_> = HONEST
        .iter()
        .flat_map(|name| arena.insider.records_of(name))
        .collect();
    assert!(
        records.len() >= 4 * HONEST.len(),
        "{} records",
        records.len()
    );
    for _ in 0..10 {
        for message in &captured {
            arena.insider.say_all(message).await;
        }
        for record in &records {
            let row = Row {
                record: record.clone(),
                state: MemberState::Alive,
            };
            let push = Body::SyncPush {
                nonce: 1,
                rows: vec![row],
            };
            arena.insider.say_all(&Message::new(push)).await;
        }
    }
    // What comes last has been taken once this is.
    settle(&arena).await;
    for (node, before) in before.iter().enumerate() {
        let after = arena.members_of(node);
        let same = |name: &str| {
            let find = |members: &[rpcnet::cluster::Member]| {
                let member = members.iter().find(|it| it.name().as_str() == name);
                member.cloned().unwrap()
            };
            let (before, after) = (find(before), find(&after));
            assert_eq!(after.tags(), before.tags());
            assert_eq!(after.address(), before.address());
            assert_eq!(
                (after.epoch(), after.incarnation(), after.state()),
                (before.epoch(), before.incarnation(), before.state())
            );
        };
        HONEST.iter().for_each(|name| same(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_signed_for_another_cluster_does_not_count_here() {
    let mut arena = Arena::new().await;
    for name in HONEST {
        // The victim's own key, in a cluster of another name.
        let key = stolen(&arena.cluster, name);
        let elsewhere = Forger::new(&key, "elsewhere").unwrap();
        let genuine = arena.newest_of(name);
        let mut statement = genuine.statement().clone();
        statement.version = Version {
            epoch: statement.version.epoch + 1,
            incarnation: 0,
        };
        statement.address = arena.insider.addr();
        let record = elsewhere.sign(statement);
        arena
            .insider
            .say_all(&gossip(vec![Update::Record(record)]))
            .await;
    }
    for node in &arena.nodes {
        eventually("they were looked at", || {
            node.membership.counters().records_unproven >= HONEST.len() as u64
        })
        .await;
    }
    arena.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_life_of_a_member_stays_over() {
    let mut arena = Arena::new().await;
    let earlier = arena.insider.records_of("d");
    assert!(!earlier.is_empty());
    let node = arena.nodes.pop().unwrap();
    let epoch = node.membership.local().epoch();
    let addr = node.vanish().await;
    let again = arena.cluster.start_at("d", addr).await;
    again.join(&[&arena.nodes[0]]).await;
    arena.nodes.push(again);
    for node in &arena.nodes {
        let back = node.membership.wait_until(|view| {
            let member = view.get("d");
            member.is_some_and(|member| member.is_live() && member.epoch() > epoch)
        });
        crate::pair::soon("the new life is known", back).await;
    }
    let present = arena.nodes[3].membership.local().epoch();
    for record in &earlier {
        for state in [MemberState::Alive, MemberState::Failed, MemberState::Left] {
            let rows = vec![Row {
                record: record.clone(),
                state,
            }];
            let push = Message::new(Body::SyncPush { nonce: 1, rows });
            arena.insider.say_all(&push).await;
        }
        let update = Update::Record(record.clone());
        arena.insider.say_all(&gossip(vec![update])).await;
    }
    settle(&arena).await;
    for node in &arena.nodes {
        let member = node.membership.view().get("d").cloned().unwrap();
        assert_eq!((member.epoch(), member.is_live()), (present, true));
    }
    arena.assert_unharmed_but(&["d"]).await;
}

/// Waits until every node has taken all that was sent to it.
async fn settle(arena: &Arena) {
    for (link, node) in arena.nodes.iter().enumerate() {
        let counters = || node.membership.counters();
        let before = counters().protocol.answers_ignored;
        // An answer to no question is counted, behind all that went before it.
        let mark = Message::new(Body::Nack { nonce: 77 });
        if arena.insider.say(link, &mark).await.is_err() {
            continue;
        }
        eventually("the mark arrives", || {
            counters().protocol.answers_ignored > before && counters().inbound_pending == 0
        })
        .await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
}
