//! `rpcnet call`, against three nodes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::net::UdpSocket;

use rpcnet::{RpcConfig, RpcServer};
use serde_json::{Value, json};
use tokio::process::Command;

use self::common::calculator::{Abacus, CalculatorServer};
use self::common::{
    Running, ThreeNodes, assert_contains, complaint, failed, fed, finished, printed, rpcnet,
};

/// `rpcnet call` at the first node, as `alice`.
fn call(cluster: &ThreeNodes, args: &[&str]) -> Command {
    call_at(cluster, 0, args)
}

fn call_at(cluster: &ThreeNodes, node: usize, args: &[&str]) -> Command {
    let mut command = rpcnet(["call", &cluster.address(node)]);
    command.args(args).args(cluster.identified("alice"));
    command
}

async fn answer(cluster: &ThreeNodes, args: &[&str]) -> String {
    printed(finished(call(cluster, args)).await)
}

/// What a call of JSON complains of.
async fn wrong(cluster: &ThreeNodes, args: &[&str]) -> String {
    complaint(finished(call(cluster, args)).await)
}

#[tokio::test]
async fn each_node_answers_for_itself() {
    let cluster = ThreeNodes::start().await;
    for node in 0..3 {
        let text = printed(finished(call_at(&cluster, node, &["Calculator.name"])).await);
        assert_eq!(text, format!("\"node-{node}\"\n"));
    }
}

#[tokio::test]
async fn unary_methods_take_one_argument_or_several_by_name() {
    let cluster = ThreeNodes::start().await;
    assert_eq!(
        answer(&cluster, &["Calculator.greet", "\"w\u{f6}rld\""]).await,
        "\"hello, w\u{f6}rld\"\n"
    );
    let arguments = r#"{"dividend": -7, "divisor": 2}"#;
    assert_eq!(
        answer(&cluster, &["Calculator.divide", arguments]).await,
        "-3\n"
    );
    let order = json!({"id": u64::MAX, "title": "x".repeat(90), "price": 0.1, "tags": [],
        "counts": {"a": 1}, "parcel": {"Box": [1, 2]}, "parent": null});
    let text = answer(&cluster, &["Calculator.mirror", &order.to_string()]).await;
    assert!(
        text.starts_with("{\n  \"id\": 18446744073709551615,\n  \"title\": "),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), order);
    let line = answer(
        &cluster,
        &["Calculator.mirror", &order.to_string(), "--json"],
    )
    .await;
    assert_eq!(line.lines().count(), 1);
}

#[tokio::test]
async fn arguments_come_from_standard_input_or_from_a_file() {
    let cluster = ThreeNodes::start().await;
    let command = call(&cluster, &["Calculator.greet", "-"]);
    assert_eq!(
        printed(fed(command, b"\"you\"\n").await),
        "\"hello, you\"\n"
    );
    let file = cluster.file("arguments.json");
    std::fs::write(&file, "\"file\"").unwrap();
    let file = file.display().to_string();
    let text = answer(&cluster, &["Calculator.greet", "--file", &file]).await;
    assert_eq!(text, "\"hello, file\"\n");
    let missing = wrong(&cluster, &["Calculator.greet", "--file", "/nowhere.json"]).await;
    assert_contains(&missing, &["--file: /nowhere.json: "]);
}

#[tokio::test]
async fn streams_are_lines_both_ways() {
    let cluster = ThreeNodes::start().await;
    assert_eq!(
        answer(&cluster, &["Calculator.count", "3"]).await,
        "0\n1\n2\n"
    );
    assert_eq!(answer(&cluster, &["Calculator.count", "0"]).await, "");
    let sum = |args: &'static [&str]| call(&cluster, args);
    let text = fed(sum(&["Calculator.sum", "-5"]), b"1\n\n2\n3").await;
    assert_eq!(printed(text), "1\n");
    let text = fed(sum(&["Calculator.sum", "-"]), b"10\n1\n2\n").await;
    assert_eq!(printed(text), "13\n");
    let text = fed(sum(&["Calculator.total"]), b"1\n2\n").await;
    assert_eq!(printed(text), "3\n");
    let text = fed(sum(&["Calculator.running", "-"]), b"1\n2\n3\n").await;
    assert_eq!(printed(text), "1\n3\n6\n");
}

