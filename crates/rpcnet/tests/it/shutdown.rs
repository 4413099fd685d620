//! A server that goes away fails no call that it has accepted, and says so to the rest.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{
    ConnectionErrorKind, HandlerRan, RpcClient, RpcConfig, RpcError, RpcServer, ShutdownReport,
};
use rpcnet_proto::wire::{ControlEvent, ResponseEvent};
use rpcnet_proto::{Code, Origin};
use tokio::sync::Semaphore;

use crate::bare::{self, BareClient};
use crate::pair::{Certs, HANG, Running, echo, eventually, soon};
use crate::probe::Probe;

/// More than any of the calls below takes.
const LONG: Duration = HANG;

/// Shorter than the calls that wait for it to be over.
const SHORT: Duration = Duration::from_millis(300);

/// What a server tells whom it refuses, where nothing else is set.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Fails fast where the server is gone.
fn impatient(config: RpcConfig) -> RpcConfig {
    config.with_connect_timeout(Duration::from_millis(500))
}

struct Scene {
    running: Running,
    probe: Probe,
    release: Arc<Semaphore>,
}

impl Scene {
    /// `wait` replies when it is released, `work` after some turns of the scheduler.
    async fn new() -> Self {
        let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
        let running = Running::new(|server| register(server, probe.clone(), release.clone())).await;
        Self {
            running,
            probe,
            release,
        }
    }

    /// Begins a shutdown and waits until clients are told.
    async fn begin_shutdown(&self, grace: Duration) -> tokio::task::JoinHandle<ShutdownReport> {
        let mut told =
            BareClient::ready(self.running.addr, &self.running.certs.path("ca.pem")).await;
        let server = self.running.server.clone();
        let report = tokio::spawn(async move { server.shutdown(grace).await });
        match told.control.next().await {
            ControlEvent::GoAway(told) => assert_eq!(told.retry_after, RETRY_AFTER),
            other => panic!("{other:?}"),
        }
        report
    }
}

async fn register(server: RpcServer, probe: Probe, release: Arc<Semaphore>) {
    echo(server.clone()).await;
    let of = probe.clone();
    server
        .register("wait", move |payload| {
            let (stay, release) = (of.enter(), release.clone());
            async move {
                release.acquire().await.unwrap().forget();
                stay.finish();
                Ok(payload)
            }
        })
        .await;
    server
        .register("work", move |payload| {
            let stay = probe.enter();
            async move {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                stay.finish();
                Ok(payload)
            }
        })
        .await;
}

