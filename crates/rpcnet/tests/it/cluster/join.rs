//! How a node finds its cluster.

use std::time::Duration;

use rpcnet::cluster::{ClusterConfig, ClusterEvent, JoinError, MemberState};

use super::nodes::{Cluster, Node, agree, until};
use crate::pair::{HANG, soon};

/// Shorter than anybody needs who is there.
const IMPATIENT: Duration = Duration::from_millis(1_500);

fn impatient() -> ClusterConfig {
    ClusterConfig::local().with_join_timeout(IMPATIENT)
}

#[tokio::test]
async fn without_an_answer_joining_says_why_and_goes_on_in_the_background() {
    let cluster = Cluster::new();
    let later = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = later.local_addr().unwrap();
    let node = cluster.start_with(cluster.rpc("a"), impatient()).await;
    let seeds = [address.to_string(), "no-such-host.invalid:7".to_owned()];
    let refused = soon("joining", node.membership.join(&seeds)).await;
    let Err(JoinError::NoAnswer {
        waited,
        seeds: became,
    }) = refused
    else {
        panic!("nobody is there: {refused:?}");
    };
    assert!(waited >= IMPATIENT, "{waited:?}");
    let asked: Vec<&str> = became.iter().map(|failure| &*failure.seed).collect();
    assert_eq!(asked, seeds);
    assert!(became[1].reason.contains("not"), "{became:?}");

    drop(later);
    let mut events = node.membership.subscribe();
    let seed = cluster
        .start_with(cluster.rpc_at("b", address), ClusterConfig::local())
        .await;
    until(
        &mut events,
        "b is found",
        |event| matches!(event, ClusterEvent::NodeJoined(member) if member.name().as_str() == "b"),
    )
    .await;
    agree(&[node, seed]).await;
}

#[tokio::test]
async fn a_node_whose_only_seed_is_itself_is_the_first_of_its_cluster() {
    let cluster = Cluster::new();
    let patient = ClusterConfig::local().with_join_timeout(2 * HANG);
    let first = cluster.start_with(cluster.rpc("a"), patient).await;
    soon("joining at once", first.membership.join([first.addr]))
        .await
        .unwrap();
    let second = cluster.start("b").await;
    // Its own address among others is no seed.
    soon("joining", second.membership.join([second.addr, first.addr]))
        .await
        .unwrap();
    agree(&[first, second]).await;
}

#[tokio::test]
async fn its_own_address_beside_one_that_does_not_answer_is_no_answer() {
    let cluster = Cluster::new();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let node = cluster.start_with(cluster.rpc("a"), impatient()).await;
    let seeds = [node.addr, silent.local_addr().unwrap()];
    let refused = soon("joining", node.membership.join(seeds)).await;
    assert!(
        matches!(refused, Err(JoinError::NoAnswer { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_is_no_seed_is_refused_before_anybody_is_asked() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    let none: [&str; 0] = [];
    let refused = node.membership.join(none).await;
    assert!(matches!(refused, Err(JoinError::NoSeeds)), "{refused:?}");
    let refused = node.membership.join(["127.0.0.1:0", "nonsense"]).await;
    assert!(
        matches!(refused, Err(JoinError::InvalidSeed { .. })),
        "{refused:?}"
    );
    assert_eq!(node.membership.counters().links.dials, 0);
}

#[tokio::test]
async fn a_name_is_a_seed() {
    let cluster = Cluster::new();
    let first = cluster.start("a").await;
    let second = cluster.start("b").await;
    let seed = format!("localhost:{}", first.addr.port());
    soon("joining", second.membership.join([seed]))
        .await
        .unwrap();
    agree(&[first, second]).await;
}

#[tokio::test]
async fn joining_again_asks_again() {
    let (cluster, nodes) = Cluster::formed(&["a", "b"]).await;
    nodes[1].join(&[&nodes[0]]).await;
    let third = cluster.start("c").await;
    nodes[1].join(&[&third]).await;
    let mut nodes: Vec<Node> = nodes;
    nodes.push(third);
    agree(&nodes).await;
}

#[tokio::test]
async fn halves_that_began_apart_become_one() {
    let cluster = Cluster::new();
    let mut nodes = Vec::new();
    for name in ["a", "b", "c", "d"] {
        nodes.push(cluster.start(name).await);
    }
    nodes[1].join(&[&nodes[0]]).await;
    nodes[3].join(&[&nodes[2]]).await;
    nodes[0].sees("b", MemberState::Alive).await;
    nodes[2].sees("d", MemberState::Alive).await;
    assert!(nodes[0].membership.view().get("c").is_none());
    nodes[3].join(&[&nodes[1]]).await;
    agree(&nodes).await;
}

#[tokio::test]
async fn a_node_at_an_unspecified_address_tells_the_one_that_reaches_its_seed() {
    let cluster = Cluster::new();
    let first = cluster.start("a").await;
    let anywhere = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let rpc = cluster.rpc_at("b", anywhere);
    let second = cluster.start_with(rpc, ClusterConfig::local()).await;
    second.join(&[&first]).await;
    let seen = first.sees("b", MemberState::Alive).await;
    let address = seen.get("b").unwrap().address();
    assert_eq!(address.ip(), std::net::Ipv4Addr::LOCALHOST);
    assert_eq!(address.port(), second.addr.port());
    assert_eq!(second.membership.local().address(), address);
}
