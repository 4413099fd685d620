//! Every call gives back its stream, however it ends: a connection outlives any number
//! of calls, where its limit lets only a few run at once.

use futures::{StreamExt, stream};
use rpcnet::{RpcClient, RpcServer};

use crate::pair::{Running, soon};

/// Calls that may run at once, and calls that are made one after another.
const AT_ONCE: usize = 4;
const CALLS: usize = 40;

/// Bytes of a reply that holds a share of the budget until it is acknowledged.
const COUNTED_BYTES: usize = 10_000;

async fn register(server: RpcServer) {
    server
        .register("large", |_| async { Ok(vec![7; COUNTED_BYTES]) })
        .await;
    server
        .register_streaming("items", |requests| async move {
            let count = requests.fold(0, |count, _| async move { count + 1 }).await;
            stream::iter((0..count).map(|number| Ok(vec![number; 4])))
        })
        .await;
    server
        .register_streaming("echo", |requests| async move { requests.map(Ok) })
        .await;
    server
        .register_streaming("deaf", |requests| async move {
            stream::once(async { Ok(vec![1]) }).chain(stream::once(async move {
                let _unread = requests;
                std::future::pending().await
            }))
        })
        .await;
    server
        .register_streaming("hasty", |_requests| async {
            stream::iter((0..5).map(|number| Ok(vec![number; 4])))
        })
        .await;
    server
        .register_streaming("open", |_requests| async {
            stream::iter([Ok(vec![1])]).chain(stream::pending())
        })
        .await;
}

async fn server() -> Running {
    Running::with(|config| config.with_max_calls(AT_ONCE, AT_ONCE), register).await
}

/// Calls a streaming method, reads so many responses and gives the rest up.
async fn read_some(client: &RpcClient, method: &str, requests: usize, responses: usize) {
    let requests = stream::iter(vec![vec![1]; requests]);
    let opened = client.call_streaming(method, requests);
    let mut items = soon("opening", opened).await.unwrap();
    for _ in 0..responses {
        soon("a response", items.next()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn calls_with_an_upload_that_never_ends_are_given_back() {
    for responses in 0..5 {
        let running = server().await;
        let client = running.client().await;
        for _ in 0..CALLS {
            let requests = stream::iter(vec![vec![1]; 100]).chain(stream::pending());
            let opened = client.call_streaming("echo", requests);
            let mut items = soon("opening", opened).await.unwrap();
            for _ in 0..responses {
                soon("a response", items.next()).await.unwrap().unwrap();
            }
        }
    }
}

#[tokio::test]
async fn uploads_that_are_reset_before_anybody_read_them_are_given_back() {
    let running = server().await;
    let client = running.client().await;
    for _ in 0..CALLS {
        let requests = stream::iter([vec![1]]).chain(stream::pending());
        let opened = client.call_streaming("deaf", requests);
        let mut items = soon("opening", opened).await.unwrap();
        soon("a response", items.next()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn unary_calls_with_large_replies_give_their_streams_back() {
    let running = server().await;
    let client = running.client().await;
    for _ in 0..CALLS {
        let reply = soon("the reply", client.call("large", vec![])).await;
        assert_eq!(reply.unwrap().len(), COUNTED_BYTES);
    }
}

#[tokio::test]
async fn streams_that_are_read_to_their_end_are_given_back() {
    let running = server().await;
    let client = running.client().await;
    for _ in 0..CALLS {
        let requests = stream::iter(vec![vec![1]; 3]);
        let opened = client.call_streaming("items", requests);
        let items = soon("opening", opened).await.unwrap();
        assert_eq!(soon("the end", items.count()).await, 3);
    }
}

#[tokio::test]
async fn streams_that_are_given_up_are_given_back_wherever_they_stood() {
    for (method, requests, responses) in [
        ("items", 3, 0),
        ("items", 3, 1),
        ("items", 3, 3),
        ("hasty", 0, 5),
        ("hasty", 1000, 2),
        ("open", 0, 0),
        ("open", 0, 1),
    ] {
        let running = server().await;
        let client = running.client().await;
        for _ in 0..CALLS {
            read_some(&client, method, requests, responses).await;
        }
    }
}
