//! Who may speak: a member, on a server that has a cluster.

use std::time::Duration;

use super::in_time;
use super::node::{Rig, ephemeral};

#[tokio::test]
async fn calls_and_gossip_share_a_server() {
    let rig = Rig::new();
    let (a, mut b) = (rig.node("a").await, rig.node("b").await);
    let client = b.client(rig.anonymous()).await;
    a.send(&b, 1, true);
    b.expect_ping(&a.name, 1).await;
    let echoed = client.call("echo", b"hi".to_vec()).await;
    assert_eq!(echoed.expect("the call succeeds"), b"hi");
}

#[tokio::test]
async fn links_do_not_hold_up_the_drain_of_a_server() {
    let rig = Rig::new();
    let (a, mut b) = (rig.node("a").await, rig.node("b").await);
    a.send(&b, 1, false);
    b.expect_ping(&a.name, 1).await;
    let grace = Duration::from_secs(60);
    let report = in_time("the drain", b.server.shutdown(grace)).await;
    assert_eq!((report.completed, report.cut), (0, 0));
    assert!(report.took < Duration::from_secs(10), "{report:?}");
    a.counted("the link ended", |it| it.links == 0).await;
}

#[tokio::test]
async fn a_server_has_one_taker_and_keeps_it() {
    let rig = Rig::new();
    let a = rig.node("a").await;
    let again = std::sync::Arc::new(a.links.clone());
    let kind = rpcnet_proto::wire::StreamKind::Gossip;
    assert!(!a.server.take_streams(kind, again));
    let identity = rig.ca.node(&["a"]).expect("it is signed");
    let config = rig.config("again", &identity, ephemeral());
    let server = crate::RpcServer::new(config);
    let other = std::sync::Arc::new(a.links.clone());
    assert!(server.take_streams(kind, other));
}
