//! Who is found where.

use rpcnet_proto::swim::Destination;

use super::node::{Rig, node_name, ping};
use crate::cluster::ClusterLimits;

#[tokio::test]
async fn a_seed_is_whoever_answers_and_a_node_finds_itself() {
    let rig = Rig::new();
    let (mut a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.links.send(&Destination::Seed(b.address), &ping(1), true);
    assert_eq!(a.proven().await, (b.name.clone(), b.address));
    b.expect_ping(&a.name, 1).await;
    a.links.send(&Destination::Seed(a.address), &ping(2), true);
    let mut found = Vec::new();
    while found.len() < 2 {
        match a.inbound.recv().await.expect("the links live") {
            crate::cluster::links::Inbound::SeedFailed { reason, .. } => panic!("{reason}"),
            other => found.push(format!("{other:?}")),
        }
    }
    found.sort();
    assert!(found[0].contains("nonce: 2"), "{found:?}");
    assert!(found[1].contains("Proven"), "{found:?}");
}

/// The name is proven by the certificate, not by whoever sends others there.
#[tokio::test]
async fn whoever_is_found_under_another_name_gets_none_of_the_messages() {
    let rig = Rig::new();
    let (mut a, mut b) = (rig.node("a").await, rig.node("b").await);
    let wrong = Destination::Member {
        name: node_name("c"),
        address: b.address,
    };
    a.links.send(&wrong, &ping(1), false);
    assert_eq!(a.proven().await, (b.name.clone(), b.address));
    a.counted("one is dropped", |it| it.dropped_wrong_name == 1)
        .await;
    a.links.send(&wrong, &ping(2), false);
    let counters = a.links.counters();
    assert_eq!((counters.dials, counters.dials_suppressed), (1, 1));
    assert_eq!(counters.dropped_no_way, 1);
    // The link is b's.
    a.send(&b, 3, false);
    b.expect_ping(&a.name, 3).await;
    assert_eq!(a.links.counters().dials, 1);
}

#[tokio::test]
async fn a_member_that_restarts_on_the_same_port_is_found() {
    let rig = Rig::new();
    let (mut a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.send(&b, 1, true);
    b.expect_ping(&a.name, 1).await;
    a.proven().await;
    let address = b.address;
    b.crash().await;
    let mut b = rig.node_with("b", |plan| plan.bind = address).await;
    // A proven address is dialled as often as it takes.
    let mut nonce = 1;
    while b.inbound.is_empty() {
        nonce += 1;
        assert!(nonce < 2_000, "{:?}", a.links.counters());
        a.send(&b, nonce, true);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(b.message().await.0, a.name);
}

#[tokio::test]
async fn a_seed_that_is_of_no_use_says_why() {
    let rig = Rig::new();
    let mut a = rig
        .node_with("a", |plan| {
            plan.limits = ClusterLimits {
                dial_timeout: std::time::Duration::from_secs(2),
                ..ClusterLimits::default()
            };
        })
        .await;
    let other = rig.node_with("other", |plan| plan.cluster = "d").await;
    let server = rig
        .node_with("server", |plan| plan.with_cluster = false)
        .await;
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let silent = silent.local_addr().expect("it is bound");
    for (address, expected) in [
        (other.address, "does not take this one for a member"),
        (server.address, "belongs to no cluster"),
        (silent, "nobody answered in time"),
    ] {
        a.links.send(&Destination::Seed(address), &ping(1), true);
        let (failed, reason) = a.seed_failed().await;
        assert_eq!(failed, address);
        assert!(reason.contains(expected), "{reason}");
    }
    let counters = a.links.counters();
    assert_eq!((counters.dials, counters.dials_failed), (3, 3));
    assert_eq!(counters.dropped_dial_failed, 3);
    assert_eq!(other.links.counters().streams_refused, 1);
}

#[tokio::test]
async fn links_beyond_the_limit_give_way() {
    let rig = Rig::new();
    let a = rig.node_with("a", |plan| plan.limits.links_max = 4).await;
    let mut others = Vec::new();
    for index in 0..5 {
        let mut other = rig.node(&format!("n{index}")).await;
        a.send(&other, 1, true);
        other.expect_ping(&a.name, 1).await;
        others.push(other);
    }
    assert_eq!(a.links.counters().links, 4);
    assert_eq!(a.links.counters().links_evicted, 1);
    others[0]
        .counted("its link ended", |it| it.links == 0)
        .await;
    assert_eq!(others[1].links.counters().links, 1);
    a.send(&others[0], 2, true);
    let a = a.name.clone();
    others[0].expect_ping(&a, 2).await;
}
