//! Calls that a client makes at the same moment, and servers that wrong them.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rpcnet::{
    Batching, CallOptions, Code, HandlerRan, RpcClient, RpcError, Status, StreamErrorKind,
};
use rpcnet_proto::Origin;
use rpcnet_proto::wire::{
    BatchRequestEvent, BatchRequestReader, ErrorCode, FrameLimits, Header, Settings, StreamKind,
    encode,
};
use rpcnet_testkit::scripted::{RawCall, Windows};
use tokio::sync::{Semaphore, mpsc};

use crate::pair::{Running, echo, eventually, soon};
use crate::raw::{Scripted, echo_call, serve_calls};

/// A server that takes batches, and gives each to the script; calls alone are echoed.
fn batches<F, Fut>(script: F) -> Scripted
where
    F: Fn(Batch) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Scripted::new(Windows::default(), move |_, mut peer| {
        let script = script.clone();
        async move {
            let settings = Settings {
                concurrent_calls_max: 1000,
                ..Settings::default()
            };
            let settings = settings.accepting(StreamKind::Batch);
            peer.send_settings(&settings).await.unwrap();
            serve_calls(peer, move |_, call| take(call, script.clone())).await;
        }
    })
}

/// A batch that came, and its stream.
struct Batch {
    calls: Vec<(Header, Bytes)>,
    stream: RawCall,
}

async fn take<F, Fut>(mut call: RawCall, script: F)
where
    F: Fn(Batch) -> Fut,
    Fut: Future<Output = ()>,
{
    let received = call.read().await;
    if received.bytes.first() != Some(&StreamKind::Batch.to_byte()) {
        return answer_alone(call, &received.bytes).await;
    }
    let mut reader = BatchRequestReader::new(FrameLimits::default());
    reader.push(received.bytes.slice(1..));
    let (mut calls, mut next) = (Vec::new(), None);
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            BatchRequestEvent::Header(header) => next = Some(header.unwrap()),
            BatchRequestEvent::Message(message) => calls.push((next.take().unwrap(), message)),
            BatchRequestEvent::End => {}
        }
    }
    reader.finish().unwrap();
    let stream = call;
    script(Batch { calls, stream }).await;
}

async fn answer_alone(mut call: RawCall, request: &Bytes) {
    let mut reader = rpcnet_proto::wire::RequestReader::new(FrameLimits::default());
    reader.push(request.slice(1..));
    let mut reply = BytesMut::new();
    while let Ok(Some(event)) = reader.next_event() {
        if let rpcnet_proto::wire::RequestEvent::Message(message) = event {
            encode::message(&mut reply, &message);
        }
    }
    encode::end(&mut reply);
    call.send_all(reply.freeze()).await;
}

/// A client that lets every call travel with others.
fn sociable(server: &Scripted) -> RpcClient {
    server.client(|config| {
        config
            .with_batching(Batching::Always)
            .with_timeout(Duration::from_secs(30))
    })
}

/// Makes so many calls at the same moment; their results, in order.
async fn at_once(client: &RpcClient, count: u8) -> Vec<Result<Vec<u8>, RpcError>> {
    let calls = (0..count).map(|n| client.call("m", vec![n]));
    soon("the calls", futures::future::join_all(calls)).await
}

#[tokio::test]
async fn calls_of_one_moment_share_a_stream_and_get_their_own_answers() {
    let (sizes, mut seen) = mpsc::channel(16);
    let server = batches(move |mut batch| {
        sizes.try_send(batch.calls.len()).unwrap();
        async move {
            let mut out = BytesMut::new();
            for (index, (_, message)) in batch.calls.iter().enumerate().rev() {
                encode::answer(&mut out, index);
                encode::message(&mut out, message);
            }
            encode::end(&mut out);
            batch.stream.send_all(out.freeze()).await;
        }
    });
    let client = sociable(&server);
    for (n, reply) in (0..).zip(at_once(&client, 10).await) {
        assert_eq!(reply.unwrap(), [n]);
    }
    assert_eq!(seen.recv().await, Some(10));
}

#[tokio::test]
async fn a_status_in_a_batch_is_of_its_own_call() {
    let server = batches(|mut batch| async move {
        let mut out = BytesMut::new();
        for index in 0..batch.calls.len() {
            encode::answer(&mut out, index);
            let status = match index {
                0 => Some((Code::NotFound, Origin::Handler)),
                1 => Some((Code::Unavailable, Origin::Refused)),
                _ => None,
            };
            match status {
                Some((code, origin)) => {
                    // Later than any deadline, so that nobody tries again.
                    let wait = Duration::from_secs(60);
                    let status = Status::new(code, "no").with_retry_after(wait);
                    encode::status(&mut out, &status, origin);
                }
                None => encode::message(&mut out, b"yes"),
            }
        }
        encode::end(&mut out);
        batch.stream.send_all(out.freeze()).await;
    });
    let client = sociable(&server);
    let replies = at_once(&client, 3).await;
    let failed = replies[0].as_ref().unwrap_err();
    assert!(matches!(failed, RpcError::Status(it) if it.code == Code::NotFound));
    let refused = replies[1].as_ref().unwrap_err();
    assert_eq!(refused.handler_ran(), HandlerRan::No);
    assert_eq!(replies[2].as_deref().unwrap(), b"yes");
}

