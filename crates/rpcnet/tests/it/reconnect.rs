//! A connection that is lost is replaced by the next call, and losses are named.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rpcnet::{
    CallOptions, ConnectionErrorKind, HandlerRan, RpcClient, RpcConfig, RpcError, RpcServer,
};
use rpcnet_proto::wire::{self, Settings};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::bare::BareServer;
use crate::pair::{Certs, HANG, Running, echo, eventually, soon};
use crate::probe::Probe;

#[track_caller]
fn check_kind(error: &RpcError, expected: ConnectionErrorKind) {
    match error {
        RpcError::ConnectionError(lost) if lost.kind() == expected => {}
        other => panic!("expected {expected:?}, not {other:?}"),
    }
}

/// `echo`, and `wait`, which replies when it is released.
async fn register(server: RpcServer, probe: Probe, release: Arc<Semaphore>) {
    echo(server.clone()).await;
    server
        .register("wait", move |payload| {
            let (stay, release) = (probe.enter(), release.clone());
            async move {
                release.acquire().await.unwrap().forget();
                stay.finish();
                Ok(payload)
            }
        })
        .await;
}

/// A server in a runtime of its own, which can vanish without a word.
struct Mortal {
    addr: SocketAddr,
    runtime: Runtime,
}

impl Mortal {
    async fn start(config: RpcConfig, probe: Probe, release: Arc<Semaphore>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (bound, address) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let mut server = RpcServer::new(config);
            register(server.clone(), probe, release).await;
            // The predecessor's port is free a moment after it has died.
            let mut quic = None;
            eventually("the port is free", || {
                quic = server.bind().ok();
                quic.is_some()
            })
            .await;
            bound.send(server.socket_addr.unwrap()).unwrap();
            server.start(quic.unwrap()).await
        });
        let addr = soon("the server", address).await.unwrap();
        Self { addr, runtime }
    }

    /// Ends the server as a crash does: nothing more is sent.
    fn crash(self) {
        self.runtime.shutdown_background();
    }
}

#[tokio::test]
async fn a_server_that_was_restarted_in_good_order_serves_the_next_call() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    let mut addr = running.addr;
    let mut certs = {
        assert_eq!(client.call("echo", vec![0]).await.unwrap(), [0]);
        running.cut().await
    };
    for n in 1..4u8 {
        let config = certs.server_at(addr);
        eventually("the port is free", || {
            std::net::UdpSocket::bind(addr).is_ok()
        })
        .await;
        let running = Running::from_config(certs, config, echo).await;
        addr = running.addr;
        assert_eq!(
            soon("the call", client.call("echo", vec![n]))
                .await
                .unwrap(),
            [n]
        );
        certs = running.cut().await;
    }
}

#[tokio::test]
async fn a_crashed_and_restarted_server_is_noticed_at_once() {
    let certs = Certs::new();
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let first = Mortal::start(certs.server(), probe.clone(), release.clone()).await;
    let addr = first.addr;
    let client = RpcClient::connect(addr, certs.client()).await.unwrap();
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
    first.crash();
    let second = Mortal::start(certs.server_at(addr), probe, release).await;
    // The client cannot know yet; what it hears is that the connection is unknown.
    let error = soon("the lost call", client.call("echo", vec![2; 100]))
        .await
        .unwrap_err();
    check_kind(&error, ConnectionErrorKind::PeerRestarted);
    assert_eq!(error.handler_ran(), HandlerRan::Maybe);
    assert_eq!(
        soon("the next call", client.call("echo", vec![3]))
            .await
            .unwrap(),
        [3]
    );
    second.crash();
}

#[tokio::test]
async fn an_idempotent_call_survives_a_crash_and_restart() {
    let certs = Certs::new();
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let first = Mortal::start(certs.server(), probe.clone(), release.clone()).await;
    let addr = first.addr;
    let client = RpcClient::connect(addr, certs.client()).await.unwrap();
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
    first.crash();
    let second = Mortal::start(certs.server_at(addr), probe, release).await;
    let options = CallOptions::new().idempotent();
    let reply = soon("the call", client.call_with("echo", vec![2; 100], options)).await;
    assert_eq!(reply.unwrap(), [2; 100]);
    second.crash();
}