#[tokio::test]
async fn a_response_is_printed_before_the_next_request_is_there() {
    let cluster = ThreeNodes::start().await;
    let mut running = Running::start(call(&cluster, &["Calculator.running", "--json"]));
    for (number, sum) in [("1", "1"), ("2", "3"), ("-3", "0")] {
        running.say(number).await;
        assert_eq!(running.line().await.as_deref(), Some(sum));
    }
    drop(running.input.take());
    assert_eq!(running.line().await, None);
    assert_eq!(running.ended().await, Some(0));
}

#[tokio::test]
async fn bytes_go_and_come_as_they_are() {
    let cluster = ThreeNodes::start().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let output = fed(call(&cluster, &["echo", "-", "--raw"]), &bytes).await;
    assert_eq!(
        (output.status.code(), output.stdout),
        (Some(0), bytes.clone())
    );
    let output = fed(call(&cluster, &["echo_stream", "--raw"]), &bytes).await;
    assert_eq!((output.status.code(), output.stdout), (Some(0), bytes));
    let postcard = ["Calculator.greet", "--raw", "--codec", "postcard", "-"];
    let output = fed(call(&cluster, &postcard), b"\x03you").await;
    assert_eq!(output.stdout, b"\x0ahello, you");
    let refused = fed(call(&cluster, &["echo", "-"]), b"\xff\xfe").await;
    assert_contains(&complaint(refused), &["the argument is no JSON"]);
}

#[tokio::test]
async fn metadata_travels_with_the_call() {
    let cluster = ThreeNodes::start().await;
    let args = [
        "Calculator.metadata",
        "\"tenant\"",
        "--metadata",
        "tenant=blue=green",
    ];
    assert_eq!(answer(&cluster, &args).await, "\"blue=green\"\n");
    let misused = finished(call(&cluster, &["echo", "--metadata", "tenant"])).await;
    assert_contains(&failed(misused, 2).1, &["expected KEY=VALUE"]);
}

