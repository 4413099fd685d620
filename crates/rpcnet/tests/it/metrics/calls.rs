//! Each call counts once on each side, however it travels and however it ends.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future, stream};
use rpcnet::metrics::MethodMetrics;
use rpcnet::{CallOptions, Code, RpcClient, RpcError};
use tokio::sync::Semaphore;

use crate::pair::{Running, echo, eventually, soon};
use crate::probe::Probe;

/// A server with methods that end in all ways, and a client of it.
struct Scene {
    running: Running,
    client: RpcClient,
    probe: Probe,
    release: Arc<Semaphore>,
}

impl Scene {
    async fn new() -> Self {
        let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
        let (entered, released) = (probe.clone(), release.clone());
        let running = Running::new(|server| async move {
            echo(server.clone()).await;
            let fail = |_| async { Err(RpcError::status(Code::NotFound, "nothing there")) };
            server.register("fail", fail).await;
            let wait = move |payload| {
                let (stay, released) = (entered.enter(), released.clone());
                async move {
                    released.acquire().await.unwrap().forget();
                    stay.finish();
                    Ok(payload)
                }
            };
            server.register("wait", wait).await;
        })
        .await;
        let client = running.client().await;
        Self {
            running,
            client,
            probe,
            release,
        }
    }

    /// What both sides counted, once nothing is in flight any more.
    async fn settled(&self, method: &str) -> [MethodMetrics; 2] {
        let read = || {
            let server = self.running.server.metrics().method(method).cloned()?;
            let client = self.client.metrics().method(method).cloned()?;
            Some([server, client])
        };
        let is_settled = || {
            let both = read();
            both.is_some_and(|both| both.iter().all(|it| it.in_flight == 0))
        };
        eventually("all calls are counted", is_settled).await;
        read().expect("it was there")
    }
}

#[tokio::test]
async fn calls_alone_and_in_company_count_once_on_both_sides_with_their_bytes() {
    let scene = Scene::new().await;
    // More than the quick handler needs to prove itself, so that batches run it in place too.
    for _ in 0..3 {
        let calls = (0..100).map(|_| scene.client.call("echo", vec![7; 10]));
        future::try_join_all(calls).await.unwrap();
    }
    for _ in 0..5 {
        let payload = Bytes::from(vec![7; 100_000]);
        let options = CallOptions::new();
        let call = scene.client.call_bytes("echo", payload, options);
        call.await.unwrap();
    }
    for side in scene.settled("echo").await {
        assert_eq!((side.started, side.ok, side.failed), (305, 305, 0));
        assert_eq!(side.duration.count(), 305);
        assert!(side.duration.sum() > std::time::Duration::ZERO);
        assert_eq!(side.request_bytes, 300 * 10 + 5 * 100_000);
        assert_eq!(side.response_bytes, side.request_bytes);
    }
}

#[tokio::test]
async fn a_failure_counts_with_its_code_on_both_sides() {
    let scene = Scene::new().await;
    for in_company in [1, 50, 80] {
        let calls = (0..in_company).map(|_| scene.client.call("fail", vec![1]));
        assert!(future::join_all(calls).await.iter().all(Result::is_err));
    }
    for side in scene.settled("fail").await {
        assert_eq!((side.started, side.ok, side.failed), (131, 0, 131));
        assert_eq!(side.failed_with(Code::NotFound), 131, "{side:?}");
        assert_eq!((side.request_bytes, side.response_bytes), (131, 0));
    }
}

