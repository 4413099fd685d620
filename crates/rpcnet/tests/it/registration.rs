//! Which handler a call reaches, and what it is told where there is none.

use std::sync::Arc;

use futures::stream;
use rpcnet::{HandlerRan, RpcError, RpcServer};
use tokio::sync::Semaphore;

use crate::pair::{Certs, Running, echo, soon};
use crate::probe::Probe;

/// Registers a handler that replies this text.
async fn reply(server: &RpcServer, method: &str, text: &'static str) {
    server
        .register(method, move |_| async move { Ok(text.as_bytes().to_vec()) })
        .await;
}

#[track_caller]
fn check_unknown(error: &RpcError, words: &str) {
    assert!(matches!(error, RpcError::UnknownMethod(_)), "{error:?}");
    assert!(
        error.to_string().contains(words),
        "`{error}` does not say `{words}`"
    );
    assert_eq!(error.handler_ran(), HandlerRan::No);
    assert!(error.is_remote() && !error.is_retryable());
}

#[tokio::test]
async fn a_method_may_be_registered_while_the_server_runs() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    check_unknown(
        &client.call("late", vec![]).await.unwrap_err(),
        "no such method",
    );
    reply(&running.server, "late", "here").await;
    assert_eq!(client.call("late", vec![]).await.unwrap(), b"here");
}

#[tokio::test]
async fn a_replaced_handler_serves_the_calls_it_began_and_no_other() {
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (of, released) = (probe.clone(), release.clone());
    let running = Running::new(|server| async move {
        server
            .register("m", move |_| {
                let (stay, released) = (of.enter(), released.clone());
                async move {
                    released.acquire().await.unwrap().forget();
                    stay.finish();
                    Ok(b"old".to_vec())
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let old = tokio::spawn(client.call("m", vec![]));
    probe.started(1).await;
    reply(&running.server, "m", "new").await;
    assert_eq!(client.call("m", vec![]).await.unwrap(), b"new");
    release.add_permits(1);
    assert_eq!(soon("the old call", old).await.unwrap().unwrap(), b"old");
    assert_eq!(client.call("m", vec![]).await.unwrap(), b"new");
}

#[tokio::test]
async fn replacing_handlers_under_load_fails_no_call() {
    let running = Running::new(|server| async move { reply(&server, "m", "0").await }).await;
    let client = running.client().await;
    let calls = async {
        for _ in 0..300 {
            assert_eq!(client.call("m", vec![]).await.unwrap(), b"0");
        }
    };
    let replacing = async {
        loop {
            reply(&running.server, "m", "0").await;
            reply(&running.server, "other", "1").await;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = soon("the calls", calls) => {}
        () = replacing => {}
    }
}

#[tokio::test]
async fn an_unknown_method_is_said_to_be_unknown_in_every_shape() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    check_unknown(
        &client.call("nothing", vec![]).await.unwrap_err(),
        "no such method",
    );
    let upload = client.call_client_streaming("nothing", stream::pending());
    check_unknown(
        &soon("an upload", upload).await.unwrap_err(),
        "no such method",
    );
    let opened = [
        client.call_server_streaming("nothing", vec![]).await,
        client.call_streaming("nothing", stream::pending()).await,
    ];
    for responses in opened {
        let items = futures::StreamExt::collect::<Vec<_>>(responses.unwrap());
        let items = soon("the stream", items).await;
        assert_eq!(items.len(), 1);
        check_unknown(items[0].as_ref().unwrap_err(), "no such method");
    }
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_method_called_in_another_shape_says_how_to_call_it() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    let error = client.call("echo_stream", vec![]).await.unwrap_err();
    check_unknown(&error, "call_streaming");
    let upload = client.call_client_streaming("echo", stream::iter([vec![1]]));
    check_unknown(
        &soon("an upload", upload).await.unwrap_err(),
        "call it with call",
    );
}

#[tokio::test]
async fn registering_another_shape_replaces_the_method() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    reply(&running.server, "echo_stream", "unary now").await;
    assert_eq!(
        client.call("echo_stream", vec![]).await.unwrap(),
        b"unary now"
    );
    let upload = client.call_client_streaming("echo_stream", stream::empty());
    check_unknown(&soon("an upload", upload).await.unwrap_err(), "unary");
}

#[tokio::test]
async fn a_name_that_cannot_be_called_is_reported_by_bind() {
    let long = "m".repeat(129);
    for name in ["", "white space", "umläut", "new\nline", &long] {
        let certs = Certs::new();
        let mut server = RpcServer::new(certs.server());
        reply(&server, "good", "x").await;
        reply(&server, name, "x").await;
        reply(&server, "also bad", "x").await;
        let error = server.bind().map(|_| ()).unwrap_err();
        assert!(matches!(error, RpcError::ConfigError(_)), "{error:?}");
        let named = name.escape_debug().to_string();
        assert!(
            error.to_string().contains(&named),
            "`{error}` does not name `{named}`"
        );
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_registered_cannot_be_called_either() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    for name in ["", "white space"] {
        let error = client.call(name, vec![]).await.unwrap_err();
        assert!(matches!(error, RpcError::ConfigError(_)), "{error:?}");
        assert_eq!(error.handler_ran(), HandlerRan::No);
    }
}

#[tokio::test]
async fn the_longest_name_and_every_allowed_character_work() {
    let mut name = "ABCxyz019_./-".to_owned();
    name.push_str(&"n".repeat(128 - name.len()));
    let running = Running::new(|server| {
        let name = name.clone();
        async move { reply(&server, &name, "long").await }
    })
    .await;
    let client = running.client().await;
    assert_eq!(client.call(&name, vec![]).await.unwrap(), b"long");
}
