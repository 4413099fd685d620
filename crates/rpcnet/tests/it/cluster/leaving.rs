//! Going of one's own will is no failure.

use std::sync::Arc;
use std::time::Duration;

use rpcnet::cluster::{ClusterConfig, ClusterError, ClusterEvent, JoinError, MemberState};

use super::nodes::{Cluster, is_about, until};
use crate::pair::{eventually, soon};

/// The first verdict about a node; doubts are none, and what it says of itself is not one.
async fn verdict(events: &mut rpcnet::cluster::ClusterEvents, name: &str) -> ClusterEvent {
    let is_verdict = |event: &ClusterEvent| {
        is_about(event, name)
            && !matches!(
                event,
                ClusterEvent::NodeSuspected { .. }
                    | ClusterEvent::NodeCleared(_)
                    | ClusterEvent::NodeTagsUpdated { .. }
            )
    };
    until(events, "a verdict", is_verdict).await.0
}

#[tokio::test]
async fn who_leaves_is_seen_to_leave_and_never_to_fail() {
    let (_cluster, nodes) = Cluster::formed(&["a", "b", "c"]).await;
    let mut told: Vec<_> = nodes[..2]
        .iter()
        .map(|node| node.membership.subscribe())
        .collect();
    let leaver = &nodes[2].membership;
    let mut own = leaver.subscribe();
    soon("leaving", leaver.leave()).await.unwrap();
    soon("leaving again", leaver.leave()).await.unwrap();
    for events in &mut told {
        let event = verdict(events, "c").await;
        assert!(matches!(event, ClusterEvent::NodeLeft(_)), "{event:?}");
    }
    while soon("the end of its own events", own.next())
        .await
        .is_some()
    {}
    assert!(soon("no events", leaver.subscribe().next()).await.is_none());
    let view = leaver.view();
    assert_eq!(view.members().len(), 3, "the view stays readable");
    assert_eq!(view.local().unwrap().state(), MemberState::Left);
    let refused = leaver.set_tag("role", "worker").await;
    assert!(matches!(refused, Err(ClusterError::Left)), "{refused:?}");
    let refused = leaver.join([nodes[0].addr]).await;
    assert!(matches!(refused, Err(JoinError::Closed)), "{refused:?}");
    assert!(!leaver.forget("a").await);
    // Who left counts no more.
    let quorum = nodes[0].membership.quorum();
    assert_eq!((quorum.known, quorum.reachable), (2, 2));
}

#[tokio::test]
async fn a_server_that_shuts_down_leaves_its_cluster() {
    let (_cluster, nodes) = Cluster::formed(&["a", "b", "c"]).await;
    let mut events = nodes[0].membership.subscribe();
    let shutdown = nodes[2].server.shutdown(Duration::from_secs(10));
    let report = soon("the shutdown", shutdown).await;
    assert!(report.is_clean(), "{report:?}");
    let event = verdict(&mut events, "c").await;
    assert!(matches!(event, ClusterEvent::NodeLeft(_)), "{event:?}");
    nodes[1].sees("c", MemberState::Left).await;
}

#[tokio::test]
async fn a_node_that_left_comes_back_with_a_new_membership() {
    let (cluster, mut nodes) = Cluster::formed(&["a", "b"]).await;
    let left = nodes.pop().unwrap();
    soon("leaving", left.membership.leave()).await.unwrap();
    nodes[0].sees("b", MemberState::Left).await;
    let addr = left.vanish().await;
    let mut events = nodes[0].membership.subscribe();
    let again = cluster.start_at("b", addr).await;
    again.join(&[&nodes[0]]).await;
    let event = verdict(&mut events, "b").await;
    assert!(matches!(event, ClusterEvent::NodeJoined(_)), "{event:?}");
}

#[tokio::test]
async fn who_left_or_failed_can_be_forgotten() {
    let (_cluster, mut nodes) = Cluster::formed(&["a", "b", "c"]).await;
    nodes.pop().unwrap().vanish().await;
    let a = &nodes[0].membership;
    assert!(!a.forget("b").await, "it is alive");
    assert!(!a.forget("nobody").await);
    nodes[0].sees("c", MemberState::Failed).await;
    assert_eq!(a.quorum().known, 3);
    assert!(a.forget("c").await);
    assert!(a.view().get("c").is_none());
    assert_eq!(a.quorum().known, 2);
}

#[tokio::test]
async fn a_server_whose_node_left_becomes_a_member_again() {
    let (_cluster, nodes) = Cluster::formed(&["a", "b"]).await;
    let mut events = nodes[0].membership.subscribe();
    soon("leaving", nodes[1].membership.leave()).await.unwrap();
    let event = verdict(&mut events, "b").await;
    assert!(matches!(event, ClusterEvent::NodeLeft(_)), "{event:?}");
    let again = nodes[1].server.enable_cluster(ClusterConfig::local());
    let again = again.await.unwrap();
    soon("joining", again.join([nodes[0].addr])).await.unwrap();
    let event = verdict(&mut events, "b").await;
    assert!(matches!(event, ClusterEvent::NodeJoined(_)), "{event:?}");
    nodes[0].sees("b", MemberState::Alive).await;
}

#[tokio::test]
async fn leaving_ends_a_join_that_waits() {
    let cluster = Cluster::new();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let seed = silent.local_addr().unwrap();
    let node = cluster.start("a").await;
    let membership = Arc::clone(&node.membership);
    let joining = tokio::spawn(async move { membership.join([seed]).await });
    eventually("it asks", || node.membership.counters().links.dials > 0).await;
    soon("leaving", node.membership.leave()).await.unwrap();
    let refused = soon("joining", joining).await.unwrap();
    assert!(matches!(refused, Err(JoinError::Closed)), "{refused:?}");
}