async fn port_is_free(address: std::net::SocketAddr) {
    eventually("the port is free", || {
        std::net::UdpSocket::bind(address).is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_under_load_fails_no_accepted_call() {
    let scene = Scene::new().await;
    let mut callers = Vec::new();
    for _ in 0..4 {
        let client = scene.running.client_with(impatient).await;
        for _ in 0..4 {
            let client = client.clone();
            callers.push(tokio::spawn(async move {
                let mut answered = 0;
                loop {
                    match client.call("work", vec![1]).await {
                        Ok(_) => answered += 1,
                        Err(error) => return (answered, error),
                    }
                }
            }));
        }
    }
    scene.probe.until(|seen| seen.finished >= 500).await;
    let report = soon("the shutdown", scene.running.server.shutdown(LONG)).await;
    assert!(report.is_clean(), "{report:?}");
    let mut answered = 0;
    for caller in callers {
        let (count, error) = soon("a caller", caller).await.unwrap();
        answered += count;
        assert_eq!(error.handler_ran(), HandlerRan::No, "{error:?}");
        assert!(error.is_retryable(), "{error:?}");
    }
    let seen = scene.probe.seen();
    assert_eq!(
        (seen.started, seen.finished, seen.dropped),
        (answered, answered, 0)
    );
    soon("start", scene.running.stopped()).await.unwrap();
}

#[tokio::test]
async fn a_draining_server_refuses_new_calls_and_answers_the_running_ones() {
    let scene = Scene::new().await;
    let mut client =
        BareClient::ready(scene.running.addr, &scene.running.certs.path("ca.pem")).await;
    let mut running = client.open(&bare::header(1, "wait", LONG)).await;
    running.send(bare::message_and_end(b"first")).await.unwrap();
    scene.probe.started(1).await;
    let report = scene.begin_shutdown(LONG).await;
    // This client pays no heed to the announcement.
    let mut late = client.open(&bare::header(2, "wait", LONG)).await;
    late.send(bare::message_and_end(b"late")).await.unwrap();
    let (_, refusal) = bare::read_response(&mut late).await;
    let Some(ResponseEvent::Failed(status, origin)) = refusal else {
        panic!("expected a status, not {refusal:?}");
    };
    assert_eq!((status.code, origin), (Code::Unavailable, Origin::Refused));
    assert_eq!(status.retry_after, Some(RETRY_AFTER));
    scene.release.add_permits(1);
    let (replies, end) = bare::read_response(&mut running).await;
    assert_eq!(
        (&replies[0][..], end),
        (&b"first"[..], Some(ResponseEvent::End))
    );
    let report = soon("the shutdown", report).await.unwrap();
    assert_eq!((report.completed, report.cut), (1, 0));
    assert_eq!(scene.probe.seen().started, 1);
}

#[tokio::test]
async fn a_client_of_a_draining_server_keeps_its_calls_and_gets_new_ones_refused() {
    let scene = Scene::new().await;
    let client = scene.running.client_with(impatient).await;
    let running = tokio::spawn(client.call("wait", vec![1]));
    scene.probe.started(1).await;
    let report = scene.begin_shutdown(LONG).await;
    let refused = soon("a new call", client.call("echo", vec![2]))
        .await
        .unwrap_err();
    assert_eq!(refused.handler_ran(), HandlerRan::No);
    assert!(refused.is_retryable(), "{refused:?}");
    scene.release.add_permits(1);
    assert_eq!(
        soon("the running call", running).await.unwrap().unwrap(),
        [1]
    );
    assert!(soon("the shutdown", report).await.unwrap().is_clean());
}

#[tokio::test]
async fn new_calls_go_to_the_successor_on_the_same_port() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
    let report = soon("the shutdown", scene.running.server.shutdown(LONG)).await;
    assert!(report.is_clean());
    let Scene { running, .. } = scene;
    let addr = running.addr;
    let certs = running.stopped().await.unwrap();
    port_is_free(addr).await;
    let config = certs.server_at(addr);
    let _successor = Running::from_config(certs, config, echo).await;
    assert_eq!(
        soon("the call", client.call("echo", vec![2]))
            .await
            .unwrap(),
        [2]
    );
}

#[tokio::test]
async fn calls_left_after_the_grace_period_are_cut_and_counted() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let mut calls: Vec<_> = (0..3u8)
        .map(|n| tokio::spawn(client.call("wait", vec![n])))
        .collect();
    scene.probe.started(3).await;
    scene.release.add_permits(2);
    scene.probe.until(|seen| seen.finished == 2).await;
    // The two replies may be on their way still, their calls have ended.
    let replies = futures::future::join_all(calls.drain(..2));
    let third = calls.remove(0);
    let answered = soon("the released calls", replies).await;
    assert!(answered.into_iter().all(|reply| reply.unwrap().is_ok()));
    let report = soon("the shutdown", scene.running.server.shutdown(SHORT)).await;
    assert_eq!((report.completed, report.cut), (0, 1));
    assert!(!report.is_clean());
    assert!(report.took >= SHORT, "{report:?}");
    let cut = soon("the cut call", third).await.unwrap().unwrap_err();
    assert!(matches!(cut, RpcError::Unavailable(_)), "{cut:?}");
    assert_eq!(cut.handler_ran(), HandlerRan::Maybe);
    assert!(!cut.is_retryable());
    scene.probe.dropped(1).await;
}

#[tokio::test]
async fn the_report_tells_calls_that_ended_from_calls_that_were_cut() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let calls: Vec<_> = (0..5u8)
        .map(|n| tokio::spawn(client.call("wait", vec![n])))
        .collect();
    scene.probe.started(5).await;
    let report = scene.begin_shutdown(Duration::from_secs(2)).await;
    scene.release.add_permits(3);
    let report = soon("the shutdown", report).await.unwrap();
    assert_eq!((report.completed, report.cut), (3, 2));
    let outcomes = soon("the calls", futures::future::join_all(calls)).await;
    let (answered, cut): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .map(Result::unwrap)
        .partition(Result::is_ok);
    assert_eq!((answered.len(), cut.len()), (3, 2));
    for outcome in cut {
        let error = outcome.unwrap_err();
        assert!(matches!(error, RpcError::Unavailable(_)), "{error:?}");
        assert_eq!(error.handler_ran(), HandlerRan::Maybe);
    }
}

#[tokio::test]
async fn streams_cut_after_the_grace_period_end_with_unavailable_not_with_the_end() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let (held, _) = tokio::sync::oneshot::channel::<()>();
    let requests = stream::iter([vec![1]])
        .chain(stream::pending())
        .inspect(move |_| {
            let _ = &held;
        });
    let mut responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    assert_eq!(
        soon("an item", responses.next()).await.unwrap().unwrap(),
        [1]
    );
    let report = soon("the shutdown", scene.running.server.shutdown(SHORT)).await;
    assert_eq!(report.cut, 1);
    let last = soon("the last item", responses.next())
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(last, RpcError::Unavailable(_)), "{last:?}");
    assert!(responses.next().await.is_none());
}

#[tokio::test]
async fn a_stream_that_ends_within_the_grace_period_is_whole() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let (send, sent) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let requests = stream::unfold(sent, |mut sent| async move {
        sent.recv().await.map(|request| (request, sent))
    });
    let mut responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    send.send(vec![0]).await.unwrap();
    assert_eq!(
        soon("an item", responses.next()).await.unwrap().unwrap(),
        [0]
    );
    let report = scene.begin_shutdown(LONG).await;
    for n in 1..10u8 {
        send.send(vec![n]).await.unwrap();
        assert_eq!(
            soon("an item", responses.next()).await.unwrap().unwrap(),
            [n]
        );
    }
    drop(send);
    assert!(soon("the end", responses.next()).await.is_none());
    let report = soon("the shutdown", report).await.unwrap();
    assert_eq!((report.completed, report.cut), (1, 0));
}