#[tokio::test]
async fn a_dropped_call_counts_as_cancelled_on_both_sides() {
    let scene = Scene::new().await;
    let calls = (0..20).map(|_| tokio::spawn(scene.client.call("wait", vec![])));
    let calls: Vec<_> = calls.collect();
    scene.probe.started(20).await;
    for metrics in [
        scene.running.server.metrics().method("wait").cloned(),
        scene.client.metrics().method("wait").cloned(),
    ] {
        let waiting = metrics.expect("there are calls");
        assert_eq!((waiting.started, waiting.in_flight), (20, 20));
    }
    scene.release.add_permits(8);
    soon("some calls", scene.probe.until(|seen| seen.finished == 8)).await;
    for call in &calls {
        call.abort();
    }
    let ended = future::join_all(calls).await;
    let replied = ended.iter().filter(|it| it.is_ok()).count() as u64;
    let [server, client] = scene.settled("wait").await;
    assert_eq!((server.ok, server.failed_with(Code::Cancelled)), (8, 12));
    assert_eq!(client.ok, replied, "those whose reply was there in time");
    assert_eq!(client.failed_with(Code::Cancelled), 20 - replied);
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_counts_so_on_both_sides() {
    let scene = Scene::new().await;
    let options = CallOptions::new().with_timeout(std::time::Duration::from_millis(50));
    let call = scene.client.call_with("wait", vec![], options);
    assert!(matches!(call.await, Err(RpcError::Timeout)));
    let [server, client] = scene.settled("wait").await;
    assert_eq!(client.failed_with(Code::DeadlineExceeded), 1);
    // Whichever came first: the deadline there, or the CANCEL that told of it.
    let ended = server.failed_with(Code::DeadlineExceeded) + server.failed_with(Code::Cancelled);
    assert_eq!(ended, 1, "{server:?}");
    let took = client.duration.quantile(1.0).expect("there is one");
    assert!(took >= std::time::Duration::from_millis(40), "{took:?}");
}

#[tokio::test]
async fn a_stream_counts_once_with_the_bytes_of_all_its_messages() {
    let scene = Scene::new().await;
    let requests = stream::iter((0..50).map(|_| vec![7; 20]));
    let responses = scene.client.call_streaming("echo_stream", requests).await;
    let echoed: Vec<_> = responses.unwrap().try_collect().await.unwrap();
    assert_eq!(echoed.len(), 50);
    let once = scene
        .client
        .call_server_streaming("echo_stream", vec![7; 100_000]);
    let once: Vec<_> = once.await.unwrap().try_collect().await.unwrap();
    assert_eq!(once.len(), 1);
    let one = stream::iter([vec![7; 30]]);
    let reply = scene.client.call_client_streaming("echo_stream", one).await;
    assert_eq!(reply.unwrap().len(), 30);
    for side in scene.settled("echo_stream").await {
        assert_eq!((side.started, side.ok), (3, 3), "{side:?}");
        assert_eq!(side.request_bytes, 50 * 20 + 100_000 + 30);
        assert_eq!(side.response_bytes, side.request_bytes);
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_counts_as_cancelled_on_both_sides() {
    let scene = Scene::new().await;
    let requests = stream::iter([vec![1]]).chain(stream::pending());
    let responses = scene.client.call_streaming("echo_stream", requests).await;
    let mut responses = responses.unwrap();
    assert_eq!(responses.next().await.unwrap().unwrap(), vec![1]);
    drop(responses);
    for side in scene.settled("echo_stream").await {
        assert_eq!(side.failed_with(Code::Cancelled), 1, "{side:?}");
        assert_eq!((side.request_bytes, side.response_bytes), (1, 1));
    }
}

#[tokio::test]
async fn a_call_that_a_lost_connection_ends_counts_on_both_sides() {
    let scene = Scene::new().await;
    let call = tokio::spawn(scene.client.call("wait", vec![]));
    scene.probe.started(1).await;
    let server = scene.running.server.clone();
    let certs = scene.running.cut().await;
    assert!(soon("the call", call).await.unwrap().is_err());
    let lost = || {
        let metrics = server.metrics();
        metrics.method("wait").is_some_and(|it| it.in_flight == 0)
    };
    eventually("the server counts it", lost).await;
    let metrics = server.metrics();
    let wait = metrics.method("wait").expect("it was called");
    assert_eq!(wait.failed_with(Code::Cancelled), 1, "{wait:?}");
    let metrics = scene.client.metrics();
    let wait = metrics.method("wait").expect("it was called");
    assert_eq!(wait.failed_with(Code::Unavailable), 1, "{wait:?}");
    drop(certs);
}

#[tokio::test]
async fn a_handler_that_is_replaced_is_counted_with_the_one_before() {
    let scene = Scene::new().await;
    scene.client.call("echo", vec![1]).await.unwrap();
    echo(scene.running.server.clone()).await;
    scene.client.call("echo", vec![1]).await.unwrap();
    let [server, _] = scene.settled("echo").await;
    assert_eq!(server.ok, 2);
}

#[tokio::test]
async fn nothing_is_counted_by_method_where_that_is_not_wanted() {
    let running = Running::with(|config| config.with_metrics(false), echo).await;
    let client = running
        .client_with(|config| config.with_metrics(false))
        .await;
    client.call("echo", vec![1]).await.unwrap();
    client.call("none", vec![1]).await.unwrap_err();
    let (server, client) = (running.server.metrics(), client.metrics());
    assert_eq!((server.methods, client.methods), (vec![], vec![]));
    assert_eq!(server.transport, client.transport, "nothing at all");
    assert_eq!(server.connections.accepted, 1, "what is rare is counted");
    assert_eq!(server.refusals.unknown_method, 1);
}

#[tokio::test]
async fn connections_and_what_goes_over_them_are_counted_on_both_sides() {
    let scene = Scene::new().await;
    for _ in 0..20 {
        scene.client.call("echo", vec![7; 1000]).await.unwrap();
    }
    let server = scene.running.server.metrics();
    assert_eq!(
        (server.connections.open, server.connections.accepted),
        (1, 1)
    );
    let client = scene.client.metrics();
    assert_eq!((client.connections.open, client.connections.made), (1, 1));
    for transport in [&server.transport, &client.transport] {
        assert!(transport.bytes_sent > 20_000, "{transport:?}");
        assert!(transport.bytes_received > 20_000, "{transport:?}");
        assert!(transport.datagrams_sent >= 20, "{transport:?}");
        assert!(transport.handshakes_completed >= 1, "{transport:?}");
        let rtt = transport.rtt().expect("there is a connection");
        assert!(rtt < crate::pair::HANG);
        assert!(transport.congestion_window_bytes.min > 1000);
        assert!(transport.loss() <= 1.0);
    }
    let Scene {
        running, client, ..
    } = scene;
    client.close();
    let is_closed = || running.server.metrics().connections.open == 0;
    eventually("the server sees that", is_closed).await;
    assert_eq!(running.server.metrics().connections.accepted, 1);
}

#[tokio::test]
async fn a_call_that_is_made_again_counts_once_and_its_retries_apart() {
    let scene = Scene::new().await;
    let (client, server) = (scene.client.clone(), scene.running.server.clone());
    let blocked = tokio::spawn(client.call("wait", vec![]));
    scene.probe.started(1).await;
    let shutting_down = tokio::spawn(async move { server.shutdown(crate::pair::HANG).await });
    let is_draining = || scene.running.server.metrics().is_draining;
    eventually("the server drains", is_draining).await;
    let error = scene.client.call("echo", vec![1]).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let metrics = scene.client.metrics();
    let echo = metrics.method("echo").expect("it was called");
    assert_eq!((echo.started, echo.failed), (1, 1), "{echo:?}");
    scene.release.add_permits(1);
    blocked.await.unwrap().unwrap();
    soon("the shutdown", shutting_down).await.unwrap();
}
