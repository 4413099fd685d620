//! What a server tells operators, and what they may have its node do.

use futures::StreamExt;
use rpcnet::builtin::{Access, AdminAccess};
use rpcnet::cluster::{LoadBalancingStrategy, MemberState, WorkerRegistry};
use rpcnet::{Code, Limits, ResponseStream, RpcClient, RpcError, RpcServer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::cluster::nodes::{Cluster, Node};
use crate::pair::{eventually, soon};

const SNAPSHOT: &str = "rpcnet.admin/snapshot";
const WATCH: &str = "rpcnet.admin/watch";

/// Who certificates are made for looks; alice acts too.
fn access() -> AdminAccess {
    AdminAccess::new(Access::verified()).with_acting(Access::names(["alice"]))
}

async fn connected(cluster: &Cluster, node: &Node, name: &str) -> RpcClient {
    let connected = RpcClient::connect(node.addr, cluster.client(name));
    soon("connecting", connected).await.unwrap()
}

async fn ask(client: &RpcClient, method: &str, payload: &Value) -> Result<Value, RpcError> {
    let payload = payload.to_string().into_bytes();
    let answer = soon(method, client.call(method, payload)).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

async fn snapshot(client: &RpcClient) -> Value {
    ask(client, SNAPSHOT, &json!({})).await.unwrap()
}

#[track_caller]
fn code(refused: Result<Value, RpcError>) -> Code {
    match refused {
        Err(RpcError::Status(status)) => status.code,
        other => panic!("{other:?}"),
    }
}

async fn watch(client: &RpcClient, payload: &str) -> ResponseStream {
    let payload = payload.as_bytes().to_vec();
    let watch = client.call_server_streaming(WATCH, payload).await;
    watch.unwrap()
}

async fn next(watch: &mut ResponseStream) -> Option<Result<Value, RpcError>> {
    let next = soon("a snapshot", watch.next()).await?;
    Some(next.map(|payload| serde_json::from_slice(&payload).unwrap()))
}

/// Handlers that wait for ever, and that fail with a message that a terminal would obey.
async fn register(server: &RpcServer) {
    server
        .register("stuck", |_| async { std::future::pending().await })
        .await;
    let refuse = |_| async { Err(RpcError::status(Code::NotFound, "no\u{1b}[2J such thing")) };
    server.register("failing", refuse).await;
}

#[tokio::test]
async fn a_snapshot_shows_who_is_connected_what_runs_and_what_failed() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    register(&node.server).await;
    node.server.enable_admin(access()).await;
    let client = connected(&cluster, &node, "bob").await;
    let calling = client.clone();
    let stuck = tokio::spawn(async move { calling.call("stuck", Vec::new()).await });
    eventually("it runs", || node.server.running_calls() == 1).await;
    client.call("failing", Vec::new()).await.unwrap_err();
    client.call("absent", Vec::new()).await.unwrap_err();

    let seen = snapshot(&client).await;
    assert_eq!(seen["version"], env!("CARGO_PKG_VERSION"));
    let calls_max = Limits::default().calls_per_server_max;
    assert_eq!(seen["limits"]["calls_per_server_max"], calls_max);
    let methods = seen["metrics"]["methods"].as_array().unwrap();
    let failing = methods.iter().find(|it| it["method"] == "failing").unwrap();
    assert_eq!((&failing["failed"], &failing["ok"]), (&json!(1), &json!(0)));
    assert_eq!(seen["counters"]["connections"], 1);
    assert_eq!(seen["connections"]["total"], 1);
    let connection = &seen["connections"]["shown"][0];
    assert_eq!(connection["name"], "bob", "{seen}");
    let local = client.local_addr().unwrap().port().to_string();
    let peer = connection["peer"].as_str().unwrap();
    assert!(peer.ends_with(&local), "{peer} {local}");
    let calls = seen["calls"]["shown"].as_array().unwrap();
    let call = calls.iter().find(|call| call["method"] == "stuck").unwrap();
    assert_eq!(
        (&call["name"], &call["kind"]),
        (&json!("bob"), &json!("unary"))
    );
    assert!(call["age_ms"].as_u64().unwrap() < 60_000, "{call}");
    assert!(call["left_ms"].as_u64().unwrap() > 0, "{call}");

    let errors = seen["errors"]["shown"].as_array().unwrap();
    let of = |method| {
        errors
            .iter()
            .find(|error| error["method"] == method)
            .unwrap()
    };
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(of("failing")["message"], "no\\u{1b}[2J such thing");
    assert_eq!(of("failing")["code"], "not found");
    assert_eq!(of("absent")["code"], "unimplemented");
    assert_eq!(of("absent")["name"], "bob");
    stuck.abort();
}

#[tokio::test]
async fn handshakes_that_failed_are_among_the_errors() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    node.server.enable_admin(access()).await;
    let stranger = Cluster::new();
    let config = stranger
        .client("mallory")
        .with_ca_path(cluster.path("ca.pem"));
    RpcClient::connect(node.addr, config).await.unwrap_err();
    eventually("it was seen", || {
        node.server.counters().handshakes_failed > 0
    })
    .await;
    let client = connected(&cluster, &node, "alice").await;
    let seen = snapshot(&client).await;
    let error = &seen["errors"]["shown"][0];
    assert_eq!(error["what"], "handshake", "{seen}");
    assert!(error["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(
        error["message"].as_str().unwrap().contains("trusted CA"),
        "{error}"
    );
}

#[tokio::test]
async fn looking_and_acting_are_allowed_apart() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    node.server.enable_admin(access()).await;
    let anonymous = RpcClient::connect(node.addr, cluster.anonymous())
        .await
        .unwrap();
    assert_eq!(
        code(ask(&anonymous, SNAPSHOT, &json!({})).await),
        Code::Unauthenticated
    );
    let refused = next(&mut watch(&anonymous, "").await).await.unwrap();
    assert_eq!(code(refused), Code::Unauthenticated);

    let bob = connected(&cluster, &node, "bob").await;
    snapshot(&bob).await;
    let tag = json!({"key": "zone", "value": "a"});
    for method in ["set-tag", "remove-tag", "drain", "leave"] {
        let refused = ask(&bob, &format!("rpcnet.admin/{method}"), &tag).await;
        assert_eq!(code(refused), Code::PermissionDenied, "{method}");
    }
    // Without anybody named, nobody may act.
    node.server.enable_admin(Access::verified()).await;
    let alice = connected(&cluster, &node, "alice").await;
    let refused = ask(&alice, "rpcnet.admin/set-tag", &tag).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    assert!(node.membership.local().tags().is_empty());
}