#[tokio::test]
async fn a_large_reply_under_way_is_delivered() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let mut call = Box::pin(client.call("work", vec![5; 4 << 20]));
    tokio::select! {
        biased;
        _ = scene.probe.until(|seen| seen.finished == 1) => {}
        _ = &mut call => panic!("a reply of many windows cannot be here already"),
    }
    // The handler is done, its reply is not: only now does anybody read it.
    let report = scene.begin_shutdown(LONG).await;
    assert_eq!(soon("the reply", call).await.unwrap(), vec![5; 4 << 20]);
    assert!(soon("the shutdown", report).await.unwrap().is_clean());
}

#[tokio::test]
async fn large_streams_under_way_are_delivered() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let requests = stream::iter((0..200u8).map(|n| vec![n; 64 << 10]));
    let mut responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    assert_eq!(
        soon("an item", responses.next()).await.unwrap().unwrap(),
        vec![0; 64 << 10]
    );
    let report = scene.begin_shutdown(LONG).await;
    let rest: Vec<Vec<u8>> = soon("the rest", responses.try_collect()).await.unwrap();
    assert_eq!(rest.len(), 199);
    assert!(soon("the shutdown", report).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_server_without_clients_shuts_down_and_frees_its_port() {
    let running = Running::new(echo).await;
    let addr = running.addr;
    let report = soon("the shutdown", running.server.shutdown(LONG)).await;
    assert_eq!((report.completed, report.cut), (0, 0));
    soon("start", running.stopped()).await.unwrap();
    port_is_free(addr).await;
}

#[tokio::test]
async fn a_server_with_idle_clients_does_not_wait_for_the_grace_period() {
    let running = Running::new(echo).await;
    let clients = [running.client().await, running.client().await];
    let report = soon("the shutdown", running.server.shutdown(HANG * 10)).await;
    assert!(report.is_clean());
    drop(clients);
}

#[tokio::test]
async fn dropping_start_closes_the_connections_and_drops_the_handlers() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let call = tokio::spawn(client.call("wait", vec![1]));
    scene.probe.started(1).await;
    let addr = scene.running.addr;
    let _certs = scene.running.cut().await;
    scene.probe.dropped(1).await;
    let error = soon("the call", call).await.unwrap().unwrap_err();
    assert_eq!(error.handler_ran(), HandlerRan::Maybe, "{error:?}");
    match &error {
        RpcError::ConnectionError(lost) => assert_eq!(lost.kind(), ConnectionErrorKind::Closed),
        RpcError::Unavailable(_) => {}
        other => panic!("{other:?}"),
    }
    port_is_free(addr).await;
}

#[tokio::test]
async fn a_second_shutdown_waits_for_the_first_and_reports_too() {
    let scene = Scene::new().await;
    let client = scene.running.client().await;
    let call = tokio::spawn(client.call("wait", vec![1]));
    scene.probe.started(1).await;
    let first = scene.begin_shutdown(LONG).await;
    let second = scene.begin_second_shutdown();
    scene.release.add_permits(1);
    assert_eq!(soon("the call", call).await.unwrap().unwrap(), [1]);
    assert!(soon("the first", first).await.unwrap().is_clean());
    assert!(soon("the second", second).await.unwrap().is_clean());
    let third = soon("a third", scene.running.server.shutdown(LONG)).await;
    assert_eq!((third.completed, third.cut), (0, 0));
}

impl Scene {
    fn begin_second_shutdown(&self) -> tokio::task::JoinHandle<ShutdownReport> {
        let server = self.running.server.clone();
        tokio::spawn(async move { server.shutdown(LONG).await })
    }
}

#[tokio::test]
async fn a_shutdown_before_start_makes_start_return_at_once() {
    let certs = Certs::new();
    let mut server = RpcServer::new(certs.server());
    let quic = server.bind().unwrap();
    let addr = server.socket_addr.unwrap();
    let report = soon("the shutdown", server.shutdown(LONG)).await;
    assert_eq!((report.completed, report.cut), (0, 0));
    soon("start", server.start(quic)).await.unwrap();
    port_is_free(addr).await;
}

#[tokio::test]
async fn serve_with_shutdown_serves_until_its_signal_and_drains() {
    let certs = Certs::new();
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let mut server = RpcServer::new(certs.server());
    register(server.clone(), probe.clone(), release.clone()).await;
    let quic = server.bind().unwrap();
    let addr = server.socket_addr.unwrap();
    let (signal, signalled) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let signal = async move { drop(signalled.await) };
        server.serve_with_shutdown(quic, signal, LONG).await
    });
    let client = RpcClient::connect(addr, certs.client()).await.unwrap();
    let call = tokio::spawn(client.call("wait", vec![1]));
    probe.started(1).await;
    signal.send(()).unwrap();
    release.add_permits(1);
    assert_eq!(soon("the call", call).await.unwrap().unwrap(), [1]);
    let report = soon("serving", serving).await.unwrap().unwrap();
    assert!(report.is_clean());
}
