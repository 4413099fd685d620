//! Who sees whom.

use std::collections::BTreeSet;
use std::sync::Arc;

use rpcnet::cluster::{ClusterConfig, ClusterEvent, ClusterMembership, MemberState, Side};

use super::nodes::{Cluster, agree, is_about, until};
use crate::pair::{eventually, soon};

#[tokio::test]
async fn three_nodes_form_a_cluster_through_one_seed_and_agree() {
    let (_cluster, nodes) = Cluster::formed(&["a", "b", "c"]).await;
    for node in &nodes {
        let view = node.membership.view();
        assert_eq!(view.live().count(), 3);
        assert_eq!(view.local().unwrap().name(), node.membership.name());
        for other in &nodes {
            let seen = view.get(other.name()).unwrap();
            assert_eq!(seen.address(), other.addr);
            assert_eq!(seen.is_self(), other.name() == node.name());
            assert_eq!(seen.epoch(), other.membership.local().epoch());
        }
        let quorum = node.membership.quorum();
        assert_eq!((quorum.known, quorum.reachable), (3, 3));
        assert_eq!(quorum.side, Side::Whole);
    }
    let counters = nodes[0].membership.counters();
    assert_eq!(counters.records_unproven, 0, "{counters:?}");
    assert!(counters.links.messages_received > 0, "{counters:?}");
    assert!(counters.views > 0 && counters.events >= 2, "{counters:?}");
}

#[tokio::test]
async fn a_node_that_vanishes_fails_and_comes_back_as_recovered() {
    let (cluster, mut nodes) = Cluster::formed(&["a", "b", "c"]).await;
    let mut events = nodes[0].membership.subscribe();
    let old = nodes[0].membership.view().get("c").unwrap().clone();
    let addr = nodes.pop().unwrap().vanish().await;
    let (_, before) = until(
        &mut events,
        "c fails",
        |event| matches!(event, ClusterEvent::NodeFailed(member) if member.name().as_str() == "c"),
    )
    .await;
    let suspected = |event: &ClusterEvent| {
        is_about(event, "c") && matches!(event, ClusterEvent::NodeSuspected { .. })
    };
    assert!(
        before.iter().any(suspected),
        "it was doubted before: {before:?}"
    );
    nodes[1].sees("c", MemberState::Failed).await;

    let again = cluster.start_at("c", addr).await;
    again.join(&[&nodes[0]]).await;
    let (event, _) = until(&mut events, "c is back", |event| {
        is_about(event, "c")
            && !matches!(
                event,
                ClusterEvent::NodeSuspected { .. } | ClusterEvent::NodeCleared(_)
            )
    })
    .await;
    let ClusterEvent::NodeRecovered(member) = event else {
        panic!("it had failed, and is back: {event:?}");
    };
    assert!(member.epoch() > old.epoch());
    nodes.push(again);
    agree(&nodes).await;
}

#[tokio::test]
async fn a_node_that_is_started_again_before_it_failed_is_restarted() {
    let (cluster, mut nodes) = Cluster::formed(&["a", "b", "c"]).await;
    let mut events = nodes[0].membership.subscribe();
    let addr = nodes.pop().unwrap().vanish().await;
    let again = cluster.start_at("c", addr).await;
    again.join(&[&nodes[0]]).await;
    let (event, _) = until(&mut events, "c is there again", |event| {
        is_about(event, "c")
            && !matches!(
                event,
                ClusterEvent::NodeSuspected { .. } | ClusterEvent::NodeCleared(_)
            )
    })
    .await;
    assert!(matches!(event, ClusterEvent::NodeRestarted(_)), "{event:?}");
    nodes.push(again);
    agree(&nodes).await;
}

#[tokio::test]
async fn clusters_of_two_names_do_not_mix() {
    let cluster = Cluster::new();
    let named = |name: &str| ClusterConfig::local().with_cluster_name(name);
    let a = cluster.start_with(cluster.rpc("a"), named("one")).await;
    let b = cluster
        .start_with(
            cluster.rpc("b"),
            named("two").with_join_timeout(std::time::Duration::from_secs(2)),
        )
        .await;
    let c = cluster.start_with(cluster.rpc("c"), named("one")).await;
    let refused = soon("joining", b.membership.join([a.addr])).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("does not take this one"), "{error}");
    c.join(&[&a]).await;
    a.sees("c", MemberState::Alive).await;
    assert_eq!(b.membership.view().members().len(), 1);
    assert!(a.membership.view().get("b").is_none());
}

#[tokio::test]
async fn a_membership_of_its_own_lives_until_its_last_handle() {
    let cluster = Cluster::new();
    let a = cluster.start("a").await;
    let membership = ClusterMembership::new(cluster.rpc("b"), ClusterConfig::local())
        .await
        .unwrap();
    assert_eq!(membership.name().as_str(), "b");
    soon("joining", membership.join([a.addr])).await.unwrap();
    a.sees("b", MemberState::Alive).await;
    let addr = membership.local_addr();
    let gone = Arc::downgrade(&membership);
    drop(membership);
    assert!(gone.upgrade().is_none(), "nothing else keeps it");
    eventually("its port is free", || {
        std::net::UdpSocket::bind(addr).is_ok()
    })
    .await;
    a.sees("b", MemberState::Failed).await;
}

#[tokio::test]
async fn a_server_keeps_its_membership_without_a_handle() {
    let (_cluster, mut nodes) = Cluster::formed(&["a", "b"]).await;
    let super::nodes::Node {
        membership, server, ..
    } = nodes.pop().unwrap();
    let alive = Arc::downgrade(&membership);
    drop(membership);
    let epoch = alive.upgrade().unwrap().local().epoch();
    let mut heard = BTreeSet::new();
    // It still answers for itself.
    for _ in 0..3 {
        nodes[0].membership.report_failure("b");
        let probes = nodes[0].membership.counters().protocol.probes;
        eventually("a probe", || {
            nodes[0].membership.counters().protocol.probes > probes
        })
        .await;
        heard.insert(nodes[0].membership.view().get("b").unwrap().epoch());
    }
    assert_eq!(heard, BTreeSet::from([epoch]));
    nodes[0].sees("b", MemberState::Alive).await;
    drop(server);
}
