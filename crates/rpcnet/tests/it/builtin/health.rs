//! Probes are told how a server is, and that it drains before it refuses them.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use rpcnet::builtin::{Access, Health, HealthStatus};
use rpcnet::cluster::ClusterConfig;
use rpcnet::{CallOptions, Code, HandlerRan, ResponseStream, RpcClient, RpcError};

use crate::cluster::nodes::Cluster;
use crate::pair::{HANG, Running, echo, soon};
use crate::probe::Probe;
use crate::services::lab::{Bench, LabServer};

const CHECK: &str = "rpcnet.health/check";
const WATCH: &str = "rpcnet.health/watch";

/// A server with health, open to all.
async fn served() -> (Running, Health) {
    let running = Running::new(echo).await;
    let health = running.server.enable_health(Access::anyone()).await;
    (running, health)
}

fn about(service: &str) -> Vec<u8> {
    format!("{{\"service\": \"{service}\"}}").into_bytes()
}

async fn check(client: &RpcClient, question: &[u8]) -> Result<String, RpcError> {
    let answer = soon("a check", client.call(CHECK, question.to_vec())).await?;
    Ok(String::from_utf8(answer).unwrap())
}

async fn watch(client: &RpcClient, question: &[u8]) -> ResponseStream {
    let watched = client.call_server_streaming(WATCH, question.to_vec());
    soon("a watch", watched).await.unwrap()
}

async fn told(watch: &mut ResponseStream) -> Option<String> {
    let told = soon("the next status", watch.next()).await?;
    Some(String::from_utf8(told.unwrap()).unwrap())
}

fn code(refused: RpcError) -> Code {
    match refused {
        RpcError::Status(status) => status.code,
        other => panic!("{other:?}"),
    }
}

const SERVING: &str = r#"{"status":"SERVING"}"#;
const NOT_SERVING: &str = r#"{"status":"NOT_SERVING"}"#;
const DRAINING: &str = r#"{"status":"DRAINING"}"#;

#[tokio::test]
async fn a_probe_is_told_what_the_application_said() {
    let (running, health) = served().await;
    let client = running.client().await;
    for question in [&b""[..], b"{}", br#"{"service": ""}"#] {
        assert_eq!(check(&client, question).await.unwrap(), SERVING);
    }
    health.set("", HealthStatus::NotServing).unwrap();
    assert_eq!(check(&client, b"").await.unwrap(), NOT_SERVING);
    health.set("Shop", HealthStatus::Serving).unwrap();
    assert_eq!(check(&client, &about("Shop")).await.unwrap(), SERVING);
    assert_eq!(health.status("Shop"), Some(HealthStatus::Serving));
}

#[tokio::test]
async fn a_service_that_was_added_is_known_by_its_name() {
    let (running, health) = served().await;
    let client = running.client().await;
    let unknown = check(&client, &about("Lab")).await.unwrap_err();
    assert_eq!(code(unknown), Code::NotFound);
    running
        .server
        .add_service(LabServer::service(Bench::new(&Probe::new())));
    assert_eq!(check(&client, &about("Lab")).await.unwrap(), SERVING);
    health.set("Lab", HealthStatus::NotServing).unwrap();
    assert_eq!(check(&client, &about("Lab")).await.unwrap(), NOT_SERVING);
    assert_eq!(check(&client, b"").await.unwrap(), SERVING);
}

