//! Calls that are not let in are counted by why, and so are those that a handler turns away.

use std::time::Duration;

use rpcnet::{CallOptions, Code, RpcError};
use rpcnet_proto::CallKind;
use rpcnet_proto::wire::Header;

use crate::bare::{self, BareClient};
use crate::pair::{HANG, Running, echo, eventually};
use crate::probe::Probe;

async fn deny(running: &Running) {
    let deny = |_| async { Err(RpcError::status(Code::PermissionDenied, "not you")) };
    running.server.register("deny", deny).await;
}

#[tokio::test]
async fn each_refusal_has_its_reason_and_its_code() {
    let probe = Probe::new();
    let entered = probe.clone();
    let limited = |config: rpcnet::RpcConfig| config.with_max_calls(1, 8);
    let running = Running::with(limited, |server| async move {
        echo(server.clone()).await;
        let wait = move |_| {
            let stay = entered.enter();
            async move {
                std::future::pending::<()>().await;
                stay.finish();
                Ok(Vec::new())
            }
        };
        server.register("wait", wait).await;
    })
    .await;
    deny(&running).await;
    let client = running.client().await;
    let unknown = client.call("none", vec![]).await.unwrap_err();
    assert!(matches!(unknown, RpcError::UnknownMethod(_)));
    client.call("echo_stream", vec![]).await.unwrap_err();
    client.call("deny", vec![]).await.unwrap_err();

    // A client of its own making ignores the limits that it is told of.
    let mut bare = BareClient::ready(running.addr, &running.certs.path("ca.pem")).await;
    let held = bare.open(&bare::header(1, "wait", HANG)).await;
    let mut held = held;
    held.send(bare::message_and_end(b"")).await.unwrap();
    probe.started(1).await;
    for (id, method, timeout) in [(2, "echo", HANG), (3, "echo", Duration::ZERO)] {
        let mut call = bare.open(&bare::header(id, method, timeout)).await;
        call.send(bare::message_and_end(b"")).await.unwrap();
    }
    let read = || running.server.metrics();
    let are_counted = || read().refusals.total() >= 5;
    eventually("all refusals are counted", are_counted).await;
    let refusals = read().refusals;
    assert_eq!(refusals.unknown_method, 1, "{refusals:?}");
    assert_eq!(refusals.mismatch, 1, "{refusals:?}");
    assert_eq!(refusals.permission, 1, "{refusals:?}");
    assert_eq!(refusals.connection_limit, 1, "{refusals:?}");
    assert_eq!(refusals.deadline_passed, 1, "{refusals:?}");
    let metrics = read();
    let echo = metrics.method("echo").expect("it was called");
    assert_eq!(echo.failed_with(Code::ResourceExhausted), 1);
    assert_eq!(echo.failed_with(Code::DeadlineExceeded), 1);
    assert_eq!(echo.duration.count(), 0, "what was refused took no time");
    let unknown = metrics.method(rpcnet::metrics::UNKNOWN_METHOD);
    assert_eq!(
        unknown.map(|it| it.failed_with(Code::Unimplemented)),
        Some(1)
    );
    drop(held);
}

#[tokio::test]
async fn what_cannot_be_read_counts_as_unknown() {
    let config = |config: rpcnet::RpcConfig| config.with_max_header_bytes(200);
    let running = Running::with(config, echo).await;
    let mut bare = BareClient::ready(running.addr, &running.certs.path("ca.pem")).await;
    let mut metadata = rpcnet::Metadata::new();
    metadata.insert("long", "x".repeat(400)).unwrap();
    let long = Header {
        metadata,
        kind: CallKind::Unary,
        ..bare::header(1, "echo", HANG)
    };
    let _call = bare.open(&long).await;
    let too_large = || running.server.metrics().refusals.too_large == 1;
    eventually("it is counted", too_large).await;
    let metrics = running.server.metrics();
    let unknown = metrics.method(rpcnet::metrics::UNKNOWN_METHOD).unwrap();
    assert_eq!(unknown.failed_with(Code::ResourceExhausted), 1);
}

#[tokio::test]
async fn a_server_that_drains_counts_whom_it_refuses() {
    let running = Running::new(echo).await;
    let mut bare = BareClient::ready(running.addr, &running.certs.path("ca.pem")).await;
    let server = running.server.clone();
    let shutdown = tokio::spawn(async move { server.shutdown(Duration::from_secs(5)).await });
    bare.control.next().await;
    let mut call = bare.open(&bare::header(1, "echo", HANG)).await;
    call.send(bare::message_and_end(b"")).await.unwrap();
    let is_counted = || running.server.metrics().refusals.draining == 1;
    eventually("it is counted", is_counted).await;
    let metrics = running.server.metrics();
    let echo = metrics.method("echo").expect("it was called");
    assert_eq!(echo.failed_with(Code::Unavailable), 1);
    drop((call, bare));
    shutdown.await.unwrap();
}

#[tokio::test]
async fn options_that_no_call_needs_change_no_count() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    let options = CallOptions::new().idempotent().wait_for_ready();
    client.call_with("echo", vec![1], options).await.unwrap();
    let metrics = client.metrics();
    let echo = metrics.method("echo").expect("it was called");
    assert_eq!((echo.started, echo.ok, metrics.retries), (1, 1, 0));
}
