//! `rpcnet cluster tags|drain|leave|doctor`, asked of real nodes in this process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::net::UdpSocket;
use std::process::Output;

use common::{PATIENCE, ThreeNodes, assert_contains, complaint, failed, finished, printed, rpcnet};
use rpcnet::cluster::MemberState;
use serde_json::Value;
use tokio::time::timeout;

/// `rpcnet cluster WHAT`, with these options, as this client, at `node-0`.
async fn cluster(nodes: &ThreeNodes, name: &str, what: &str, options: &[&str]) -> Output {
    let mut command = rpcnet(["cluster", what, "--seed", &nodes.address(0)]);
    command.args(nodes.identified(name)).args(options);
    finished(command).await
}

#[tokio::test]
async fn tags_are_printed_set_and_removed_at_the_member_itself() {
    let nodes = ThreeNodes::start().await;
    let text = printed(cluster(&nodes, "bob", "tags", &[]).await);
    assert_eq!(text, "role=worker\n");
    let options = [
        "--node",
        "node-2",
        "--set",
        "zone=eu west",
        "--set",
        "a=1",
        "--remove",
        "role",
    ];
    let text = printed(cluster(&nodes, "alice", "tags", &options).await);
    assert_eq!(text, "a=1\nzone=eu west\n");
    let local = nodes.nodes[2].membership.local();
    assert_eq!(
        (local.tag("zone"), local.tag("role")),
        (Some("eu west"), None)
    );
    let seen = nodes.nodes[0].membership.wait_until(|view| {
        view.get("node-2")
            .is_some_and(|node| node.tag("a").is_some())
    });
    timeout(PATIENCE, seen).await.unwrap();
    let json = printed(cluster(&nodes, "bob", "tags", &["--node", "node-2", "--json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["node"], &json["tags"]["a"]),
        (&"node-2".into(), &"1".into())
    );
}

#[tokio::test]
async fn who_may_not_act_is_told_what_to_change() {
    let nodes = ThreeNodes::start().await;
    let refused = complaint(cluster(&nodes, "bob", "tags", &["--set", "a=1"]).await);
    assert_contains(
        &refused,
        &["permission denied", "--cert: ", "AdminAccess::with_acting"],
    );
    for what in ["drain", "leave"] {
        let refused = complaint(cluster(&nodes, "bob", what, &["--node", "node-1"]).await);
        assert_contains(&refused, &["permission denied", "--cert: "]);
    }
    assert!(!nodes.nodes[1].membership.local().is_draining());
    let refused = complaint(cluster(&nodes, "alice", "leave", &["--node", "node-9"]).await);
    assert_contains(
        &refused,
        &["no member \"node-9\"", "node-0, node-1, node-2"],
    );
    let (_, misused) = failed(
        cluster(&nodes, "alice", "tags", &["--set", "a b=1"]).await,
        2,
    );
    assert_contains(&misused, &["--set", "characters of"]);
}

#[tokio::test]
async fn a_member_drains_on_and_off_and_leaves_when_told() {
    let nodes = ThreeNodes::start().await;
    let text = printed(cluster(&nodes, "alice", "drain", &["--node", "node-1"]).await);
    assert_eq!(text, "node-1 drains\n");
    assert!(nodes.nodes[1].membership.local().is_draining());
    let text = printed(cluster(&nodes, "alice", "drain", &["--node", "node-1", "--off"]).await);
    assert_eq!(text, "node-1 takes work again\n");
    assert!(!nodes.nodes[1].membership.local().is_draining());
    let text = printed(cluster(&nodes, "alice", "leave", &["--node", "node-1"]).await);
    assert_contains(&text, &["node-1 has left the cluster"]);
    let left = nodes.nodes[0].membership.wait_until(|view| {
        view.get("node-1")
            .is_some_and(|node| node.state() == MemberState::Left)
    });
    timeout(PATIENCE, left).await.unwrap();
    let refused = complaint(cluster(&nodes, "alice", "leave", &["--node", "node-1"]).await);
    assert_contains(&refused, &["\"node-1\" is left: it cannot be asked"]);
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong_with_a_cluster_that_is_well() {
    let nodes = ThreeNodes::start().await;
    let text = printed(cluster(&nodes, "bob", "doctor", &[]).await);
    assert_contains(
        &text,
        &[
            "ok       seeds        node-0: answers at 127.0.0.1:",
            "ok       reach        node-1: answers at 127.0.0.1:",
            "ok       reach        node-2: answers at 127.0.0.1:",
            "ok       clock        node-2: its clock agrees",
            "ok       certificate  node-1: its certificate counts for another ",
            "ok       mtu          node-0: datagrams of 1",
            concat!(
                "version      cluster: all nodes run ",
                env!("CARGO_PKG_VERSION")
            ),
            "agreement    cluster: 3 nodes see the same members",
            " 0 errors\n",
        ],
    );
    let json = printed(cluster(&nodes, "bob", "doctor", &["--json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["errors"], &json["warnings"]),
        (&0.into(), &0.into()),
        "{json}"
    );
}

#[tokio::test]
async fn the_doctor_tells_a_closed_port_from_a_silent_one() {
    let nodes = ThreeNodes::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (silent_at, closed_at) = (silent.local_addr().unwrap().to_string(), closed.to_string());
    let options = [
        "--timeout",
        "1",
        "--seed",
        &silent_at,
        "--seed",
        &closed_at,
        "--seed",
        "nowhere.invalid:1",
    ];
    let (text, errors) = failed(cluster(&nodes, "bob", "doctor", &options).await, 1);
    assert_contains(
        &text,
        &[
            &format!("ERROR    seeds        {silent_at}: "),
            "a firewall drops UDP to this port",
            &format!("ERROR    seeds        {closed_at}: the host says that nothing listens"),
            "ERROR    seeds        nowhere.invalid:1: the name could not be looked up",
            "3 errors\n",
        ],
    );
    assert_contains(&errors, &["3 things are wrong"]);
}

#[tokio::test]
async fn the_doctor_names_the_option_of_a_wrong_ca_and_of_a_wrong_name() {
    let nodes = ThreeNodes::start().await;
    let mut command = rpcnet(["cluster", "doctor", "--seed", &nodes.address(0)]);
    command.args(nodes.option("--ca", "strange/ca.pem"));
    let (text, errors) = failed(finished(command).await, 1);
    assert_contains(&text, &["ERROR", "was not signed by", "-> --ca: "]);
    assert_contains(&errors, &["one thing is wrong"]);
    let options = ["--server-name", "elsewhere"];
    let (text, _) = failed(cluster(&nodes, "bob", "doctor", &options).await, 1);
    assert_contains(&text, &["not for \"elsewhere\"", "-> --server-name: "]);
}

#[tokio::test]
async fn the_doctor_notices_a_member_that_is_gone() {
    let mut nodes = ThreeNodes::start().await;
    let address = nodes.address(0);
    let mut command = rpcnet(["cluster", "doctor", "--timeout", "1", "--seed", &address]);
    command.args(nodes.identified("bob"));
    nodes.cut(2);
    let failed = nodes.nodes[0].membership.wait_until(|view| {
        view.get("node-2")
            .is_some_and(|node| node.state() == MemberState::Failed)
    });
    timeout(PATIENCE, failed).await.unwrap();
    let output = finished(command).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_contains(&text, &["WARNING  members      node-2: it is failed, as "]);
    assert_contains(&text, &["-> look at its process and its host"]);
}