#[tokio::test]
async fn a_watch_tells_again_and_again_and_ends_with_the_server() {
    let cluster = Cluster::new();
    let mut node = cluster.start("a").await;
    node.server.enable_admin(access()).await;
    let client = connected(&cluster, &node, "bob").await;
    for bad in ["{\"interval_ms\": 199}", "{\"interval_ms\": 60001}", "[1]"] {
        let refused = next(&mut watch(&client, bad).await).await.unwrap();
        assert_eq!(code(refused), Code::InvalidArgument, "{bad}");
    }
    let mut watched = watch(&client, "{\"interval_ms\": 200}").await;
    let first = next(&mut watched).await.unwrap().unwrap();
    let second = next(&mut watched).await.unwrap().unwrap();
    assert!(second["up_ms"].as_u64() > first["up_ms"].as_u64());
    let running = node.server.clone();
    let report = tokio::spawn(async move { running.shutdown(crate::pair::HANG).await });
    while next(&mut watched).await.is_some() {}
    assert!(soon("the shutdown", report).await.unwrap().is_clean());
    node.stopped().await;
}

#[tokio::test]
async fn so_many_may_watch_at_once_and_no_more() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    node.server.enable_admin(access()).await;
    let client = connected(&cluster, &node, "bob").await;
    let slowly = "{\"interval_ms\": 60000}";
    let mut watching = Vec::new();
    for _ in 0..32 {
        let mut one = watch(&client, slowly).await;
        next(&mut one).await.unwrap().unwrap();
        watching.push(one);
    }
    let refused = next(&mut watch(&client, slowly).await).await.unwrap();
    assert_eq!(code(refused), Code::ResourceExhausted);
    watching.pop();
    eventually("its place is free", || node.server.running_calls() == 31).await;
    next(&mut watch(&client, slowly).await)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn who_may_act_changes_tags_drains_and_has_the_node_leave() {
    let (cluster, nodes) = Cluster::formed(&["a", "b"]).await;
    let [a, b] = &nodes[..] else { panic!() };
    a.server.enable_admin(access()).await;
    let alice = connected(&cluster, a, "alice").await;
    let act = |what: &'static str, payload: Value| {
        let alice = alice.clone();
        async move { ask(&alice, &format!("rpcnet.admin/{what}"), &payload).await }
    };
    let done = act("set-tag", json!({"key": "zone", "value": "eu"})).await;
    assert_eq!(done.unwrap(), json!({"node": "a"}));
    let zone = |view: &rpcnet::cluster::ClusterView| {
        view.get("a")
            .and_then(|member| member.tag("zone").map(String::from))
    };
    soon(
        "b sees it",
        b.membership.wait_until(|view| zone(view).is_some()),
    )
    .await;
    act("remove-tag", json!({"key": "zone"})).await.unwrap();
    soon(
        "b sees it",
        b.membership.wait_until(|view| zone(view).is_none()),
    )
    .await;
    for draining in [true, false] {
        act("drain", json!({"draining": draining})).await.unwrap();
        assert_eq!(a.membership.local().is_draining(), draining);
    }
    for (what, payload) in [
        ("set-tag", json!({"key": "zone"})),
        ("set-tag", json!({"key": "", "value": ""})),
        ("set-tag", json!({"key": "zone", "value": "x", "also": 1})),
        ("drain", json!({})),
    ] {
        let refused = act(what, payload.clone()).await;
        assert_eq!(code(refused), Code::InvalidArgument, "{what} {payload}");
    }
    act("leave", json!({})).await.unwrap();
    b.sees("a", MemberState::Left).await;
    let refused = act("leave", json!({})).await;
    assert_eq!(code(refused), Code::FailedPrecondition);
    // The server is still there for whoever calls it.
    assert_eq!(snapshot(&alice).await.get("cluster"), None);
}

