//! `rpcnet list` and `rpcnet describe`, asked of three nodes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use rpcnet::{RpcConfig, RpcServer};
use serde_json::Value;
use tokio::process::Command;

use self::common::{ThreeNodes, assert_contains, complaint, finished, printed, rpcnet};

fn ask(cluster: &ThreeNodes, what: &str, args: &[&str]) -> Command {
    let mut command = rpcnet([what, &cluster.address(1)]);
    command.args(args).args(cluster.identified("alice"));
    command
}

async fn told(cluster: &ThreeNodes, what: &str, args: &[&str]) -> String {
    printed(finished(ask(cluster, what, args)).await)
}

#[tokio::test]
async fn methods_are_listed_under_their_services() {
    let cluster = ThreeNodes::start().await;
    let text = told(&cluster, "list", &[]).await;
    assert_contains(
        &text,
        &[
            "Calculator: Arithmetic over the wire.\n",
            "  Calculator.divide    unary             Divides one number by another.\n",
            "  Calculator.count     server streaming  The numbers below; there is none below zero.\n",
            "(no service)\n",
            "  echo_stream  streaming         takes and answers bytes\n",
        ],
    );
    assert!(!text.contains("rpcnet."), "{text}");
    let text = told(&cluster, "list", &["--all"]).await;
    assert_contains(&text, &["rpcnet.health/check", "rpcnet.cluster/members"]);
    let text = told(&cluster, "list", &["rpcnet.health"]).await;
    assert_contains(
        &text,
        &["rpcnet.health: Whether the server", "rpcnet.health/watch"],
    );
    assert!(!text.contains("Calculator"), "{text}");
}

#[tokio::test]
async fn the_list_is_json_one_method_a_line() {
    let cluster = ThreeNodes::start().await;
    let text = told(&cluster, "list", &["Calculator", "--json"]).await;
    let methods = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let methods: Vec<Value> = methods.collect();
    assert_eq!(methods.len(), 11);
    let divide = methods
        .iter()
        .find(|it| it["method"] == "Calculator.divide");
    let divide = divide.unwrap();
    assert_eq!(
        (&divide["kind"], &divide["timeout_ms"]),
        (&"unary".into(), &10_000.into())
    );
    assert_eq!(divide["idempotent"], true);
}

#[tokio::test]
async fn a_method_is_described_as_its_definition_has_it() {
    let cluster = ThreeNodes::start().await;
    let text = told(&cluster, "describe", &["Calculator.divide"]).await;
    let address = cluster.address(1);
    assert_contains(
        &text,
        &[
            "Calculator.divide(dividend: i64, divisor: i64) -> i64\n",
            "  Divides one number by another.\n\n  Rounds towards zero.\n",
            "unary, idempotent, deadline 10s by default, in postcard, json",
            "fails with: { DivisionByZero: { dividend: i64 } }\n",
            &format!(
                "try: rpcnet call {address} Calculator.divide '{{\"dividend\":0,\"divisor\":0}}'\n"
            ),
        ],
    );
    let text = told(&cluster, "describe", &["Calculator.sum"]).await;
    assert_contains(
        &text,
        &[
            "Calculator.sum(start: i64, numbers: stream of i64) -> i64\n",
            &format!("try: echo '0' | rpcnet call {address} Calculator.sum '0'\n"),
        ],
    );
    let text = told(&cluster, "describe", &["echo"]).await;
    assert_contains(&text, &["echo: bytes -> bytes\n", "  unary\n"]);
}

#[tokio::test]
async fn a_type_that_contains_itself_gets_a_name() {
    let cluster = ThreeNodes::start().await;
    let text = told(&cluster, "describe", &["Calculator.mirror"]).await;
    assert_contains(
        &text,
        &[
            "Calculator.mirror(order: T1) -> T1\n",
            "  where T1 = {\n",
            "      id: u64,\n",
            "      price: f64?,\n",
            "      counts: {string: u8},\n",
            "      parcel: \"Letter\" | { Box: [u32; 2] } | { Pallet: { weight: u32 } },\n",
            "      parent: T1?,\n",
        ],
    );
}

#[tokio::test]
async fn what_describe_says_to_try_works() {
    let cluster = ThreeNodes::start().await;
    let text = told(&cluster, "describe", &["Calculator.mirror"]).await;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("try: "));
    let json = line.unwrap().split('\'').nth(1).unwrap();
    let mut command = rpcnet([
        "call",
        &cluster.address(1),
        "Calculator.mirror",
        json,
        "--json",
    ]);
    command.args(cluster.identified("alice"));
    let answer: Value = serde_json::from_str(&printed(finished(command).await)).unwrap();
    assert_eq!(answer, serde_json::from_str::<Value>(json).unwrap());
}

#[tokio::test]
async fn a_service_is_described_whole_and_as_json_on_one_line() {
    let cluster = ThreeNodes::start().await;
    let text = told(&cluster, "describe", &["Calculator"]).await;
    assert!(
        text.starts_with("Calculator\n  Arithmetic over the wire.\n\n"),
        "{text}"
    );
    assert_contains(
        &text,
        &["Calculator.running(numbers: stream of i64) -> stream of i64\n"],
    );
    let json = told(&cluster, "describe", &["Calculator", "--json"]).await;
    assert_eq!(json.lines().count(), 1);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["methods"].as_array().unwrap().len(), 11);
    assert_eq!(json["methods"][0]["reply"]["types"][0]["kind"], "i64");
}

#[tokio::test]
async fn what_there_is_not_is_answered_with_the_nearest_names() {
    let cluster = ThreeNodes::start().await;
    let ask = |what, name| finished(ask(&cluster, what, &[name]));
    let text = complaint(ask("describe", "calculator").await);
    assert_contains(
        &text,
        &["no service `calculator`", "did you mean `Calculator`?"],
    );
    let text = complaint(ask("list", "Wether").await);
    assert_contains(&text, &["no service `Wether`", "rpcnet list shows"]);
}

#[tokio::test]
async fn who_is_not_told_learns_why() {
    let cluster = ThreeNodes::start().await;
    for what in ["list", "describe"] {
        let mut command = rpcnet([what, &cluster.address(0), "Calculator"]);
        command.args(cluster.anonymous());
        let text = complaint(finished(command).await);
        assert_contains(&text, &["no server answered", "--cert and --key: "]);
    }
    let config = RpcConfig::new(cluster.file("node-0.pem"), "127.0.0.1:0")
        .with_key_path(cluster.file("node-0-key.pem"));
    let mut server = RpcServer::new(config);
    let quic_server = server.bind().unwrap();
    let mut command = rpcnet(["list", &server.socket_addr.unwrap().to_string()]);
    command.args(cluster.anonymous());
    let refused = tokio::select! {
        refused = finished(command) => complaint(refused),
        _ = server.start(quic_server) => panic!("the server ended"),
    };
    assert_contains(&refused, &["enable_introspection"]);
}
