//! Who is no member gets no gossip in, whatever it shows, and its calls go on (D1).

use std::time::Duration;

use rpcnet_proto::swim::{Body, Message, NodeName, Update, Verdict, Vote};
use rpcnet_proto::wire::ErrorCode;
use rpcnet_testkit::gossip::{Forger, GossipPeer, hello, message};
use rpcnet_testkit::raw::{RawIdentity, StreamEnd};
use rpcnet_testkit::scripted::frames;

use super::arena::{Arena, CLUSTER, gossip, now, other_ca, raw, stolen};
use crate::cluster::nodes::{Cluster, Node};
use crate::pair::{echo, eventually, soon};

const WITHIN: Duration = Duration::from_secs(20);

/// Two honest nodes.
async fn pair() -> (Cluster, Vec<Node>) {
    let (cluster, nodes) = Cluster::formed(&["a", "b"]).await;
    echo(nodes[0].server.clone()).await;
    (cluster, nodes)
}

async fn connect(cluster: &Cluster, node: &Node, identity: Option<&RawIdentity>) -> GossipPeer {
    let ca = cluster.ca().certificate_pem();
    let peer = GossipPeer::connect(node.addr, ca, identity, "localhost");
    soon("a connection", peer).await.unwrap()
}

/// A HELLO under this name, and then the worst that could be said.
fn attack(cluster: &str, name: &str, forger: &Forger) -> Vec<u8> {
    let record = forger.record(name, now(0), ([127, 0, 0, 1], 9).into());
    let vote = Vote {
        name: NodeName::new("b").unwrap(),
        version: now(0),
        verdict: Verdict::Failed,
        reporter: NodeName::new("a").unwrap(),
    };
    let joining = Message {
        body: Body::Join { nonce: 7, record },
        updates: vec![Update::Vote(vote.into())],
    };
    [&hello(cluster, name, true)[..], &message(&joining)].concat()
}

/// The node refuses the stream, learns nothing, and serves calls of the same connection.
async fn refused(peer: &GossipPeer, node: &Node, begin: &[u8]) {
    let revision = node.membership.view().revision();
    let before = node.membership.counters().links.streams_refused;
    let mut stream = soon("a stream", peer.open(begin)).await.unwrap();
    let end = soon("a refusal", stream.ended(WITHIN)).await;
    assert_eq!(end, StreamEnd::Reset(ErrorCode::NotAMember.to_wire()));
    let counters = node.membership.counters();
    assert_eq!(counters.links.streams_refused, before + 1);
    assert_eq!(
        counters.records_unproven, 0,
        "nobody looked at what it said"
    );
    assert_eq!(node.membership.view().revision(), revision);
    assert_calls(peer).await;
}

async fn assert_calls(peer: &GossipPeer) {
    let mut call = peer.raw().open_bidi().await.unwrap();
    let request = frames::unary(1, "echo", b"goes on");
    call.sender.write(&request).await.unwrap();
    call.sender.finish().unwrap();
    let answer = call.receiver.read(1 << 16, WITHIN).await;
    assert_eq!(answer.end, StreamEnd::Fin);
    assert_eq!(answer.bytes, &frames::response(&[b"goes on"])[..]);
}

#[tokio::test]
async fn without_a_certificate_nobody_gossips_and_calls_go_on() {
    let (cluster, nodes) = pair().await;
    let own = raw(&other_ca().node(&["mallory"]).unwrap());
    let forger = Forger::new(&own, CLUSTER).unwrap();
    let peer = connect(&cluster, &nodes[0], None).await;
    refused(&peer, &nodes[0], &attack(CLUSTER, "mallory", &forger)).await;
}

