//! Calls that are given up, however many, leave their connection as it was.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use rpcnet::{Limits, RpcClient};

use crate::pair::{Running, eventually, soon};

/// Callers at once, more than there are places, so that giving up one lets another in.
const CALLERS: usize = 64;
const PLACES: usize = 16;

/// Calls that each caller begins: enough for a leak of one place, one stream or one
/// message of window per call to hold up the last of them.
const CALLS_PER_CALLER: usize = 200;

/// Makes a call and gives it up at a stage that depends on `n`; returns whether it ended.
async fn call_and_give_up(client: &RpcClient, n: usize) -> bool {
    let mut call = pin!(client.call("work", vec![7; 1024]));
    if n % 5 == 4 {
        let patience = Duration::from_micros((n * 37 % 4000) as u64);
        return tokio::time::timeout(patience, call).await.is_ok();
    }
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        match call.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls > n % 5 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_given_up_at_every_stage_leave_room_for_the_next() {
    let mut limits = Limits::default();
    limits.calls_per_connection_max = PLACES;
    limits.stream_window = 16 << 10;
    limits.connection_window = 64 << 10;
    let running = Running::with(
        |config| config.with_limits(limits.clone()),
        |server| async move {
            server
                .register("work", |payload| async move {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                    Ok(payload)
                })
                .await;
        },
    )
    .await;
    let client = running
        .client_with(|config| config.with_limits(limits.clone()))
        .await;
    let given_up = Arc::<AtomicUsize>::default();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (client, given_up) = (client.clone(), given_up.clone());
            tokio::spawn(async move {
                for n in caller..caller + CALLS_PER_CALLER {
                    if !call_and_give_up(&client, n).await {
                        given_up.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        soon("the callers", caller).await.unwrap();
    }
    assert!(
        given_up.load(Ordering::Relaxed) > CALLERS,
        "most are given up"
    );
    for n in 0..PLACES * 4 {
        let reply = soon("a call after them", client.call("work", vec![n as u8])).await;
        assert_eq!(reply.unwrap(), [n as u8]);
    }
    eventually("all handlers end", || running.server.running_calls() == 0).await;
}
