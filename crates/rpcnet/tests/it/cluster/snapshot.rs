//! Finding the cluster again after a restart.

use rpcnet::RpcError;
use rpcnet::cluster::{ClusterConfig, ClusterError, JoinError, MemberState};

use super::nodes::{Cluster, Node, agree};
use crate::pair::{eventually, soon};

#[tokio::test]
async fn a_node_rejoins_from_its_snapshot_without_a_seed() {
    let (cluster, mut nodes) = Cluster::formed(&["a", "b"]).await;
    let path = cluster.path("c.snapshot");
    let config = || ClusterConfig::local().with_snapshot_path(path.clone());
    let third = cluster.start_with(cluster.rpc("c"), config()).await;
    third.join(&[&nodes[0]]).await;
    let both = [&nodes[0], &nodes[1]].map(|node| format!("member {} {}", node.name(), node.addr));
    eventually("both are in the snapshot", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        both.iter().all(|line| text.contains(line))
    })
    .await;
    let epoch = third.membership.local().epoch();
    third.vanish().await;
    // The seed of then is gone: the other one is enough.
    nodes.remove(0).vanish().await;

    let again = cluster.start_with(cluster.rpc("c"), config()).await;
    assert!(again.membership.local().epoch() > epoch);
    let none: [&str; 0] = [];
    soon("joining", again.membership.join(none)).await.unwrap();
    again.sees("b", MemberState::Alive).await;
    nodes[0].sees("c", MemberState::Alive).await;
}

#[tokio::test]
async fn a_node_that_lost_everybody_keeps_the_last_ones_in_its_snapshot() {
    let cluster = Cluster::new();
    let path = cluster.path("a.snapshot");
    let config = ClusterConfig::local().with_snapshot_path(path.clone());
    let node = cluster.start_with(cluster.rpc("a"), config).await;
    let other = cluster.start("b").await;
    other.join(&[&node]).await;
    node.sees("b", MemberState::Alive).await;
    let line = format!("member b {}", other.addr);
    let has_it = || std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&line));
    eventually("b is in the snapshot", has_it).await;
    other.vanish().await;
    node.sees("b", MemberState::Failed).await;
    // Leaving writes what has changed.
    soon("leaving", node.membership.leave()).await.unwrap();
    assert!(has_it());
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_is_left_aside_and_replaced() {
    let cluster = Cluster::new();
    let path = cluster.path("a.snapshot");
    std::fs::write(&path, b"rpcnet snapshot 1\nmember").unwrap();
    let config = ClusterConfig::local().with_snapshot_path(path.clone());
    let node = cluster.start_with(cluster.rpc("a"), config).await;
    let none: [&str; 0] = [];
    let refused = node.membership.join(none).await;
    assert!(matches!(refused, Err(JoinError::NoSeeds)), "{refused:?}");
    let epoch = format!("epoch {}", node.membership.local().epoch());
    eventually("it is replaced", || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&epoch))
    })
    .await;
    let other = cluster.start("b").await;
    other.join(&[&node]).await;
    agree(&[node, other]).await;
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_written_is_an_error_at_the_start() {
    let cluster = Cluster::new();
    let path = cluster.path("no such directory").join("a.snapshot");
    let config = ClusterConfig::local().with_snapshot_path(path);
    let refused = Node::start(cluster.rpc("a"), config).await.err().unwrap();
    let RpcError::ClusterError(error) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(*error, ClusterError::Snapshot(_)), "{error:?}");
}