#[tokio::test]
async fn what_does_not_fit_is_named_with_its_place_and_not_sent() {
    let cluster = ThreeNodes::start().await;
    let text = wrong(
        &cluster,
        &["Calculator.divide", r#"{"dividend": "ten", "divisor": 1}"#],
    )
    .await;
    assert_contains(
        &text,
        &[
            "error: the arguments do not fit: /dividend: expected an integer (i64), got the \
             string \"ten\"",
            "Calculator.divide(dividend: i64, divisor: i64) -> i64",
        ],
    );
    for (args, expected) in [
        (
            &["Calculator.divide", r#"{"dividend": 1}"#][..],
            "`divisor` is missing",
        ),
        (
            &["Calculator.divide"],
            "it takes arguments: give them as JSON",
        ),
        (&["Calculator.divide", "{"], "no JSON: "),
        (
            &["Calculator.name", "{}"],
            "it takes no arguments: leave the JSON out",
        ),
        (
            &["Calculator.greet", "1"],
            "expected a string, got the number 1",
        ),
        (
            &["Calculator.total", "1"],
            "its requests are read from standard input",
        ),
        (
            &["Calculator.mirror", r#"{"parcel": {"Bag": 1}}"#],
            "/parcel: unknown variant `Bag`, expected `Letter`, `Box`, `Pallet`",
        ),
        (
            &["Calculator.mirror", r#"{"parent": {"id": -1}}"#],
            "/parent/id: expected an integer from 0 to 18446744073709551615 (u64), got -1",
        ),
    ] {
        assert_contains(&wrong(&cluster, args).await, &[expected]);
    }
    let unchecked = ["Calculator.divide", r#"{"dividend": "ten"}"#, "--no-check"];
    let text = wrong(&cluster, &unchecked).await;
    assert_contains(
        &text,
        &[
            "INVALID_ARGUMENT: ",
            "do not decode",
            "the handler did not run",
        ],
    );
}

#[tokio::test]
async fn a_wrong_line_ends_the_call_and_is_named_by_its_number() {
    let cluster = ThreeNodes::start().await;
    let output = fed(call(&cluster, &["Calculator.total"]), b"1\n\n\"two\"\n3\n").await;
    let text = complaint(output);
    assert_contains(
        &text,
        &["standard input, line 3: expected an integer (i64), got the string \"two\""],
    );
    let output = fed(call(&cluster, &["Calculator.running"]), b"1\n{\n").await;
    let (_, text) = failed(output, 1);
    assert_contains(&text, &["standard input, line 2: no JSON: "]);
}

#[tokio::test]
async fn an_unknown_method_is_answered_with_the_nearest_names() {
    let cluster = ThreeNodes::start().await;
    let text = wrong(&cluster, &["Calculator.devide", "1"]).await;
    assert_contains(
        &text,
        &[
            "no method and no service `Calculator.devide`",
            "did you mean `Calculator.divide`?",
        ],
    );
    let text = wrong(&cluster, &["Weather.today"]).await;
    assert_contains(&text, &["`Weather.today`", "rpcnet list shows what it has"]);
}

#[tokio::test]
async fn an_error_of_the_service_is_shown_with_its_details() {
    let cluster = ThreeNodes::start().await;
    let by_zero = ["Calculator.divide", r#"{"dividend": 7, "divisor": 0}"#];
    let text = wrong(&cluster, &by_zero).await;
    assert_contains(
        &text,
        &[
            "error: UNKNOWN: the service's own error, MathError",
            r#"details: {"DivisionByZero":{"dividend":7}}"#,
            "the handler ran",
        ],
    );
    let args = [&by_zero[..], &["--json"]].concat();
    let text = wrong(&cluster, &args).await;
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(error["error"]["code"], "UNKNOWN");
    assert_eq!(error["error"]["details"]["DivisionByZero"]["dividend"], 7);
    assert_eq!(error["error"]["handler_ran"], "yes");
    let text = wrong(&cluster, &["Calculator.count", "-1"]).await;
    assert_contains(
        &text,
        &["MathError", r#"{"DivisionByZero":{"dividend":-1}}"#],
    );
}

#[tokio::test]
async fn a_deadline_that_passes_is_named() {
    let cluster = ThreeNodes::start().await;
    let text = wrong(&cluster, &["Calculator.wait", "--deadline", "300ms"]).await;
    assert_contains(
        &text,
        &[
            "error: DEADLINE_EXCEEDED: the call took longer than 300ms",
            "the handler may have run",
            "--deadline: ",
        ],
    );
    let misused = finished(call(&cluster, &["Calculator.wait", "--deadline", "3"])).await;
    assert_contains(
        &failed(misused, 2).1,
        &["a number and a unit, such as 250ms"],
    );
}

#[tokio::test]
async fn who_may_not_call_is_told_which_option_to_change() {
    let cluster = ThreeNodes::start().await;
    let text = wrong(&cluster, &["secret", "1"]).await;
    assert_contains(&text, &["error: PERMISSION_DENIED: ", "--cert and --key: "]);
    let mut command = rpcnet(["call", &cluster.address(0), "secret", "1"]);
    command.args(cluster.identified("bob"));
    assert_eq!(printed(finished(command).await), "1\n");
    let mut command = rpcnet(["call", &cluster.address(0), "secret", "1"]);
    command.args(cluster.anonymous());
    let text = complaint(finished(command).await);
    assert_contains(&text, &["error: UNAUTHENTICATED: ", "--cert and --key: "]);
}

#[tokio::test]
async fn a_server_out_of_reach_is_named_by_the_option_that_is_wrong() {
    let cluster = ThreeNodes::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut command = rpcnet(["call", &address, "echo", "--timeout", "1"]);
    command.args(cluster.identified("alice"));
    let text = complaint(finished(command).await);
    assert_contains(&text, &[&address, "ADDR: is a server running there"]);
    let mut command = rpcnet(["call", &cluster.address(0), "echo"]);
    command.args(cluster.option("--ca", "strange/ca.pem"));
    let text = complaint(finished(command).await);
    assert_contains(&text, &["was not signed by", "strange/ca.pem", "--ca: "]);
    let text = wrong(&cluster, &["echo", "--server-name", "node-9"]).await;
    assert_contains(&text, &["not for \"node-9\"", "--server-name: "]);
}

#[tokio::test]
async fn ctrl_c_cancels_the_call() {
    let cluster = ThreeNodes::start().await;
    let server = &cluster.nodes[0].server;
    let mut running = Running::start(call(&cluster, &["Calculator.forever"]));
    assert_eq!(running.line().await.as_deref(), Some("0"));
    assert_eq!(server.running_calls(), 1);
    assert_eq!(running.interrupt().await, Some(1));
    let gone = async {
        while server.running_calls() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    // Sooner than an idle timeout would.
    let soon = std::time::Duration::from_secs(5);
    tokio::time::timeout(soon, gone).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_the_call() {
    let cluster = ThreeNodes::start().await;
    let mut running = Running::start(call(&cluster, &["Calculator.forever"]));
    assert_eq!(running.line().await.as_deref(), Some("0"));
    assert_eq!(running.ended_unread().await, Some(0));
}

#[tokio::test]
async fn the_times_are_told_on_standard_error() {
    let cluster = ThreeNodes::start().await;
    let output = finished(call(&cluster, &["Calculator.count", "2", "--verbose"])).await;
    let (text, times) = failed(output, 0);
    assert_eq!(text, "0\n1\n");
    assert_contains(
        &times,
        &[
            "connected ",
            "described ",
            "first response ",
            "other responses ",
            "whole call ",
            "2 responses, 2 bytes",
        ],
    );
}

#[tokio::test]
async fn a_server_that_does_not_tell_can_be_called_all_the_same() {
    let cluster = ThreeNodes::start().await;
    let config = RpcConfig::new(cluster.file("node-0.pem"), "127.0.0.1:0")
        .with_key_path(cluster.file("node-0-key.pem"));
    let mut server = RpcServer::new(config);
    server.add_service(CalculatorServer::service(Abacus("alone".into())));
    let quic_server = server.bind().unwrap();
    let address = server.socket_addr.unwrap().to_string();
    let asked = async |args: &[&str]| {
        let mut command = rpcnet(["call", &address]);
        command.args(args).args(cluster.anonymous());
        finished(command).await
    };
    let calls = async {
        let text = printed(asked(&["Calculator.greet", "\"you\""]).await);
        assert_eq!(text, "\"hello, you\"\n");
        let streams = complaint(asked(&["Calculator.count", "2"]).await);
        assert_contains(&streams, &["UNIMPLEMENTED: ", "--server-streaming: "]);
        let text = printed(asked(&["Calculator.count", "2", "--server-streaming"]).await);
        assert_eq!(text, "0\n1\n");
        let unread = complaint(asked(&["Calculator.greet", "1"]).await);
        assert_contains(&unread, &["INVALID_ARGUMENT: ", "does not tell what"]);
        let unknown = complaint(asked(&["Calculator.gret", "1"]).await);
        assert_contains(&unknown, &["no such method", "is the name right?"]);
    };
    tokio::select! {
        () = calls => {}
        _ = server.start(quic_server) => panic!("the server ended"),
    }
}
