//! The call that makes a client connect: it does not wait for the server's settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpcnet::{
    Batching, CallOptions, ConnectionErrorKind, HandlerRan, Metadata, RpcClient, RpcConfig,
    RpcError,
};
use rpcnet_proto::wire::{ErrorCode, Settings};
use rpcnet_testkit::scripted::{RawCall, RawPeer, Windows};
use tokio::sync::{Semaphore, mpsc};

use crate::pair::{Running, echo, eventually, soon};
use crate::raw::{Scripted, echo_call, serve, serve_calls};

/// A client that batches only what has company, and waits long.
fn client(server: &Scripted) -> RpcClient {
    server.client(|config| {
        config
            .with_batching(Batching::Auto)
            .with_connect_timeout(Duration::from_secs(30))
            .with_timeout(Duration::from_secs(30))
    })
}

async fn settle(peer: &mut RawPeer) {
    let settings = Settings {
        concurrent_calls_max: 1000,
        ..Settings::default()
    };
    peer.send_settings(&settings).await.unwrap();
}

async fn accept(peer: &mut RawPeer) -> RawCall {
    peer.accept().await.unwrap().expect("a call comes")
}

fn kind(error: &RpcError) -> ConnectionErrorKind {
    match error {
        RpcError::ConnectionError(error) => error.kind(),
        other => panic!("{other:?}"),
    }
}

/// A server that closes its first connection so, once a call has come and before any settings, and a
/// client that connects again soon.
fn closing_the_first(code: ErrorCode) -> (Scripted, RpcClient) {
    let server = Scripted::new(Windows::default(), move |nth, mut peer| async move {
        if nth == 0 {
            accept(&mut peer).await.read().await;
            return peer.close(code);
        }
        serve(peer, |_, call| echo_call(call)).await;
    });
    let client = server.client(|config| {
        let pause = Duration::from_millis(10);
        config
            .with_batching(Batching::Auto)
            .with_reconnect_backoff(pause, pause)
    });
    (server, client)
}

#[tokio::test]
async fn the_first_call_comes_before_the_settings_are_sent_and_no_other_does() {
    let early = Arc::<AtomicUsize>::default();
    let seen = early.clone();
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let server = Scripted::new(Windows::default(), move |_, mut peer| {
        let (seen, gate) = (seen.clone(), gate.clone());
        async move {
            let first = accept(&mut peer).await;
            seen.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                _ = accept(&mut peer) => {
                    seen.fetch_add(1, Ordering::Relaxed);
                }
                permit = gate.acquire() => permit.unwrap().forget(),
            }
            settle(&mut peer).await;
            tokio::join!(
                echo_call(first),
                serve_calls(peer, |_, call| echo_call(call))
            );
        }
    });
    let client = client(&server);
    let calls = (0..10).map(|n| client.call("m", vec![n]));
    let calls = tokio::spawn(futures::future::join_all(calls));
    eventually("the first call", || early.load(Ordering::Relaxed) > 0).await;
    // The others were polled with it: what they would send has had the time to come.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    opened.add_permits(1);
    for (n, reply) in (0..).zip(soon("the calls", calls).await.unwrap()) {
        assert_eq!(reply.unwrap(), [n]);
    }
    assert_eq!(early.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_client_that_only_connects_waits_for_the_settings() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let (handshake, mut handshakes) = mpsc::channel(1);
    let server = Scripted::new(Windows::default(), move |_, peer| {
        let (gate, handshake) = (gate.clone(), handshake.clone());
        async move {
            handshake.send(()).await.unwrap();
            gate.acquire().await.unwrap().forget();
            serve(peer, |_, call| echo_call(call)).await;
        }
    });
    let config = server.certs.client();
    let connecting = tokio::spawn(RpcClient::connect(server.addr, config));
    soon("a handshake", handshakes.recv()).await.unwrap();
    assert!(!connecting.is_finished());
    opened.add_permits(1);
    soon("a client", connecting).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_on_a_connection_that_is_refused_goes_out_on_the_next() {
    // The call has come, and the client must not believe that it was processed.
    let (server, client) = closing_the_first(ErrorCode::Refused);
    let reply = soon("a reply", client.call("m", vec![7])).await;
    assert_eq!(reply.unwrap(), [7]);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_call_on_a_connection_that_is_lost_may_have_run() {
    let (_server, client) = closing_the_first(ErrorCode::Shutdown);
    let error = soon("a failure", client.call("m", vec![7]))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), ConnectionErrorKind::Closed);
    assert_eq!(error.handler_ran(), HandlerRan::Maybe);
    let reply = soon("a reply", client.call("m", vec![8])).await;
    assert_eq!(reply.unwrap(), [8]);
}

