//! A stream that is given up while it is held back costs no other call of its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream;
use tokio::sync::Semaphore;

use crate::pair::{Running, echo, eventually, soon};

/// A server with `hold`, which answers when it is let go, `flood`, which yields for ever, and
/// `ignore`, which reads nothing.
async fn held_back() -> (Running, Arc<Semaphore>, Arc<AtomicUsize>) {
    held_back_with(rpcnet::Limits::default()).await
}

async fn held_back_with(limits: rpcnet::Limits) -> (Running, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (release, moved) = (Arc::new(Semaphore::new(0)), Arc::<AtomicUsize>::default());
    let running = Running::with(
        |config| config.with_limits(limits),
        |server| {
            let (release, moved) = (release.clone(), moved.clone());
            async move {
                server
                    .register("hold", move |payload| {
                        let release = release.clone();
                        async move {
                            release.acquire().await.expect("never closed").forget();
                            Ok(payload)
                        }
                    })
                    .await;
                server
                    .register_streaming("flood", move |_| {
                        let moved = moved.clone();
                        async move {
                            stream::repeat_with(move || {
                                moved.fetch_add(1, Ordering::SeqCst);
                                Ok(vec![b'x'; 64 << 10])
                            })
                        }
                    })
                    .await;
                server
                    .register_streaming("ignore", |requests| async move {
                        // Held as long as the responses are, and never read.
                        stream::once(async move {
                            let _unread = requests;
                            std::future::pending().await
                        })
                    })
                    .await;
                echo(server).await;
            }
        },
    )
    .await;
    (running, release, moved)
}

#[tokio::test]
async fn responses_dropped_while_held_back_cost_no_other_call() {
    let (running, release, moved) = held_back().await;
    let client = running.client().await;
    let beside = tokio::spawn(client.call("hold", b"beside".to_vec()));
    let responses = client.call_server_streaming("flood", vec![]).await.unwrap();
    eventually("the window fills", || moved.load(Ordering::SeqCst) > 4).await;
    for _ in 0..200 {
        client.call("echo", vec![]).await.unwrap();
    }
    drop(responses);
    for _ in 0..200 {
        client.call("echo", vec![]).await.unwrap();
    }
    release.add_permits(1);
    let beside = soon("the call beside", beside).await.unwrap();
    assert_eq!(beside.unwrap(), b"beside");
}

#[tokio::test]
async fn an_upload_dropped_while_held_back_costs_no_other_call() {
    let (running, release, _) = held_back().await;
    let client = running.client().await;
    let beside = tokio::spawn(client.call("hold", b"beside".to_vec()));
    let pulled = Arc::<AtomicUsize>::default();
    let count = pulled.clone();
    let requests = stream::iter(std::iter::repeat_with(move || {
        count.fetch_add(1, Ordering::SeqCst);
        vec![b'x'; 64 << 10]
    }));
    let responses = client.call_streaming("ignore", requests).await.unwrap();
    eventually("the window fills", || pulled.load(Ordering::SeqCst) > 4).await;
    for _ in 0..200 {
        client.call("echo", vec![]).await.unwrap();
    }
    drop(responses);
    for _ in 0..200 {
        client.call("echo", vec![]).await.unwrap();
    }
    release.add_permits(1);
    let beside = soon("the call beside", beside).await.unwrap();
    assert_eq!(beside.unwrap(), b"beside");
}

#[tokio::test]
async fn responses_given_up_by_the_server_while_held_back_cost_no_other_call() {
    const SHORT: std::time::Duration = std::time::Duration::from_millis(200);
    let mut limits = rpcnet::Limits::default();
    limits.stall_timeout = SHORT;
    let (running, release, moved) = held_back_with(limits).await;
    let client = running.client().await;
    let beside = tokio::spawn(client.call("hold", b"beside".to_vec()));
    let options = rpcnet::CallOptions::new().with_timeout(SHORT);
    let responses = client
        .call_server_streaming_with("flood", vec![], options)
        .await
        .unwrap();
    eventually("the window fills", || moved.load(Ordering::SeqCst) > 4).await;
    // Outlasts the deadline and the stall timeout.
    let clock = rpcnet::CallOptions::new().with_timeout(8 * SHORT);
    let clock = client.call_with("hold", vec![], clock).await;
    assert!(clock.unwrap_err().is_timeout());
    release.add_permits(1);
    let beside = soon("the call beside", beside).await.unwrap();
    assert_eq!(beside.unwrap(), b"beside");
    drop(responses);
}
