//! `rpcnet health`, asked of three nodes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rpcnet::builtin::HealthStatus;
use rpcnet::{RpcConfig, RpcServer};
use serde_json::Value;
use tokio::process::Command;

use self::common::{Running, ThreeNodes, assert_contains, failed, finished, printed, rpcnet};

fn health(cluster: &ThreeNodes, node: usize, options: &[&str]) -> Command {
    let mut command = rpcnet(["health", &cluster.address(node)]);
    command.args(options).args(cluster.anonymous());
    command
}

#[tokio::test]
async fn each_node_serves_and_the_exit_code_says_so() {
    let cluster = ThreeNodes::start().await;
    for node in 0..3 {
        let text = printed(finished(health(&cluster, node, &[])).await);
        assert_eq!(text, "SERVING\n");
    }
    let text = printed(finished(health(&cluster, 0, &["Calculator", "--json"])).await);
    assert_eq!(text.lines().count(), 1);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["service"], &json["status"]),
        (&"Calculator".into(), &"SERVING".into())
    );
}

#[tokio::test]
async fn what_does_not_serve_ends_with_one() {
    let cluster = ThreeNodes::start().await;
    let node = &cluster.nodes[1];
    node.health
        .set("Calculator", HealthStatus::NotServing)
        .unwrap();
    let ended = finished(health(&cluster, 1, &["Calculator"])).await;
    assert_eq!(failed(ended, 1), ("NOT_SERVING\n".into(), String::new()));
    printed(finished(health(&cluster, 1, &[])).await);
    node.membership.set_draining(true).await.unwrap();
    let ended = finished(health(&cluster, 1, &[])).await;
    assert_eq!(failed(ended, 1), ("DRAINING\n".into(), String::new()));
    let (printed, errors) = failed(finished(health(&cluster, 0, &["Nowhere"])).await, 1);
    assert_eq!(printed, "NOT_SERVING\n");
    assert_contains(&errors, &["not found", "no service of that name"]);
}

#[tokio::test]
async fn where_nobody_says_anything_it_ends_with_three_and_a_reason() {
    let cluster = ThreeNodes::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut command = rpcnet(["health", &address, "--timeout", "1"]);
    command.args(cluster.anonymous());
    let began = Instant::now();
    let (printed, errors) = failed(finished(command).await, 3);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(printed, "");
    assert_contains(&errors, &[&address, "ADDR: is a server running there"]);

    let mut command = rpcnet(["health", &cluster.address(0)]);
    command.args(cluster.option("--ca", "strange/ca.pem"));
    let (_, errors) = failed(finished(command).await, 3);
    assert_contains(&errors, &["was not signed by", "strange/ca.pem", "--ca: "]);

    let named = health(&cluster, 0, &["--server-name", "node-9"]);
    let (_, errors) = failed(finished(named).await, 3);
    assert_contains(&errors, &["not for \"node-9\"", "--server-name: "]);

    let (_, errors) = failed(
        finished(rpcnet(["health", "nowhere", "--ca", "x"])).await,
        2,
    );
    assert_contains(&errors, &["needs a port"]);
}

#[tokio::test]
async fn a_server_that_does_not_tell_is_told_from_one_that_is_not_there() {
    let cluster = ThreeNodes::start().await;
    let config = RpcConfig::new(cluster.file("node-0.pem"), "127.0.0.1:0")
        .with_key_path(cluster.file("node-0-key.pem"));
    let mut server = RpcServer::new(config);
    let quic_server = server.bind().unwrap();
    let mut command = rpcnet(["health", &server.socket_addr.unwrap().to_string()]);
    command.args(cluster.anonymous());
    let ended = tokio::select! {
        ended = finished(command) => ended,
        _ = server.start(quic_server) => panic!("the server ended"),
    };
    let (_, errors) = failed(ended, 3);
    assert_contains(&errors, &["no such method", "enable_health"]);
}

#[tokio::test]
async fn a_watch_shows_changes_and_ends_with_the_drain() {
    let cluster = ThreeNodes::start().await;
    let node = &cluster.nodes[2];
    let mut watch = Running::start(health(&cluster, 2, &["--watch"]));
    assert!(watch.line().await.unwrap().ends_with("Z  SERVING"));
    node.health.set("", HealthStatus::NotServing).unwrap();
    assert!(watch.line().await.unwrap().ends_with("Z  NOT_SERVING"));
    node.health.set("", HealthStatus::Serving).unwrap();
    assert!(watch.line().await.unwrap().ends_with("Z  SERVING"));
    node.server.shutdown(Duration::from_secs(10)).await;
    assert!(watch.line().await.unwrap().ends_with("Z  DRAINING"));
    assert_eq!(watch.line().await, None);
    assert_eq!(watch.ended().await, Some(1));
}

#[tokio::test]
async fn a_watch_ends_with_ctrl_c_and_prints_objects() {
    let cluster = ThreeNodes::start().await;
    let mut watch = Running::start(health(&cluster, 0, &["--watch", "--json"]));
    let line: Value = serde_json::from_str(&watch.line().await.unwrap()).unwrap();
    assert_eq!(line["status"], "SERVING");
    assert!(line["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(watch.interrupt().await, Some(0));
}