/// W-76: those that were answered before keep their answers.
#[tokio::test]
async fn a_batch_that_is_cut_off_fails_the_unanswered_calls_only() {
    let answered = |out: &mut BytesMut| {
        encode::answer(out, 1);
        encode::message(out, b"in time");
    };
    type Cut = fn(&mut RawCall);
    let cuts: [(&str, Cut, StreamErrorKind); 3] = [
        ("finished", |call| call.finish(), StreamErrorKind::Truncated),
        (
            "reset",
            |call| call.reset(ErrorCode::Stalled.to_wire()),
            StreamErrorKind::Stalled,
        ),
        (
            "reset with a code that is none",
            |call| call.reset(999),
            StreamErrorKind::Reset(999),
        ),
    ];
    for (what, cut, kind) in cuts {
        let server = batches(move |mut batch| async move {
            let mut out = BytesMut::new();
            answered(&mut out);
            batch.stream.send(out.freeze()).await.unwrap();
            batch.stream.flush().await.unwrap();
            cut(&mut batch.stream);
        });
        let client = sociable(&server);
        let replies = at_once(&client, 3).await;
        assert_eq!(replies[1].as_deref().unwrap(), b"in time", "{what}");
        for index in [0, 2] {
            let error = replies[index].as_ref().unwrap_err();
            assert_eq!(error.handler_ran(), HandlerRan::Maybe, "{what}: {error:?}");
            let RpcError::StreamError(inner) = error else {
                panic!("{what}: {error:?}");
            };
            assert_eq!(inner.kind(), kind, "{what}");
        }
        let alone = soon("a later call", client.call("m", b"later".to_vec())).await;
        assert_eq!(alone.unwrap(), b"later", "{what}");
        assert_eq!(server.connections(), 1, "{what}");
    }
}

#[tokio::test]
async fn malformed_answers_fail_what_they_leave_unanswered() {
    type Write = fn(&mut BytesMut);
    let malformed: [(&str, Write); 5] = [
        ("garbage", |out| out.extend_from_slice(&[0xff; 40])),
        ("an answer to nobody", |out| {
            encode::answer(out, 17);
            encode::message(out, b"");
        }),
        ("an answer twice", |out| {
            for _ in 0..2 {
                encode::answer(out, 0);
                encode::message(out, b"");
            }
        }),
        ("an end too early", |out| encode::end(out)),
        ("a message of no call", |out| encode::message(out, b"")),
    ];
    for (what, write) in malformed {
        let server = batches(move |mut batch| async move {
            let mut out = BytesMut::new();
            write(&mut out);
            batch.stream.send_all(out.freeze()).await;
        });
        let client = sociable(&server);
        let replies = at_once(&client, 3).await;
        let last = replies[2].as_ref().unwrap_err();
        assert_eq!(last.handler_ran(), HandlerRan::Maybe, "{what}: {last:?}");
        let alone = soon("a later call", client.call("m", b"later".to_vec())).await;
        assert!(alone.is_ok(), "{what}");
    }
}

