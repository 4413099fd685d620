//! Whoever is slow holds the other side back, and nobody else.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{RpcClient, RpcServer};
use tokio::sync::{mpsc, watch};

use crate::pair::{Running, echo, soon};
use crate::probe::Probe;

/// One item of a bulk stream.
const ITEM_BYTES: usize = 64 << 10;

/// Items that may be on their way with nobody reading: the sender's buffer and the
/// receiver's window, 256 KiB each, a piece beyond the buffer, and one item in hand.
const ITEMS_AHEAD_MAX: usize = 2 * (256 << 10) / ITEM_BYTES + 3;

/// Calls that give everything else on the connection time to move as far as it can.
async fn let_things_move(client: &RpcClient) {
    for _ in 0..200 {
        assert_eq!(
            soon("echo", client.call("echo", vec![1])).await.unwrap(),
            [1]
        );
    }
}

/// Waits until a test lets it pass.
async fn gate(open: &watch::Sender<bool>) {
    let mut open = open.subscribe();
    open.wait_for(|open| *open).await.unwrap();
}

#[tokio::test]
async fn a_handler_that_does_not_read_holds_the_uploader_back() {
    const ITEMS: usize = 500;
    let open = watch::Sender::new(false);
    let gated = open.clone();
    let running = Running::new(|server| async move {
        echo(server.clone()).await;
        server
            .register_streaming("count", move |requests| {
                let gated = gated.clone();
                async move {
                    stream::once(async move {
                        gate(&gated).await;
                        let count = requests.count().await as u64;
                        Ok(count.to_be_bytes().to_vec())
                    })
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let pulled = Probe::new();
    let of = pulled.clone();
    let requests = stream::iter((0..ITEMS).map(move |_| {
        of.item();
        vec![9; ITEM_BYTES]
    }));
    let call = tokio::spawn(client.call_client_streaming("count", requests));
    pulled.until(|seen| seen.items >= 5).await;
    let_things_move(&client).await;
    let ahead = pulled.seen().items;
    assert!(
        ahead <= ITEMS_AHEAD_MAX,
        "{ahead} items were taken with nobody reading"
    );
    open.send_replace(true);
    let count = soon("the call", call).await.unwrap().unwrap();
    assert_eq!(count, (ITEMS as u64).to_be_bytes());
}

#[tokio::test]
async fn a_handler_that_reads_one_by_one_stays_a_window_behind_the_uploader() {
    const ITEMS: usize = 100;
    let pulled = Probe::new();
    let (of, seen) = (pulled.clone(), pulled.clone());
    let (ask, asked) = mpsc::channel::<()>(1);
    let asked = std::sync::Arc::new(tokio::sync::Mutex::new(asked));
    let running = Running::new(|server| async move {
        echo(server.clone()).await;
        server
            .register_streaming("step", move |mut requests| {
                let (asked, seen) = (asked.clone(), seen.clone());
                async move {
                    async_stream::stream! {
                        let mut asked = asked.lock().await;
                        let mut read = 0;
                        loop {
                            asked.recv().await;
                            let Some(_item) = requests.next().await else { break };
                            read += 1;
                            let ahead = seen.seen().items - read;
                            yield Ok((ahead as u64).to_be_bytes().to_vec());
                        }
                    }
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let requests = stream::iter((0..ITEMS).map(move |_| {
        of.item();
        vec![9; ITEM_BYTES]
    }));
    let mut responses = client.call_streaming("step", requests).await.unwrap();
    for _ in 0..ITEMS {
        ask.send(()).await.unwrap();
        let ahead = soon("a step", responses.next()).await.unwrap().unwrap();
        let ahead = u64::from_be_bytes(ahead.try_into().unwrap());
        assert!(ahead <= ITEMS_AHEAD_MAX as u64, "{ahead} items ahead");
    }
    assert_eq!(pulled.seen().items, ITEMS);
    ask.send(()).await.unwrap();
    assert!(soon("the end", responses.next()).await.is_none());
}

/// `flood` yields items for ever and counts them.
async fn flood(server: RpcServer, probe: Probe) {
    echo(server.clone()).await;
    server
        .register_streaming("flood", move |_requests| {
            let (stay, of) = (probe.enter(), probe.clone());
            async move {
                stream::repeat_with(move || {
                    let _ = &stay;
                    of.item();
                    Ok(vec![4; ITEM_BYTES])
                })
            }
        })
        .await;
}

#[tokio::test]
async fn a_consumer_that_does_not_read_holds_the_handler_back() {
    let probe = Probe::new();
    let running = Running::new(|server| flood(server, probe.clone())).await;
    let client = running.client().await;
    let mut responses = client.call_server_streaming("flood", vec![]).await.unwrap();
    probe.until(|seen| seen.items >= 5).await;
    let_things_move(&client).await;
    let ahead = probe.seen().items;
    assert!(
        ahead <= ITEMS_AHEAD_MAX,
        "{ahead} items were made with nobody reading"
    );
    for read in 1..=100 {
        let item = soon("an item", responses.next()).await.unwrap().unwrap();
        assert_eq!(item.len(), ITEM_BYTES);
        let ahead = probe.seen().items - read;
        assert!(ahead <= ITEMS_AHEAD_MAX, "{ahead} items ahead");
    }
}

#[tokio::test]
async fn a_late_consumer_of_a_large_echo_gets_every_byte() {
    const ITEMS: usize = 1024;
    let running = Running::new(echo).await;
    let client = running.client().await;
    let requests = stream::iter((0..ITEMS).map(|n| {
        let mut item = vec![n as u8; ITEM_BYTES];
        item[..8].copy_from_slice(&(n as u64).to_be_bytes());
        item
    }));
    let mut responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    // Both windows are full by then, and the handler waits in the middle.
    let_things_move(&client).await;
    for n in 0..ITEMS {
        let item = soon("an item", responses.next()).await.unwrap().unwrap();
        assert_eq!(item.len(), ITEM_BYTES);
        assert_eq!(item[..8], (n as u64).to_be_bytes());
        assert!(item[8..].iter().all(|byte| *byte == n as u8));
    }
    assert!(soon("the end", responses.next()).await.is_none());
}

#[tokio::test]
async fn messages_larger_than_every_window_echo_in_both_directions_at_once() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    let requests = stream::iter((0..4u8).map(|n| vec![n; 4 << 20]));
    let responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    let echoed: Vec<Vec<u8>> = soon("the echo", responses.try_collect()).await.unwrap();
    assert_eq!(echoed.len(), 4);
    for (n, item) in echoed.iter().enumerate() {
        assert_eq!(item.len(), 4 << 20);
        assert!(item.iter().all(|byte| *byte == n as u8));
    }
}

#[tokio::test]
async fn unread_streams_do_not_stall_calls_on_the_same_connection() {
    const STREAMS: usize = 100;
    let probe = Probe::new();
    let running = Running::new(|server| flood(server, probe.clone())).await;
    let client = running.client().await;
    let mut unread = Vec::new();
    for _ in 0..STREAMS {
        unread.push(client.call_server_streaming("flood", vec![]).await.unwrap());
    }
    // Each has filled its window at least.
    probe
        .until(|seen| seen.items >= STREAMS * (256 << 10) / ITEM_BYTES)
        .await;
    let_things_move(&client).await;
    let made = probe.seen().items;
    assert!(
        made <= STREAMS * ITEMS_AHEAD_MAX,
        "{made} items for {STREAMS} unread streams"
    );
    for responses in &mut unread {
        assert_eq!(
            soon("an item", responses.next())
                .await
                .unwrap()
                .unwrap()
                .len(),
            ITEM_BYTES
        );
    }
    drop(unread);
    probe.dropped(STREAMS).await;
    assert_eq!(
        client.call("echo", vec![6; 1 << 20]).await.unwrap().len(),
        1 << 20
    );
}

#[tokio::test]
async fn unread_uploads_do_not_stall_calls_on_the_same_connection() {
    const STREAMS: usize = 100;
    let running = Running::new(|server| async move {
        echo(server.clone()).await;
        server
            .register_streaming("deaf", |requests| async move {
                // Held and never read.
                stream::pending().map(move |item| {
                    let _ = &requests;
                    item
                })
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let pulled = Probe::new();
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        let of = pulled.clone();
        let requests = stream::repeat_with(move || {
            of.item();
            vec![8; ITEM_BYTES]
        });
        open.push(client.call_streaming("deaf", requests).await.unwrap());
    }
    pulled
        .until(|seen| seen.items >= STREAMS * (256 << 10) / ITEM_BYTES)
        .await;
    let_things_move(&client).await;
    let taken = pulled.seen().items;
    assert!(
        taken <= STREAMS * ITEMS_AHEAD_MAX,
        "{taken} items for {STREAMS} deaf handlers"
    );
    assert_eq!(
        soon("echo", client.call("echo", vec![7; 1 << 20]))
            .await
            .unwrap()
            .len(),
        1 << 20
    );
}

#[tokio::test]
async fn a_handler_yields_while_its_read_is_pending() {
    let (tick, ticks) = mpsc::channel::<u8>(1);
    let ticks = std::sync::Arc::new(tokio::sync::Mutex::new(ticks));
    let running = Running::new(|server| async move {
        server
            .register_streaming("ticker", move |mut requests| {
                let ticks = ticks.clone();
                async move {
                    async_stream::stream! {
                        let mut ticks = ticks.lock().await;
                        loop {
                            tokio::select! {
                                request = requests.next() => match request {
                                    Some(request) => yield Ok(request),
                                    None => break,
                                },
                                Some(tick) = ticks.recv() => yield Ok(vec![tick]),
                            }
                        }
                    }
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let (send, sent) = mpsc::channel::<Vec<u8>>(1);
    let requests = stream::unfold(sent, |mut sent| async move {
        sent.recv().await.map(|request| (request, sent))
    });
    let mut responses = client.call_streaming("ticker", requests).await.unwrap();
    for n in 0..20u8 {
        tick.send(n).await.unwrap();
        assert_eq!(
            soon("a tick", responses.next()).await.unwrap().unwrap(),
            [n]
        );
        if n % 5 == 0 {
            send.send(vec![n, n]).await.unwrap();
            assert_eq!(
                soon("an echo", responses.next()).await.unwrap().unwrap(),
                [n, n]
            );
        }
    }
    drop(send);
    assert!(soon("the end", responses.next()).await.is_none());
}

#[tokio::test]
async fn a_hundred_thousand_items_arrive_in_order_and_unchanged_both_ways() {
    const ITEMS: u64 = 100_000;
    let running = Running::new(echo).await;
    let client = running.client().await;
    // Lengths vary, so that items and packets do not line up.
    let item = |n: u64| {
        let mut item = n.to_be_bytes().to_vec();
        item.resize(8 + (n % 23) as usize, n as u8);
        item
    };
    let requests = stream::iter((0..ITEMS).map(item));
    let mut responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    for n in 0..ITEMS {
        assert_eq!(
            soon("an item", responses.next()).await.unwrap().unwrap(),
            item(n)
        );
    }
    assert!(soon("the end", responses.next()).await.is_none());
}

#[tokio::test]
async fn a_unary_reply_beyond_the_queue_of_its_connection_is_refused_and_others_are_not() {
    let running = Running::with(|config| config.with_max_queued_reply_bytes(1 << 20), echo).await;
    let client = running.client().await;
    let refused = soon("the call", client.call("echo", vec![1; 2 << 20])).await;
    assert!(
        matches!(refused, Err(rpcnet::RpcError::ResourceExhausted(_))),
        "{refused:?}"
    );
    assert_eq!(
        client.call("echo", vec![1; 1 << 20]).await.unwrap().len(),
        1 << 20
    );
    // A stream waits for room instead.
    let requests = stream::iter([vec![1; 2 << 20], vec![2; 2 << 20]]);
    let responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    let echoed: Vec<Vec<u8>> = soon("the stream", responses.try_collect()).await.unwrap();
    assert_eq!(echoed.len(), 2);
}

#[tokio::test]
async fn a_consumer_that_pauses_longer_than_the_stall_timeout_keeps_its_stream() {
    let probe = Probe::new();
    let running = Running::with(
        |config| {
            let mut limits = config.limits().clone();
            limits.stall_timeout = Duration::from_millis(100);
            config.with_limits(limits)
        },
        |server| flood(server, probe.clone()),
    )
    .await;
    let client = running.client().await;
    let mut responses = client.call_server_streaming("flood", vec![]).await.unwrap();
    probe.until(|seen| seen.items >= 5).await;
    // The pause itself is what is tested: it has to be longer than the limit.
    tokio::time::sleep(Duration::from_millis(400)).await;
    for _ in 0..50 {
        assert_eq!(
            soon("an item", responses.next())
                .await
                .unwrap()
                .unwrap()
                .len(),
            ITEM_BYTES
        );
    }
    assert_eq!(probe.seen().dropped, 0);
}