/// Cuts the server under a call that waits in its handler, and starts another one.
async fn call_over_a_restart(options: CallOptions) -> (Result<Vec<u8>, RpcError>, Probe) {
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let first = Running::new(|server| register(server, probe.clone(), release.clone())).await;
    let addr = first.addr;
    let client = first.client().await;
    let call = tokio::spawn(client.call_with("wait", vec![1], options));
    probe.started(1).await;
    let certs = first.cut().await;
    release.add_permits(1);
    eventually("the port is free", || {
        std::net::UdpSocket::bind(addr).is_ok()
    })
    .await;
    let config = certs.server_at(addr);
    let _second = Running::from_config(certs, config, |server| {
        register(server, probe.clone(), release)
    })
    .await;
    (soon("the call", call).await.unwrap(), probe)
}

#[tokio::test]
async fn an_idempotent_call_is_sent_again_when_its_connection_is_lost() {
    let (outcome, probe) = call_over_a_restart(CallOptions::new().idempotent()).await;
    assert_eq!(outcome.unwrap(), [1]);
    let seen = probe.seen();
    assert_eq!((seen.started, seen.dropped, seen.finished), (2, 1, 1));
}

#[tokio::test]
async fn any_other_call_is_not_sent_again_once_it_may_have_run() {
    let (outcome, probe) = call_over_a_restart(CallOptions::new()).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.handler_ran(), HandlerRan::Maybe, "{error:?}");
    assert_eq!(probe.seen().started, 1);
}

