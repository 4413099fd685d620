//! What keeps a server from becoming a member, in words that say what to set.

use rpcnet::cluster::ClusterConfig;
use rpcnet::{ClientAuth, RpcConfig, RpcError, RpcServer};

use super::nodes::{Cluster, Node};

/// Becoming a member is refused in these words.
#[track_caller]
fn check_refused(refused: Result<Node, RpcError>, words: &[&str]) {
    let Err(RpcError::ConfigError(text)) = refused.map(|_| ()) else {
        panic!("it is refused");
    };
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn a_server_without_a_ca_is_told_to_set_one() {
    let cluster = Cluster::new();
    let _ = cluster.rpc("a");
    let rpc = RpcConfig::new(cluster.path("a.pem"), "127.0.0.1:0")
        .with_key_path(cluster.path("a-key.pem"));
    let refused = Node::start(rpc, ClusterConfig::local()).await;
    check_refused(refused, &["with_ca_path"]);
}

#[tokio::test]
async fn a_server_that_asks_nobody_for_a_certificate_is_told_to() {
    let cluster = Cluster::new();
    let rpc = cluster.rpc("a").with_client_auth(ClientAuth::Off);
    let refused = Node::start(rpc, ClusterConfig::local()).await;
    check_refused(refused, &["with_client_auth"]);
}

#[tokio::test]
async fn a_server_that_is_not_bound_is_told_to_bind_first() {
    let cluster = Cluster::new();
    let server = RpcServer::new(cluster.rpc("a"));
    let refused = server.enable_cluster(ClusterConfig::local()).await;
    let Err(RpcError::ConfigError(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("bind"), "{text}");
}

#[tokio::test]
async fn a_name_that_the_certificate_does_not_carry_is_refused() {
    let cluster = Cluster::new();
    let config = ClusterConfig::local().with_node_name("somebody-else");
    let refused = Node::start(cluster.rpc("a"), config).await;
    check_refused(refused, &["somebody-else", "with_node_name", "a.pem"]);
}

#[tokio::test]
async fn a_server_becomes_a_member_once() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    let again = node.server.enable_cluster(ClusterConfig::local()).await;
    let Err(RpcError::ConfigError(text)) = again else {
        panic!("{again:?}");
    };
    assert!(text.contains("already"), "{text}");
}
