//! What subscribers are told.

use rpcnet::cluster::{
    ClusterConfig, ClusterError, ClusterEvent, ClusterLimits, MemberState, Side,
};

use super::nodes::{Cluster, is_about, until};
use crate::pair::soon;

#[tokio::test]
async fn tags_that_are_set_at_run_time_reach_the_others_with_what_was_before() {
    let (_cluster, nodes) = Cluster::formed(&["a", "b", "c"]).await;
    let mut events = nodes[2].membership.subscribe();
    let a = &nodes[0].membership;
    a.set_tag("role", "worker").await.unwrap();
    assert_eq!(a.local().tag("role"), Some("worker"), "its own view knows");
    let changed = |event: &ClusterEvent| matches!(event, ClusterEvent::NodeTagsUpdated { .. });
    let (event, _) = until(&mut events, "the tag", changed).await;
    let ClusterEvent::NodeTagsUpdated { member, before } = event else {
        panic!("{event:?}");
    };
    assert_eq!(member.name().as_str(), "a");
    assert_eq!(
        (before.tag("role"), member.tag("role")),
        (None, Some("worker"))
    );
    let now = nodes[2].membership.view();
    assert_eq!(
        now.get("a").unwrap().tag("role"),
        Some("worker"),
        "whoever hears of it sees it"
    );

    a.remove_tag("role").await.unwrap();
    let (event, _) = until(&mut events, "its removal", changed).await;
    let ClusterEvent::NodeTagsUpdated { member, before } = event else {
        panic!("{event:?}");
    };
    assert_eq!(
        (before.tag("role"), member.tag("role")),
        (Some("worker"), None)
    );

    let refused = a.set_tag("no blanks", "x").await;
    assert!(matches!(refused, Err(ClusterError::Tag(_))), "{refused:?}");
}

#[tokio::test]
async fn subscribers_that_lag_are_told_how_many_they_missed() {
    let cluster = Cluster::new();
    let mut limits = ClusterLimits::default();
    limits.events_max = 4;
    let config = ClusterConfig::local().with_limits(limits);
    let node = cluster.start_with(cluster.rpc("a"), config).await;
    let mut slow = node.membership.subscribe();
    for n in 0..10 {
        let value = n.to_string();
        node.membership.set_tag("count", &value).await.unwrap();
    }
    let first = soon("the lag", slow.next()).await;
    assert_eq!(first, Some(ClusterEvent::Lagged { missed: 6 }));
    for n in 6..10 {
        let event = soon("an event", slow.next()).await.unwrap();
        assert!(is_about(&event, "a"));
        assert_eq!(event.member().unwrap().tag("count"), Some(&*n.to_string()));
    }
    let counters = node.membership.counters();
    assert_eq!((counters.events, counters.events_lost), (10, 6));
}

#[tokio::test]
async fn who_hears_nobody_any_more_suspects_a_partition_and_calls_its_hook() {
    let cluster = Cluster::new();
    let (say, said) = std::sync::mpsc::sync_channel(1);
    let config = ClusterConfig::local().on_minority(move |quorum| {
        say.send(*quorum).unwrap();
        panic!("as hooks may");
    });
    let lonely = cluster.start_with(cluster.rpc("a"), config).await;
    let mut others = Vec::new();
    for name in ["b", "c", "d"] {
        let other = cluster.start(name).await;
        other.join(&[&lonely]).await;
        lonely.sees(name, MemberState::Alive).await;
        others.push(other);
    }
    let mut events = lonely.membership.subscribe();
    for other in others {
        other.vanish().await;
    }
    let is_it = |event: &ClusterEvent| matches!(event, ClusterEvent::PartitionSuspected(_));
    let (event, _) = until(&mut events, "a partition", is_it).await;
    let ClusterEvent::PartitionSuspected(evidence) = event else {
        panic!("{event:?}");
    };
    assert_eq!((evidence.known, evidence.side), (4, Side::Minority));
    let called = tokio::task::spawn_blocking(move || said.recv().unwrap());
    let quorum = soon("the hook", called).await.unwrap();
    assert_eq!(quorum.known, 4);
    // Its panic was its own.
    lonely.membership.set_tag("role", "alone").await.unwrap();
}