#[tokio::test]
async fn a_question_that_is_none_is_refused_with_an_example() {
    let (running, _health) = served().await;
    let client = running.client().await;
    for question in ["Shop", "[3]", r#"{"service": 3}"#] {
        let refused = check(&client, question.as_bytes()).await.unwrap_err();
        assert!(refused.to_string().contains(r#"{"service": "Name"}"#));
        assert_eq!(code(refused), Code::InvalidArgument);
        let mut watch = watch(&client, question.as_bytes()).await;
        let refused = soon("a refusal", watch.next()).await.unwrap();
        assert_eq!(code(refused.unwrap_err()), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn who_watches_is_told_of_changes_and_of_nothing_else() {
    let (running, health) = served().await;
    let client = running.client().await;
    let mut watch = watch(&client, b"").await;
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
    health.set("Shop", HealthStatus::NotServing).unwrap();
    health.set("", HealthStatus::Serving).unwrap();
    health.set("", HealthStatus::NotServing).unwrap();
    assert_eq!(told(&mut watch).await.unwrap(), NOT_SERVING);
    health.set("", HealthStatus::Serving).unwrap();
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
}

#[tokio::test]
async fn a_watch_of_an_unknown_service_ends_with_that() {
    let (running, _health) = served().await;
    let client = running.client().await;
    let mut watch = watch(&client, &about("Shop")).await;
    let refused = soon("a refusal", watch.next()).await.unwrap();
    assert_eq!(code(refused.unwrap_err()), Code::NotFound);
    assert!(soon("the end", watch.next()).await.is_none());
}

#[tokio::test]
async fn a_slow_watcher_is_told_the_latest_and_costs_no_queue() {
    let (running, health) = served().await;
    let client = running.client().await;
    let mut watch = watch(&client, b"").await;
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
    // Nobody reads, and the server's task has no turn: on this thread nothing else runs.
    for _ in 0..100_000 {
        health.set("", HealthStatus::NotServing).unwrap();
        health.set("", HealthStatus::Serving).unwrap();
    }
    health.set("", HealthStatus::NotServing).unwrap();
    assert_eq!(told(&mut watch).await.unwrap(), NOT_SERVING);
    health.set("", HealthStatus::Serving).unwrap();
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
}

#[tokio::test]
async fn a_watcher_is_told_of_the_shutdown_and_does_not_hold_it_up() {
    let (running, _health) = served().await;
    let client = running.client().await;
    let mut watch = watch(&client, b"").await;
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
    let report = soon("the shutdown", running.server.shutdown(HANG)).await;
    assert!(report.is_clean(), "{report:?}");
    assert!(report.took < HANG / 2, "{report:?}");
    assert_eq!(told(&mut watch).await.unwrap(), DRAINING);
    assert_eq!(told(&mut watch).await, None);
}

#[tokio::test]
async fn a_probe_is_refused_as_unavailable_once_calls_are() {
    let (running, health) = served().await;
    let client = running.client().await;
    let release = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let (probe, held) = (Probe::new(), release.clone());
    let entered = probe.clone();
    running
        .server
        .register("wait", move |payload| {
            let (stay, held) = (entered.enter(), held.clone());
            async move {
                held.acquire().await.unwrap().forget();
                stay.finish();
                Ok(payload)
            }
        })
        .await;
    let call = tokio::spawn(client.call("wait", vec![]));
    probe.started(1).await;
    let server = running.server.clone();
    let shutdown = tokio::spawn(async move { server.shutdown(HANG).await });
    crate::pair::eventually("the drain", || {
        health.status("") == Some(HealthStatus::Draining)
    })
    .await;
    let refused = client.call_with(CHECK, vec![], CallOptions::new());
    let refused = soon("a refusal", refused).await.unwrap_err();
    assert!(
        matches!(
            refused,
            RpcError::Unavailable(_) | RpcError::ConnectionError(_)
        ),
        "{refused:?}"
    );
    assert_eq!(refused.handler_ran(), HandlerRan::No);
    release.add_permits(1);
    soon("the call", call).await.unwrap().unwrap();
    assert!(soon("the shutdown", shutdown).await.unwrap().is_clean());
}

#[tokio::test]
async fn while_the_cluster_is_told_probes_are_told_too() {
    let cluster = Cluster::new();
    let config = ClusterConfig::local().with_drain_notice(Duration::from_secs(10));
    let node = cluster.start_with(cluster.rpc("a"), config).await;
    let health = node.server.enable_health(Access::verified()).await;
    let client = RpcClient::connect(node.addr, cluster.client("probe"))
        .await
        .unwrap();
    let mut watch = watch(&client, b"").await;
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
    node.membership.set_draining(true).await.unwrap();
    assert_eq!(told(&mut watch).await.unwrap(), DRAINING);
    assert_eq!(check(&client, b"").await.unwrap(), DRAINING);
    node.membership.set_draining(false).await.unwrap();
    assert_eq!(told(&mut watch).await.unwrap(), SERVING);
    // A quarter of this is what the notice takes: calls are served meanwhile.
    let server = node.server.clone();
    let shutdown = tokio::spawn(async move { server.shutdown(Duration::from_secs(8)).await });
    assert_eq!(told(&mut watch).await.unwrap(), DRAINING);
    assert_eq!(check(&client, b"").await.unwrap(), DRAINING);
    assert_eq!(
        told(&mut watch).await,
        None,
        "it ends when calls are refused"
    );
    assert!(soon("the shutdown", shutdown).await.unwrap().is_clean());
    assert_eq!(health.status(""), Some(HealthStatus::Draining));
}

#[tokio::test]
async fn only_those_who_may_ask_are_told() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    node.server.enable_health(Access::names(["probe-*"])).await;
    let named = |name: &'static str| RpcClient::connect(node.addr, cluster.client(name));
    let probe = named("probe-1").await.unwrap();
    assert_eq!(check(&probe, b"").await.unwrap(), SERVING);
    let anonymous = RpcClient::connect(node.addr, cluster.anonymous());
    for (client, expected) in [
        (named("alice").await.unwrap(), Code::PermissionDenied),
        (anonymous.await.unwrap(), Code::Unauthenticated),
    ] {
        assert_eq!(code(check(&client, b"").await.unwrap_err()), expected);
        let mut watch = watch(&client, b"").await;
        let refused = soon("a refusal", watch.next()).await.unwrap();
        assert_eq!(code(refused.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn any_codec_will_do_since_the_answer_is_json() {
    let (running, _health) = served().await;
    let client = running.client().await;
    for codec in [rpcnet::CodecId::RAW, rpcnet::CodecId::JSON] {
        let options = CallOptions::new().with_codec(codec);
        let answer = client.call_bytes(CHECK, Bytes::new(), options);
        assert_eq!(&answer.await.unwrap()[..], SERVING.as_bytes());
    }
}