/// Refused as a whole, nothing of the batch has run: each call is sent again by itself.
#[tokio::test]
async fn a_batch_that_was_refused_is_sent_again() {
    let refused = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = refused.clone();
    let server = batches(move |mut batch| {
        let nth = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            if nth == 0 {
                batch.stream.stop(ErrorCode::Refused);
                return batch.stream.reset(ErrorCode::Refused.to_wire());
            }
            let mut out = BytesMut::new();
            for (index, (_, message)) in batch.calls.iter().enumerate() {
                encode::answer(&mut out, index);
                encode::message(&mut out, message);
            }
            encode::end(&mut out);
            batch.stream.send_all(out.freeze()).await;
        }
    });
    let client = sociable(&server);
    for (n, reply) in (0..).zip(at_once(&client, 5).await) {
        assert_eq!(reply.unwrap(), [n]);
    }
    assert!(refused.load(std::sync::atomic::Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn calls_in_a_batch_that_nobody_answers_end_at_their_own_deadlines() {
    let (given_up, mut streams) = mpsc::channel(16);
    let server = batches(move |mut batch| {
        let given_up = given_up.clone();
        async move {
            // Writes until the client wants no more.
            let skipped = Bytes::from_static(&[3, 0x50, 0, 0]);
            while batch.stream.send(skipped.clone()).await.is_ok()
                && batch.stream.flush().await.is_ok()
            {}
            given_up.try_send(()).unwrap();
        }
    });
    let client = sociable(&server);
    let calls = [50, 150].map(|millis| {
        let options = CallOptions::new().with_timeout(Duration::from_millis(millis));
        client.call_with("m", vec![], options)
    });
    for reply in soon("the calls", futures::future::join_all(calls)).await {
        assert!(reply.unwrap_err().is_timeout());
    }
    soon("the stream is given up", streams.recv()).await;
}

#[tokio::test]
async fn calls_under_way_in_a_batch_end_with_their_client_or_connection() {
    let (comes, mut came) = mpsc::channel(16);
    let server = batches(move |batch| {
        let comes = comes.clone();
        async move {
            comes.try_send(()).unwrap();
            let _held = batch;
            std::future::pending().await
        }
    });
    let client = sociable(&server);
    let calls: Vec<_> = (0..4).map(|_| client.call("m", vec![])).collect();
    let calls = tokio::spawn(futures::future::join_all(calls));
    let closing = client.clone();
    soon("a batch", came.recv()).await;
    closing.close();
    for reply in soon("the calls", calls).await.unwrap() {
        let RpcError::ConnectionError(error) = reply.unwrap_err() else {
            panic!("the client was closed");
        };
        assert_eq!(error.kind(), rpcnet::ConnectionErrorKind::ClientClosed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_of_all_sizes_keep_their_payloads_apart() {
    let running = Running::with(
        |config| config.with_batching(Batching::Auto),
        |server| async move {
            echo(server.clone()).await;
            server
                .register("later", |payload| async move {
                    tokio::task::yield_now().await;
                    Ok(payload)
                })
                .await;
        },
    )
    .await;
    for batching in [Batching::Auto, Batching::Always, Batching::Never] {
        let client = running
            .client_with(|config| config.with_batching(batching))
            .await;
        let calls = (0..600_usize).map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                // Up to 20,000 bytes: some travel alone, whatever the setting.
                let payload = vec![n as u8; n * n % 20_000];
                let method = if n % 3 == 0 { "later" } else { "echo" };
                let reply = client.call(method, payload.clone()).await;
                assert!(reply.unwrap() == payload, "call {n}");
            })
        });
        for call in calls.collect::<Vec<_>>() {
            soon("a call", call).await.unwrap();
        }
    }
    eventually("no call is left", || running.server.running_calls() == 0).await;
}

/// A call that is dropped while it waits for company, or in a batch, frees its place.
#[tokio::test]
async fn dropped_calls_leave_nothing_behind() {
    let release = Arc::new(Semaphore::new(0));
    let held = release.clone();
    let running = Running::with(
        |config| config.with_batching(Batching::Auto),
        |server| async move {
            echo(server.clone()).await;
            server
                .register("hold", move |payload| {
                    let held = held.clone();
                    async move {
                        held.acquire().await.unwrap().forget();
                        Ok(payload)
                    }
                })
                .await;
        },
    )
    .await;
    let client = running
        .client_with(|config| config.with_batching(Batching::Always))
        .await;
    for round in 0..20 {
        let calls: Vec<_> = (0..30)
            .map(|_| tokio::spawn(client.call("hold", vec![])))
            .collect();
        if round % 2 == 0 {
            eventually("they run", || running.server.running_calls() > 0).await;
        }
        calls.iter().for_each(tokio::task::JoinHandle::abort);
        for call in calls {
            assert!(call.await.unwrap_err().is_cancelled());
        }
    }
    eventually("no call is left", || running.server.running_calls() == 0).await;
    assert_eq!(
        soon("a call", client.call("echo", vec![1])).await.unwrap(),
        [1]
    );
}

#[tokio::test]
async fn a_client_sends_no_batch_to_a_server_that_takes_none() {
    let server = Scripted::calls(|_, call| echo_call(call));
    let client = sociable(&server);
    for (n, reply) in (0..).zip(at_once(&client, 5).await) {
        assert_eq!(reply.unwrap(), [n]);
    }
}

/// On a shared stream, others would wait behind its replies.
#[tokio::test]
async fn a_method_that_last_replied_at_length_goes_alone() {
    let (comes, mut came) = mpsc::channel(16);
    let server = batches(move |mut batch| {
        comes.try_send(batch.calls.len()).unwrap();
        async move {
            let mut out = BytesMut::new();
            for index in 0..batch.calls.len() {
                encode::answer(&mut out, index);
                encode::message(&mut out, &[7; 10_000]);
            }
            encode::end(&mut out);
            batch.stream.send_all(out.freeze()).await;
        }
    });
    let client = sociable(&server);
    for reply in at_once(&client, 3).await {
        assert_eq!(reply.unwrap().len(), 10_000);
    }
    assert_eq!(came.try_recv(), Ok(3));
    // Calls alone are echoed: with replies as short as these, they travel together again.
    for (n, reply) in (0..).zip(at_once(&client, 3).await) {
        assert_eq!(reply.unwrap(), [n]);
    }
    assert!(came.try_recv().is_err());
    assert_eq!(at_once(&client, 2).await.len(), 2);
    assert_eq!(came.try_recv(), Ok(2));
}
