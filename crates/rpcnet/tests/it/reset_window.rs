//! A stream that is given up while it is held back costs no other call of its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream;
use tokio::sync::Semaphore;

use crate::pair::{Running, echo, eventually, soon};

/// A server with `hold`, which answers when it is let go, `flood`, which yields for ever, and
/// `ignore`, which reads nothing.
async fn held_back() -> (Running, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (release, moved) = (Arc::new(Semaphore::new(0)), Arc::<AtomicUsize>::default());
    let running = Running::new(|server| {
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
    })
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
