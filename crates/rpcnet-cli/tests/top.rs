//! `rpcnet top`: lines, and a screen at a pseudo-terminal.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    Running, Terminal, ThreeNodes, Work, assert_contains, complaint, finished, printed, rpcnet,
};
use rpcnet::{RpcConfig, RpcServer};
use rustix::process::Signal;
use tokio::process::Command;

/// What gives the terminal back: the cursor is seen, and the other screen is there.
const GIVEN_BACK: &str = "\u{1b}[?25h\u{1b}[?1049l";

fn top(nodes: &ThreeNodes, options: &[&str]) -> Command {
    let mut command = rpcnet(["top", "--interval", "200", "--seed", &nodes.address(0)]);
    command.args(nodes.identified("bob")).args(options);
    command
}

#[tokio::test]
async fn without_a_terminal_lines_are_printed() {
    let nodes = ThreeNodes::start().await;
    let _work = Work::start(&nodes).await;
    let text = printed(finished(top(&nodes, &["--count", "8"])).await);
    assert_contains(
        &text,
        &[
            "3 alive, 3 of 3 voters in reach: whole",
            "NAME ",
            "node-0 *  alive  ",
            "\nnode-1    alive  ",
            "\nnode-2    alive  ",
            "  Asking              node-0  the members are seen by it",
            "role=worker\n",
        ],
    );
    assert_eq!(text.matches("NAME ").count(), 8, "{text}");
    // By then the calls have been counted, by whoever makes or serves them.
    let last = text
        .rsplit("calls/s, ")
        .nth(1)
        .unwrap()
        .lines()
        .last()
        .unwrap();
    assert!(last.trim().parse::<f64>().unwrap() > 0.0, "{text}");
}

#[tokio::test]
async fn json_is_one_object_each_interval() {
    let nodes = ThreeNodes::start().await;
    let text = printed(finished(top(&nodes, &["--json", "--count", "2"])).await);
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        let picture: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(picture["node"], "node-0");
        assert_eq!(picture["members"].as_array().unwrap().len(), 3);
        assert_eq!(picture["members"][2]["state"], "alive");
    }
}

#[tokio::test]
async fn a_node_that_goes_away_is_noticed_and_another_one_is_asked() {
    let mut nodes = ThreeNodes::start().await;
    let mut running = Running::start(top(&nodes, &["--plain"]));
    running.until(&["node-2 ", "alive"]).await;
    nodes.cut(2);
    running.until(&["NodeFailed", "node-2"]).await;
    running.until(&["node-2 ", "failed"]).await;
    nodes.cut(0);
    running.until(&["Silent", "node-0"]).await;
    running
        .until(&["Asking", "node-1", "the members are seen by it"])
        .await;
    running.until(&["node-1 *"]).await;
    assert_eq!(running.interrupt().await, Some(0));
}

#[tokio::test]
async fn a_server_that_tells_nothing_is_named_with_what_would_help() {
    let nodes = ThreeNodes::start().await;
    let config = RpcConfig::new(nodes.file("node-0.pem"), "127.0.0.1:0")
        .with_key_path(nodes.file("node-0-key.pem"))
        .with_ca_path(nodes.file("ca.pem"));
    let mut server = RpcServer::new(config);
    let quic_server = server.bind().unwrap();
    let mut command = rpcnet(["top", "--plain", "--seed"]);
    command.arg(server.socket_addr.unwrap().to_string());
    command.args(nodes.identified("bob"));
    let refused = tokio::select! {
        refused = finished(command) => complaint(refused),
        _ = server.start(quic_server) => panic!("the server ended"),
    };
    assert_contains(&refused, &["no node answered", "RpcServer::enable_admin"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_follows_keys_and_sizes_and_is_given_back() {
    let nodes = ThreeNodes::start().await;
    let mut terminal = Terminal::start(top(&nodes, &[]), 110, 30);
    terminal.until("\u{1b}[?1049h");
    terminal.until("[1 Members]");
    terminal.until("node-2");
    assert!(!terminal.is_in_lines());
    terminal.press(b"2");
    terminal.until("[2 Methods]");
    terminal.press(b"?");
    terminal.until("ctrl-c");
    terminal.press(b"\x1b");
    // A smaller screen is drawn anew, all of it.
    terminal.resize(60, 12);
    terminal.until("q quit");
    terminal.press(b"q");
    terminal.until(GIVEN_BACK);
    assert_eq!(terminal.ended().await, Some(0));
    assert!(terminal.is_in_lines());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_and_signals_give_the_terminal_back_too() {
    let nodes = ThreeNodes::start().await;
    let endings: [&dyn Fn(&mut Terminal); 3] = [
        &|terminal| terminal.press(b"\x03"),
        &|terminal| terminal.signal(Signal::TERM),
        &|terminal| terminal.signal(Signal::HUP),
    ];
    for end in endings {
        let mut terminal = Terminal::start(top(&nodes, &[]), 80, 24);
        terminal.until("node-2");
        end(&mut terminal);
        terminal.until(GIVEN_BACK);
        assert_eq!(terminal.ended().await, Some(0));
        assert!(terminal.is_in_lines());
    }
}

#[tokio::test]
async fn a_picture_is_drawn_into_a_file() {
    let nodes = ThreeNodes::start().await;
    let file = nodes.file("top.svg");
    let path = file.to_str().unwrap().to_owned();
    printed(finished(top(&nodes, &["--svg", &path, "--count", "1"])).await);
    let svg = std::fs::read_to_string(file).unwrap();
    assert_contains(&svg, &["<svg ", "node-1", "alive", "</svg>"]);
}