/// The settings of a server that allows any number of calls.
fn generous() -> Settings {
    Settings {
        concurrent_calls_max: 1000,
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_hundred_calls_at_once_make_one_connection() {
    let certs = Certs::new();
    let server = BareServer::start(&certs, wire::ALPN, generous(), HANG);
    // A slow handshake must not count as a reason for another attempt.
    let config = certs
        .client()
        .with_reconnect_backoff(HANG, HANG)
        .with_connect_timeout(HANG);
    let client = RpcClient::new(server.address, config).unwrap();
    for round in 1..=3 {
        let calls = (0..100u8).map(|n| client.call("echo", vec![n]));
        let replies = soon("the calls", futures::future::join_all(calls)).await;
        for (n, reply) in replies.into_iter().enumerate() {
            assert_eq!(reply.unwrap(), [n as u8]);
        }
        assert_eq!(
            server.probe.seen().started,
            round,
            "connections after round {round}"
        );
        assert_eq!(server.probe.seen().items, 100 * round);
        server.close_connections();
        server.probe.dropped(round).await;
        // The client has the close as soon as a call on the old connection would fail.
        eventually("the client notices", || client.local_addr().is_none()).await;
    }
}

#[tokio::test]
async fn connecting_to_nobody_fails_after_the_connect_timeout() {
    let certs = Certs::new();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = certs
        .client()
        .with_connect_timeout(Duration::from_millis(200));
    let addr = nobody.local_addr().unwrap();
    let connected = soon("connect", RpcClient::connect(addr, config.clone())).await;
    let error = connected.unwrap_err();
    check_kind(&error, ConnectionErrorKind::NoAnswer);
    assert_eq!(error.handler_ran(), HandlerRan::No);
    assert!(error.is_retryable());
    let client = RpcClient::new(addr, config).unwrap();
    let error = soon("a call", client.call("m", vec![])).await.unwrap_err();
    check_kind(&error, ConnectionErrorKind::NoAnswer);
    assert!(
        error.to_string().contains("nothing listens there"),
        "{error}"
    );
    let streaming = client.call_server_streaming("m", vec![]);
    let error = soon("a streaming call", streaming).await.unwrap_err();
    check_kind(&error, ConnectionErrorKind::NoAnswer);
}

#[tokio::test]
async fn a_call_that_waits_for_ready_outlasts_the_connect_timeout() {
    let certs = Certs::new();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = nobody.local_addr().unwrap();
    let config = certs
        .client()
        .with_connect_timeout(Duration::from_millis(100));
    let client = RpcClient::new(addr, config).unwrap();
    let ready = CallOptions::new().wait_for_ready();
    let unary = tokio::spawn(client.call_with("echo", vec![1], ready.clone()));
    let streaming = client.call_server_streaming_with("echo_stream", vec![2], ready);
    let streaming = tokio::spawn(streaming);
    // One that does not wait shows that the connect timeout has passed for the others.
    let error = soon("a call", client.call("echo", vec![]))
        .await
        .unwrap_err();
    check_kind(&error, ConnectionErrorKind::NoAnswer);
    assert!(!unary.is_finished() && !streaming.is_finished());
    drop(nobody);
    let config = certs.server_at(addr);
    let _running = Running::from_config(certs, config, echo).await;
    assert_eq!(soon("the unary call", unary).await.unwrap().unwrap(), [1]);
    soon("the streaming call", streaming)
        .await
        .unwrap()
        .map(drop)
        .unwrap();
}

#[tokio::test]
async fn a_closed_client_ends_its_calls_and_makes_no_more() {
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let running = Running::new(|server| register(server, probe.clone(), release)).await;
    let client = running.client().await;
    let clone = client.clone();
    let call = tokio::spawn(client.call("wait", vec![]));
    let responses = client
        .call_streaming("echo_stream", futures::stream::pending())
        .await
        .unwrap();
    probe.started(1).await;
    clone.close();
    let ended = soon("the call", call).await.unwrap().unwrap_err();
    check_kind(&ended, ConnectionErrorKind::ClientClosed);
    assert_eq!(ended.handler_ran(), HandlerRan::Maybe);
    probe.dropped(1).await;
    let items: Vec<_> = soon("the stream", futures::StreamExt::collect(responses)).await;
    assert!(
        items.last().is_some_and(Result::is_err),
        "cut off, not complete: {items:?}"
    );
    eventually("every call ends", || running.server.running_calls() == 0).await;
    for closed in [&client, &clone] {
        let error = soon("a later call", closed.call("echo", vec![]))
            .await
            .unwrap_err();
        check_kind(&error, ConnectionErrorKind::ClientClosed);
        assert_eq!(error.handler_ran(), HandlerRan::No);
    }
}

#[tokio::test]
async fn a_call_under_way_outlives_the_last_clone_of_its_client() {
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let running = Running::new(|server| register(server, probe.clone(), release.clone())).await;
    let client = running.client().await;
    let call = tokio::spawn(client.call("wait", vec![7]));
    probe.started(1).await;
    drop(client);
    release.add_permits(1);
    assert_eq!(soon("the call", call).await.unwrap().unwrap(), [7]);
}

#[tokio::test]
async fn a_stream_under_way_outlives_the_last_clone_of_its_client() {
    let running = Running::new(|server| async move {
        server
            .register_streaming("echo", |requests| async move { requests.map(Ok) })
            .await;
    })
    .await;
    let client = running.client().await;
    let (sender, requests) = futures::channel::mpsc::channel(1);
    let mut sender = sender;
    let mut responses = client.call_streaming("echo", requests).await.unwrap();
    drop(client);
    for number in 0..3 {
        soon("sending", sender.send(vec![number])).await.unwrap();
        let answer = soon("the answer", responses.next()).await;
        assert_eq!(answer.unwrap().unwrap(), [number]);
    }
    drop(sender);
    assert!(soon("the end", responses.next()).await.is_none());
}

#[tokio::test]
async fn a_full_server_refuses_further_connections_and_takes_them_once_there_is_room() {
    let running = Running::with(
        |config| {
            let mut limits = config.limits().clone();
            limits.connections_max = 1;
            config.with_limits(limits)
        },
        echo,
    )
    .await;
    let first = running.client().await;
    assert_eq!(first.call("echo", vec![1]).await.unwrap(), [1]);
    let config = running
        .certs
        .client()
        .with_connect_timeout(Duration::from_millis(300));
    let refused = soon("connect", RpcClient::connect(running.addr, config))
        .await
        .unwrap_err();
    check_kind(&refused, ConnectionErrorKind::Refused);
    assert_eq!(refused.handler_ran(), HandlerRan::No);
    assert_eq!(
        first.call("echo", vec![2]).await.unwrap(),
        [2],
        "the first one is served on"
    );
    first.close();
    drop(first);
    let patient = running.certs.client().with_connect_timeout(HANG);
    let second = soon("connect", RpcClient::connect(running.addr, patient))
        .await
        .unwrap();
    assert_eq!(second.call("echo", vec![3]).await.unwrap(), [3]);
}
