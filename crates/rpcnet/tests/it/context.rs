//! What a handler learns of its call is what the caller sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use rpcnet::{
    CallContext, CallKind, CallOptions, CodecId, HandlerRan, Metadata, RpcClient, RpcError,
    RpcServer, TraceContext,
};

use crate::pair::{Running, soon};

/// The contexts of the calls that were served, in order.
type Log = Arc<Mutex<Vec<CallContext>>>;

async fn register(server: RpcServer, log: Log) {
    let of = log.clone();
    server
        .register_with_context("unary", move |context, payload| {
            of.lock().unwrap().push(context);
            async move { Ok(payload) }
        })
        .await;
    server
        .register_streaming_with_context("streaming", move |context, requests| {
            log.lock().unwrap().push(context);
            async move { requests.take(1) }
        })
        .await;
}

async fn scene() -> (Running, RpcClient, Log) {
    let log = Log::default();
    let running = Running::new(|server| register(server, log.clone())).await;
    let client = running.client().await;
    (running, client, log)
}

const TRACE: TraceContext = TraceContext {
    trace_id: [7; 16],
    parent_id: [9; 8],
    flags: 1,
};

#[tokio::test]
async fn every_option_of_a_call_arrives_at_its_handler() {
    let (_running, client, log) = scene().await;
    let mut metadata = Metadata::new();
    metadata.insert("tenant", "blue").unwrap();
    metadata.insert("bytes-bin", vec![0u8, 255, 1]).unwrap();
    metadata.insert("empty", "").unwrap();
    let options = CallOptions::new()
        .with_metadata(metadata.clone())
        .with_trace(TRACE)
        .with_codec(CodecId::JSON)
        .with_timeout(Duration::from_secs(20))
        .idempotent();
    client
        .call_with("unary", vec![1], options.clone())
        .await
        .unwrap();
    let requests = stream::iter([vec![1]]);
    let mut responses = client
        .call_streaming_with("streaming", requests, options)
        .await
        .unwrap();
    assert!(soon("an item", responses.next()).await.unwrap().is_ok());
    let served = log.lock().unwrap().clone();
    let kinds: Vec<CallKind> = served.iter().map(CallContext::kind).collect();
    assert_eq!(kinds, [CallKind::Unary, CallKind::Bidirectional]);
    let methods: Vec<&str> = served.iter().map(CallContext::method).collect();
    assert_eq!(methods, ["unary", "streaming"]);
    for context in &served {
        assert_eq!(*context.metadata(), metadata);
        assert_eq!(context.metadata().get_text("tenant"), Some("blue"));
        assert_eq!(context.trace(), Some(TRACE));
        assert_eq!(context.codec(), CodecId::JSON);
        assert!(context.is_idempotent());
        assert!(context.remaining() <= Duration::from_secs(20));
    }
}

#[tokio::test]
async fn a_call_without_options_has_the_defaults() {
    let (_running, client, log) = scene().await;
    client.call("unary", vec![]).await.unwrap();
    let context = log.lock().unwrap()[0].clone();
    assert!(context.metadata().is_empty());
    assert_eq!((context.trace(), context.codec()), (None, CodecId::RAW));
    assert!(!context.is_idempotent());
    assert!(context.peer_identity().is_none());
    assert!(context.remaining() <= rpcnet::DEFAULT_TIMEOUT);
}

#[tokio::test]
async fn the_shape_of_a_streaming_call_is_known_to_its_handler() {
    let (_running, client, log) = scene().await;
    let mut responses = client
        .call_server_streaming("streaming", vec![1])
        .await
        .unwrap();
    assert!(soon("an item", responses.next()).await.unwrap().is_ok());
    client
        .call_client_streaming("streaming", stream::iter([vec![1]]))
        .await
        .unwrap();
    let kinds: Vec<CallKind> = log.lock().unwrap().iter().map(CallContext::kind).collect();
    assert_eq!(
        kinds,
        [CallKind::ServerStreaming, CallKind::ClientStreaming]
    );
}

#[tokio::test]
async fn call_ids_differ_between_the_calls_of_one_client() {
    let (_running, client, log) = scene().await;
    let calls = (0..50).map(|_| client.call("unary", vec![]));
    futures::future::join_all(calls).await;
    let mut ids: Vec<u64> = log
        .lock()
        .unwrap()
        .iter()
        .map(|it| it.call_id().get())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[tokio::test]
async fn the_callers_address_is_its_own() {
    let (_running, client, log) = scene().await;
    client.call("unary", vec![]).await.unwrap();
    let seen = log.lock().unwrap()[0].remote_addr().unwrap();
    // Bound to port 0 on this address: the port is the system's choice.
    assert_eq!(Some(seen), client.local_addr());
}

#[tokio::test]
async fn a_call_that_is_over_is_over_for_its_context() {
    let (_running, client, log) = scene().await;
    client.call("unary", vec![]).await.unwrap();
    let context = log.lock().unwrap()[0].clone();
    soon("the context", context.cancelled()).await;
    assert!(context.is_cancelled());
}

#[tokio::test]
async fn a_nested_call_carries_the_trace_of_the_outer_one_unless_it_has_its_own() {
    let (_inner, nested, log) = scene().await;
    let own = TraceContext {
        trace_id: [1; 16],
        ..TRACE
    };
    let outer = Running::new(|server| async move {
        server
            .register("outer", move |payload: Vec<u8>| {
                let options = match payload.first() {
                    Some(_) => CallOptions::new().with_trace(own),
                    None => CallOptions::new(),
                };
                nested.call_with("unary", payload, options)
            })
            .await;
    })
    .await;
    let client = outer.client().await;
    for payload in [vec![], vec![1]] {
        let options = CallOptions::new().with_trace(TRACE);
        client.call_with("outer", payload, options).await.unwrap();
    }
    let traces: Vec<_> = log.lock().unwrap().iter().map(CallContext::trace).collect();
    assert_eq!(traces, [Some(TRACE), Some(own)]);
}

#[tokio::test]
async fn outside_of_a_handler_there_is_no_current_call() {
    assert!(CallContext::current().is_none());
    let running = Running::new(|server| async move {
        server
            .register("current", |_| async move {
                let current = CallContext::current().expect("a handler runs in its call");
                Ok(current.method().as_bytes().to_vec())
            })
            .await;
    })
    .await;
    let client = running.client().await;
    assert_eq!(client.call("current", vec![]).await.unwrap(), b"current");
}

#[tokio::test]
async fn a_header_beyond_the_servers_limit_fails_before_it_is_sent() {
    let log = Log::default();
    let running = Running::with(
        |config| config.with_max_header_bytes(256),
        |server| register(server, log.clone()),
    )
    .await;
    let client = running.client().await;
    let mut metadata = Metadata::new();
    metadata.insert("long", vec![1u8; 300]).unwrap();
    let options = CallOptions::new().with_metadata(metadata);
    let error = client
        .call_with("unary", vec![], options)
        .await
        .unwrap_err();
    assert!(matches!(error, RpcError::ResourceExhausted(_)), "{error:?}");
    assert_eq!(error.handler_ran(), HandlerRan::No);
    assert!(
        error.to_string().contains("with_max_header_bytes"),
        "{error}"
    );
    assert!(log.lock().unwrap().is_empty());
}
