//! A panic in a handler fails its own call, clearly, and nothing else.

use futures::{StreamExt, stream};
use rpcnet::{CallKind, CallOptions, HandlerRan, RpcError};
use rpcnet_testkit::scripted::frames;
use std::time::Duration;

use crate::pair::{Running, echo, eventually, soon};
use crate::raw::Raw;

/// What a panic says, and nobody outside the process may read.
const SECRET: &str = "the password is hunter2";

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        // A second panic while one unwinds would be the end of the process.
        if !std::thread::panicking() {
            panic!("{SECRET}");
        }
    }
}

async fn panicking() -> Running {
    Running::new(|server| async move {
        server
            .register("at_once", |_| -> std::future::Ready<_> {
                panic!("{SECRET}")
            })
            .await;
        server
            .register("later", |_| async {
                tokio::task::yield_now().await;
                panic!("{SECRET}")
            })
            .await;
        server
            .register("on_drop", |_| async {
                let _bomb = Bomb;
                std::future::pending().await
            })
            .await;
        server
            .register_streaming(
                "at_once_stream",
                |_| -> std::future::Ready<stream::Empty<_>> { panic!("{SECRET}") },
            )
            .await;
        server
            .register_streaming("third_item", |requests| async move {
                requests.enumerate().map(|(at, item)| {
                    assert!(at < 2, "{SECRET}");
                    Ok(item)
                })
            })
            .await;
        echo(server).await;
    })
    .await
}

fn assert_internal(error: &RpcError) {
    assert!(matches!(error, RpcError::InternalError(_)), "{error:?}");
    assert_ne!(error.handler_ran(), HandlerRan::No);
    assert!(!error.is_retryable());
    let told = format!("{error} {error:?}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_unary_panic_is_an_internal_error_without_its_message() {
    let running = panicking().await;
    let client = running.client().await;
    for method in ["at_once", "later"] {
        assert_internal(&client.call(method, vec![]).await.unwrap_err());
    }
    assert_eq!(
        client.call("echo", b"alive".to_vec()).await.unwrap(),
        b"alive"
    );
    eventually("no call runs", || running.server.running_calls() == 0).await;
}

#[tokio::test]
async fn a_panic_in_mid_stream_is_an_error_after_what_came_and_not_an_end() {
    let running = panicking().await;
    let client = running.client().await;
    let items = || stream::iter((0..5u8).map(|n| vec![n]));
    let responses = client.call_streaming("third_item", items()).await.unwrap();
    let mut responses: Vec<_> = soon("the responses", responses.collect()).await;
    assert_internal(&responses.pop().expect("an error").unwrap_err());
    let responses: Vec<_> = responses.into_iter().map(Result::unwrap).collect();
    assert_eq!(responses, [[0], [1]]);

    let reply = client.call_client_streaming("at_once_stream", items());
    assert_internal(&reply.await.unwrap_err());
    assert_eq!(
        client.call("echo", b"alive".to_vec()).await.unwrap(),
        b"alive"
    );
}

#[tokio::test]
async fn a_panicking_handler_does_not_disturb_calls_beside_it() {
    let running = panicking().await;
    let client = running.client().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let requests = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    });
    let mut beside = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    for n in 0..50u8 {
        let (panicked, echoed) =
            tokio::join!(client.call("later", vec![]), client.call("echo", vec![n]),);
        assert_internal(&panicked.unwrap_err());
        assert_eq!(echoed.unwrap(), [n]);
        sender.send(vec![n]).await.unwrap();
        assert_eq!(beside.next().await.unwrap().unwrap(), [n]);
    }
    drop(sender);
    assert!(beside.next().await.is_none());
}

#[tokio::test]
async fn a_panic_while_a_cancelled_handler_is_dropped_costs_nothing_else() {
    let running = panicking().await;
    let client = running.client().await;
    for _ in 0..20 {
        let options = CallOptions::new().with_timeout(Duration::from_millis(20));
        let error = client.call_with("on_drop", vec![], options).await;
        assert!(error.unwrap_err().is_timeout());
    }
    eventually("no call runs", || running.server.running_calls() == 0).await;
    assert_eq!(
        client.call("echo", b"alive".to_vec()).await.unwrap(),
        b"alive"
    );
}

#[tokio::test]
async fn the_bytes_of_a_panicked_stream_never_look_complete_on_the_wire() {
    let running = panicking().await;
    let raw = Raw::new(&running).await;
    let request = frames::request(
        1,
        CallKind::Bidirectional,
        "third_item",
        &[b"a", b"b", b"c", b"d"],
    );
    let received = raw.call(request).await;
    let whole = received.response(CallKind::Bidirectional);
    assert!(!matches!(whole, Ok((_, None))), "{received:?}");
    assert!(!String::from_utf8_lossy(&received.bytes).contains("hunter2"));
    raw.assert_alive(2).await;
}