#[tokio::test]
async fn members_and_workers_are_shown_as_this_node_sees_them() {
    let (cluster, nodes) = Cluster::formed(&["a", "b"]).await;
    let [a, b] = &nodes[..] else { panic!() };
    b.membership.set_tag("role", "worker").await.unwrap();
    let registry = WorkerRegistry::new(a.membership.clone(), LoadBalancingStrategy::RoundRobin);
    registry.start().await;
    soon(
        "a worker",
        registry.wait_until(|workers| workers.len() == 1),
    )
    .await;
    a.server.enable_admin(access()).await;
    let client = connected(&cluster, a, "bob").await;
    let held = registry.select_worker(None).await.unwrap();
    let watched = async {
        loop {
            let seen = snapshot(&client).await;
            // Heartbeats take a moment to say anything.
            if seen["cluster"]["members"]["shown"][1]["phi"].is_number() {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    };
    let seen = soon("phi", watched).await;
    let cluster = &seen["cluster"];
    assert_eq!(cluster["node"], "a");
    assert_eq!(cluster["quorum"]["reachable"], 2);
    let [first, second] = &cluster["members"]["shown"].as_array().unwrap()[..] else {
        panic!("{seen}");
    };
    assert_eq!(
        (&first["name"], &first["self"]),
        (&json!("a"), &json!(true))
    );
    assert_eq!(second["tags"], json!({"role": "worker"}));
    assert_eq!(
        (&second["state"], &second["reachable"]),
        (&json!("alive"), &json!(true))
    );
    let worker = &cluster["workers"]["shown"][0];
    assert_eq!(
        (&worker["name"], &worker["in_flight"]),
        (&json!("b"), &json!(1))
    );
    drop(held);
    registry.stop().await;
    drop(registry);
    let seen = snapshot(&client).await;
    assert_eq!(seen["cluster"]["workers"]["total"], 0);
}

#[tokio::test]
async fn of_many_calls_those_that_ran_for_longest_are_shown() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    static OPEN: Semaphore = Semaphore::const_new(0);
    let stuck = |_| async {
        let _ = OPEN.acquire().await;
        Ok(Vec::new())
    };
    node.server.register("stuck", stuck).await;
    node.server.enable_admin(access()).await;
    let client = connected(&cluster, &node, "bob").await;
    let calls: Vec<_> = (0..300)
        .map(|_| tokio::spawn(client.call("stuck", Vec::new())))
        .collect();
    eventually("they run", || node.server.running_calls() == 300).await;
    let seen = snapshot(&client).await;
    let shown = seen["calls"]["shown"].as_array().unwrap();
    assert_eq!(shown.len(), 256);
    let (total, left_out) = (&seen["calls"]["total"], &seen["calls"]["left_out"]);
    assert_eq!(total.as_u64().unwrap(), 256 + left_out.as_u64().unwrap());
    let ages: Vec<u64> = shown
        .iter()
        .filter_map(|call| call["age_ms"].as_u64())
        .collect();
    assert!(ages.is_sorted_by(|a, b| a >= b), "{ages:?}");
    OPEN.close();
    for call in calls {
        soon("a call", call).await.unwrap().unwrap();
    }
}