#[tokio::test]
async fn a_call_is_answered_though_its_connection_was_given_up() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let server = Scripted::new(Windows::default(), move |_, mut peer| {
        let gate = gate.clone();
        async move {
            let call = accept(&mut peer).await;
            gate.acquire().await.unwrap().forget();
            echo_call(call).await;
            while let Ok(Some(_)) = peer.accept().await {}
        }
    });
    let client = server.client(|config| {
        config
            .with_batching(Batching::Auto)
            .with_connect_timeout(Duration::from_secs(1))
            .with_timeout(Duration::from_secs(30))
    });
    let first = tokio::spawn(client.call("m", vec![7]));
    eventually("a connection", || server.connections() == 1).await;
    // It finds the attempt of the first under way, which ends without settings.
    let error = soon("a failure", client.call("m", vec![8]))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), ConnectionErrorKind::NoAnswer);
    assert_eq!(error.handler_ran(), HandlerRan::No);
    opened.add_permits(1);
    assert_eq!(soon("a reply", first).await.unwrap().unwrap(), [7]);
}

#[tokio::test]
async fn a_client_that_is_closed_takes_its_first_call_along() {
    let (came, mut calls) = mpsc::channel(1);
    let server = Scripted::new(Windows::default(), move |_, mut peer| {
        let came = came.clone();
        async move {
            let _call = accept(&mut peer).await;
            came.send(()).await.unwrap();
            peer.closed().await;
        }
    });
    let client = client(&server);
    let first = tokio::spawn(client.call("m", vec![7]));
    soon("the call", calls.recv()).await.unwrap();
    client.close();
    let error = soon("a failure", first).await.unwrap().unwrap_err();
    assert_eq!(kind(&error), ConnectionErrorKind::ClientClosed);
}

#[tokio::test]
async fn a_first_call_that_is_given_up_holds_up_nobody() {
    let server = Scripted::new(Windows::default(), |_, peer| {
        serve(peer, |_, call| echo_call(call))
    });
    let client = client(&server);
    // One is dropped before it is sent, and one is never looked at again: what was to leave
    // with it leaves without it.
    let mut forgotten = Box::pin(client.call("m", vec![1]));
    assert!(futures::poll!(&mut forgotten).is_pending());
    let reply = soon("a reply", client.call("m", vec![2])).await;
    assert_eq!(reply.unwrap(), [2]);
    drop(forgotten);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_first_call_beyond_a_limit_is_refused_by_the_server() {
    let limited = |config: RpcConfig| config.with_max_message_bytes(1000);
    let running = Running::with(limited, echo).await;
    let client = RpcClient::new(running.addr, running.certs.client()).unwrap();
    for _ in 0..2 {
        let error = soon("a failure", client.call("echo", vec![0; 1001])).await;
        let error = error.unwrap_err();
        assert!(matches!(error, RpcError::ResourceExhausted(_)), "{error:?}");
        assert_eq!(error.handler_ran(), HandlerRan::No);
    }
    let reply = soon("a reply", client.call("echo", vec![0; 1000])).await;
    assert_eq!(reply.unwrap().len(), 1000);
}

#[tokio::test]
async fn a_first_call_that_only_this_server_accepts_waits_for_its_settings() {
    let generous = |config: RpcConfig| {
        let config = config.with_max_message_bytes(5 << 20);
        config.with_max_header_bytes(16 << 10)
    };
    let running = Running::with(generous, echo).await;
    let client = || RpcClient::new(running.addr, generous(running.certs.client())).unwrap();
    let long = vec![7; (4 << 20) + 1];
    let reply = soon("a reply", client().call("echo", long)).await;
    assert_eq!(reply.unwrap().len(), (4 << 20) + 1);
    let mut metadata = Metadata::new();
    for n in 0..3 {
        metadata
            .insert(&format!("key-{n}"), "v".repeat(3000))
            .unwrap();
    }
    let options = CallOptions::new().with_metadata(metadata);
    let reply = soon("a reply", client().call_with("echo", vec![7], options)).await;
    assert_eq!(reply.unwrap(), [7]);
}
