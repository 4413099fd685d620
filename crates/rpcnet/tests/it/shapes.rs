//! The four call shapes, empty messages in every position, and concurrency.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallOptions, Code, RpcError, Status};

use crate::pair::{Running, echo, soon};

#[tokio::test]
async fn a_unary_call_returns_what_its_handler_returned() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    assert_eq!(
        client.call("echo", b"hello".to_vec()).await.unwrap(),
        b"hello"
    );
}

#[tokio::test]
async fn empty_messages_are_messages_in_every_position_of_every_shape() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    assert_eq!(client.call("echo", vec![]).await.unwrap(), b"");
    let patterns: [&[&[u8]]; 6] = [
        &[],
        &[b""],
        &[b"", b"a"],
        &[b"a", b""],
        &[b"a", b"", b"b"],
        &[b"", b"", b""],
    ];
    for pattern in patterns {
        let sent: Vec<Vec<u8>> = pattern.iter().map(|item| item.to_vec()).collect();
        let responses = client
            .call_streaming("echo_stream", stream::iter(sent.clone()))
            .await;
        let received: Vec<Vec<u8>> = responses.unwrap().try_collect().await.unwrap();
        assert_eq!(received, sent);
    }
    let one: Vec<Vec<u8>> = client
        .call_server_streaming("echo_stream", vec![])
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(one, [b""]);
    let only = client
        .call_client_streaming("echo_stream", stream::iter([vec![]]))
        .await
        .unwrap();
    assert_eq!(only, b"");
}

#[tokio::test]
async fn responses_arrive_while_requests_are_still_being_sent() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let requests = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    });
    let mut responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    for n in 0..10u8 {
        sender.send(vec![n]).await.unwrap();
        assert_eq!(responses.next().await.unwrap().unwrap(), [n]);
    }
    drop(sender);
    assert!(responses.next().await.is_none());
}

#[tokio::test]
async fn ten_thousand_concurrent_calls_queue_for_fewer_places() {
    let running = Running::with(|config| config.with_max_calls(100, 1000), echo).await;
    let client = running.client().await;
    let calls = (0..10_000u32).map(|n| {
        let call = client.call("echo", n.to_be_bytes().to_vec());
        async move { (n, call.await) }
    });
    let results = futures::future::join_all(calls).await;
    for (n, result) in results {
        assert_eq!(result.unwrap(), n.to_be_bytes());
    }
}

/// The same on shared buffers, short and long ones, in the order in which they were sent.
#[tokio::test]
async fn shared_buffers_stream_both_ways_and_end_with_an_error_like_others() {
    let server = Running::new(|server| async move {
        server
            .register_streaming_bytes("mirror", |_context, mut requests| async move {
                async_stream::stream! {
                    while let Some(request) = requests.next_bytes().await {
                        yield request;
                    }
                    yield Err(RpcError::from(Status::new(Code::NotFound, "that was all")));
                }
            })
            .await;
    })
    .await;
    let client = server.client().await;
    let sent: Vec<Bytes> = [0, 1, 300, 70_000, 5]
        .into_iter()
        .map(|len| Bytes::from(vec![7; len]))
        .collect();
    let requests = futures::stream::iter(sent.clone());
    let opening = client.call_streaming_bytes("mirror", requests, CallOptions::new());
    let mut responses = soon("the stream", opening).await.unwrap();
    for expected in sent {
        let found = soon("a response", responses.next_bytes()).await;
        assert_eq!(found.unwrap().unwrap(), expected);
    }
    let last = soon("the error", responses.next_bytes()).await;
    let error = last.expect("an item").expect_err("the handler's error");
    assert!(error.to_string().contains("that was all"), "{error}");
    assert!(responses.next_bytes().await.is_none());
}