#[tokio::test]
async fn a_client_only_certificate_gossips_nothing_and_its_calls_go_on() {
    let (cluster, nodes) = pair().await;
    let own = raw(&cluster.ca().client("mallory").unwrap());
    let forger = Forger::new(&own, CLUSTER).unwrap();
    let peer = connect(&cluster, &nodes[0], Some(&own)).await;
    refused(&peer, &nodes[0], &attack(CLUSTER, "mallory", &forger)).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_for_servers_only_has_no_connection() {
    let (cluster, nodes) = pair().await;
    let foreign = other_ca().node(&["a"]).unwrap();
    let server_only = cluster.ca().server(&["mallory"]).unwrap();
    for own in [raw(&foreign), raw(&server_only)] {
        let before = nodes[0].membership.members();
        let ca = cluster.ca().certificate_pem();
        let forger = Forger::new(&own, CLUSTER).unwrap();
        let connecting = GossipPeer::connect(nodes[0].addr, ca, Some(&own), "localhost");
        // TLS 1.3 tells a client late: with the first thing that it asks for.
        if let Ok(peer) = soon("a handshake", connecting).await {
            let opened = peer.open(&attack(CLUSTER, "mallory", &forger)).await;
            if let Ok(mut stream) = opened {
                let end = soon("an end", stream.ended(WITHIN)).await;
                assert!(matches!(end, StreamEnd::ConnectionLost(_)), "{end:?}");
            }
        }
        assert_eq!(nodes[0].membership.members(), before);
        assert_eq!(nodes[0].membership.counters().records_unproven, 0);
    }
}

#[tokio::test]
async fn a_member_of_another_cluster_or_under_another_name_is_refused() {
    let (cluster, nodes) = pair().await;
    let own = raw(&cluster.ca().node(&["mallory"]).unwrap());
    let forger = Forger::new(&own, CLUSTER).unwrap();
    let peer = connect(&cluster, &nodes[0], Some(&own)).await;
    refused(&peer, &nodes[0], &attack("elsewhere", "mallory", &forger)).await;
    for name in ["a", "b", "nobody", "Mallory"] {
        refused(&peer, &nodes[0], &attack(CLUSTER, name, &forger)).await;
    }
    // The honest one's certificate does not make it a member of another cluster.
    let honest = stolen(&cluster, "b");
    let peer = connect(&cluster, &nodes[0], Some(&honest)).await;
    refused(&peer, &nodes[0], &attack("elsewhere", "b", &forger)).await;
}

#[tokio::test]
async fn a_member_policy_keeps_out_who_is_not_on_its_list() {
    use rpcnet::cluster::{ClusterConfig, MemberPolicy};
    let cluster = Cluster::new();
    let policy = MemberPolicy::Names(vec!["a".to_owned(), "worker-*".to_owned()]);
    let config = ClusterConfig::local().with_member_policy(policy);
    let node = cluster.start_with(cluster.rpc("a"), config).await;
    echo(node.server.clone()).await;
    let own = raw(&cluster.ca().node(&["mallory", "worker-7"]).unwrap());
    let forger = Forger::new(&own, CLUSTER).unwrap();
    let peer = connect(&cluster, &node, Some(&own)).await;
    refused(&peer, &node, &attack(CLUSTER, "mallory", &forger)).await;
    let mut stream = peer
        .open(&attack(CLUSTER, "worker-7", &forger))
        .await
        .unwrap();
    assert!(
        matches!(stream.hear(WITHIN).await, Ok(Some(_))),
        "it is let in"
    );
}

#[tokio::test]
async fn ten_thousand_attempts_are_refused_and_leave_nothing() {
    const CONNECTIONS: usize = 5;
    const ATTEMPTS: usize = 10_000;
    let (cluster, nodes) = pair().await;
    let node = &nodes[0];
    let before = (node.membership.members(), node.membership.counters());
    let client_only = raw(&cluster.ca().client("mallory").unwrap());
    let forger = Forger::new(&client_only, CLUSTER).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..CONNECTIONS {
        let identity = (connection % 2 == 0).then_some(&client_only);
        let peer = connect(&cluster, node, identity).await;
        let begin = attack(CLUSTER, "mallory", &forger);
        tasks.spawn(async move {
            for _ in 0..ATTEMPTS / CONNECTIONS {
                let mut stream = peer.open(&begin).await.unwrap();
                let end = stream.ended(WITHIN).await;
                assert_eq!(end, StreamEnd::Reset(ErrorCode::NotAMember.to_wire()));
            }
            assert_calls(&peer).await;
        });
    }
    while let Some(done) = soon("all attempts", tasks.join_next()).await {
        done.unwrap();
    }
    let after = node.membership.counters();
    let refused = after.links.streams_refused - before.1.links.streams_refused;
    assert_eq!(refused, ATTEMPTS as u64);
    assert_eq!(node.membership.members(), before.0);
    assert_eq!(after.links.links, before.1.links.links);
    assert_eq!(after.records_unproven, 0);
    eventually("nothing waits", || {
        node.membership.counters().inbound_pending == 0
    })
    .await;
}

/// A certificate that speaks for one name says nothing under it about another.
#[tokio::test]
async fn a_join_in_the_name_of_another_lets_nobody_in() {
    let mut arena = Arena::new().await;
    let forged = arena
        .forger()
        .record("mallory", now(0), arena.insider.addr());
    let stranger = arena.forger().record("a", now(9), arena.insider.addr());
    for record in [forged, stranger, arena.newest_of("b")] {
        let joining = Message::new(Body::Join { nonce: 3, record });
        arena.insider.say_all(&joining).await;
    }
    arena.insider.say_all(&gossip(Vec::new())).await;
    eventually("the joins were looked at", || {
        arena
            .nodes
            .iter()
            .all(|node| node.membership.counters().records_unproven >= 2)
    })
    .await;
    arena.assert_unharmed().await;
}
