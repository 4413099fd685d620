//! Every limit just below, at and just above its value: what passes, and what is said otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{
    CallKind, CallOptions, Code, ConnectionErrorKind, HandlerRan, Limits, Metadata, RpcClient,
    RpcError, RpcServer, Status,
};
use rpcnet_proto::Origin;
use rpcnet_proto::wire::{ErrorCode, encode};
use rpcnet_testkit::scripted::{RawEnd, Windows, frames};
use tokio::sync::Semaphore;

use crate::pair::{Running, echo, eventually, soon};
use crate::raw::Raw;

/// A message limit whose messages span many packets, and are counted while assembled.
const LIMIT: usize = 100_000;

/// Registers `hold`, whose calls stay until the semaphore lets them go, and counts them.
async fn hold(server: &RpcServer, release: Arc<Semaphore>, entered: Arc<AtomicUsize>) {
    server
        .register("hold", move |payload| {
            let (release, entered) = (release.clone(), entered.clone());
            async move {
                entered.fetch_add(1, Ordering::SeqCst);
                release.acquire().await.expect("never closed").forget();
                Ok(payload)
            }
        })
        .await;
}

/// A server with `echo`, `echo_stream` and `hold`.
struct Held {
    running: Running,
    release: Arc<Semaphore>,
    entered: Arc<AtomicUsize>,
}

impl Held {
    async fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let (release, entered) = (Arc::new(Semaphore::new(0)), Arc::default());
        let mut limits = Limits::default();
        change(&mut limits);
        let running = Running::with(
            |config| config.with_limits(limits),
            |server| {
                let (release, entered) = (release.clone(), Arc::clone(&entered));
                async move {
                    hold(&server, release, entered).await;
                    echo(server).await;
                }
            },
        )
        .await;
        Self {
            running,
            release,
            entered,
        }
    }

    async fn entered(&self, count: usize) {
        eventually("calls reach their handler", || {
            self.entered.load(Ordering::SeqCst) == count
        })
        .await;
    }
}

fn refused(received: &rpcnet_testkit::scripted::Received) -> Status {
    let (status, origin) = received.status().expect("a status");
    assert_eq!(origin, Origin::Refused);
    status
}

/// Fails unless the error is a limit that this side knew of, and says how to raise it.
fn assert_refused_here(error: &RpcError, limit: usize, setting: &str) {
    let RpcError::ResourceExhausted(refusal) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.handler_ran(), HandlerRan::No);
    assert!(!refusal.is_remote(), "{refusal}");
    assert!(refusal.message().contains(&limit.to_string()), "{refusal}");
    assert!(refusal.message().contains(setting), "{refusal}");
}

async fn collected(
    responses: Result<rpcnet::ResponseStream, RpcError>,
) -> Result<Vec<Vec<u8>>, RpcError> {
    responses?.try_collect().await
}

#[tokio::test]
async fn requests_pass_up_to_the_servers_limit_and_longer_ones_are_not_sent() {
    let running = Running::with(|config| config.with_max_message_bytes(LIMIT), echo).await;
    let client = running.client().await;
    for len in [0, 1, LIMIT - 1, LIMIT] {
        let message = vec![b'x'; len];
        assert_eq!(client.call("echo", message.clone()).await.unwrap(), message);
        let one = || stream::iter([message.clone()]);
        let both = client.call_streaming("echo_stream", one()).await;
        assert_eq!(
            collected(both).await.unwrap(),
            std::slice::from_ref(&message)
        );
        let down = client.call_server_streaming("echo_stream", message.clone());
        assert_eq!(
            collected(down.await).await.unwrap(),
            std::slice::from_ref(&message)
        );
        let up = client.call_client_streaming("echo_stream", one()).await;
        assert_eq!(up.unwrap(), message);
    }
    let message = vec![b'x'; LIMIT + 1];
    let one = || stream::iter([message.clone()]);
    let failures = [
        client.call("echo", message.clone()).await.unwrap_err(),
        collected(client.call_streaming("echo_stream", one()).await)
            .await
            .unwrap_err(),
        collected(
            client
                .call_server_streaming("echo_stream", message.clone())
                .await,
        )
        .await
        .unwrap_err(),
        client
            .call_client_streaming("echo_stream", one())
            .await
            .unwrap_err(),
    ];
    for error in &failures {
        assert_refused_here(error, LIMIT, "with_max_message_bytes");
    }
    assert_eq!(
        client.call("echo", b"alive".to_vec()).await.unwrap(),
        b"alive"
    );
}

#[tokio::test]
async fn replies_pass_up_to_the_clients_limit_and_longer_ones_name_it() {
    let running = Running::new(|server| async move {
        let reply = |request: &[u8]| {
            let len = u32::from_be_bytes(request.try_into().expect("four bytes"));
            vec![b'y'; len as usize]
        };
        server
            .register("give", move |request| async move { Ok(reply(&request)) })
            .await;
        server
            .register_streaming("give_stream", move |requests| async move {
                requests.map(move |request| Ok(reply(&request)))
            })
            .await;
    })
    .await;
    let client = running
        .client_with(|config| config.with_max_message_bytes(LIMIT))
        .await;
    let asked = |len: usize| u32::try_from(len).unwrap().to_be_bytes().to_vec();
    for len in [0, 1, LIMIT - 1, LIMIT] {
        assert_eq!(client.call("give", asked(len)).await.unwrap().len(), len);
        let down = client.call_server_streaming("give_stream", asked(len));
        assert_eq!(collected(down.await).await.unwrap()[0].len(), len);
    }
    let unary = client.call("give", asked(LIMIT + 1)).await.unwrap_err();
    let down = client.call_server_streaming("give_stream", asked(LIMIT + 1));
    let streamed = collected(down.await).await.unwrap_err();
    for error in [unary, streamed] {
        let RpcError::ResourceExhausted(refusal) = &error else {
            panic!("{error:?}");
        };
        assert!(refusal.message().contains("100000"), "{refusal}");
        assert!(
            refusal.message().contains("with_max_message_bytes"),
            "{refusal}"
        );
        assert_eq!(error.handler_ran(), HandlerRan::Maybe);
    }
    assert_eq!(client.call("give", asked(3)).await.unwrap(), b"yyy");
}

#[tokio::test]
async fn a_declared_length_beyond_the_limit_is_answered_without_its_body() {
    let running = Running::with(|config| config.with_max_message_bytes(LIMIT), echo).await;
    let raw = Raw::new(&running).await;
    for (id, length) in [(1, LIMIT as u64 + 2), (2, 1 << 40)] {
        let mut bytes = frames::head(&frames::header(id, CallKind::Unary, "echo"));
        match u32::try_from(length) {
            Ok(length) => bytes.put_u32(0x8000_0000 | length),
            Err(_) => bytes.put_u64(0xc000_0000_0000_0000 | length),
        }
        bytes.put_u8(0x02);
        bytes.put_slice(b"a few bytes of it");
        let mut call = raw.begin(bytes.freeze()).await;
        let status = refused(&soon("a refusal before the body", call.read()).await);
        assert_eq!(status.code, Code::ResourceExhausted);
        assert!(status.message.contains("100000"), "{status}");
        assert!(
            status.message.contains("with_max_message_bytes"),
            "{status}"
        );
    }
    raw.assert_alive(3).await;
}

#[tokio::test]
async fn a_stream_item_beyond_the_limit_ends_its_call_and_no_other() {
    let running = Running::with(|config| config.with_max_message_bytes(LIMIT), echo).await;
    let raw = Raw::new(&running).await;
    let header = frames::header(1, CallKind::Bidirectional, "echo_stream");
    let mut bytes = frames::head(&header);
    bytes.put_u64(0xc000_0000_0000_0000 | 1 << 40);
    bytes.put_u8(0x02);
    let mut call = raw.begin(bytes.freeze()).await;
    let received = soon("a reset before the body", call.read()).await;
    assert!(received.is_reset(ErrorCode::LimitExceeded), "{received:?}");
    raw.assert_alive(2).await;
}

/// A call whose HEADER has a body of exactly this many bytes.
fn header_of(id: u64, len: usize) -> Bytes {
    let mut header = frames::header(id, CallKind::Unary, "echo");
    let bare = header.borrowed().body_len();
    // Key "k" and a value of two length bytes cost four more than the value.
    header
        .metadata
        .insert("k", vec![b'v'; len - bare - 4])
        .unwrap();
    assert_eq!(header.borrowed().body_len(), len);
    let mut bytes = frames::head(&header);
    encode::message(&mut bytes, b"x");
    encode::end(&mut bytes);
    bytes.freeze()
}

#[tokio::test]
async fn headers_pass_up_to_the_limit_and_a_longer_one_names_it() {
    let running = Running::with(|config| config.with_max_header_bytes(1000), echo).await;
    let raw = Raw::new(&running).await;
    for len in [999, 1000] {
        let received = raw.call(header_of(len as u64, len)).await;
        assert_eq!(received.message().as_deref(), Some(&b"x"[..]));
    }
    let status = refused(&raw.call(header_of(1001, 1001)).await);
    assert_eq!(status.code, Code::ResourceExhausted);
    assert!(status.message.contains("1000"), "{status}");
    raw.assert_alive(1002).await;

    let client = running.client().await;
    let mut metadata = Metadata::new();
    metadata.insert("k", vec![b'v'; 1000]).unwrap();
    let options = CallOptions::new().with_metadata(metadata);
    let error = client.call_with("echo", vec![], options).await.unwrap_err();
    assert_refused_here(&error, 1000, "with_max_header_bytes");
    assert_eq!(client.call("echo", vec![]).await.unwrap(), b"");
}

#[tokio::test]
async fn a_method_name_that_breaks_the_rule_is_refused_and_never_repeated() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let client = running.client().await;
    let long = "m".repeat(129);
    let names: [&[u8]; 7] = [
        b"",
        long.as_bytes(),
        b"caf\xff\xfe",
        b"evil\0name",
        b"evil\r\nname",
        b"evil\x1b[31mname",
        b"evil name",
    ];
    for (id, name) in (1..).zip(names) {
        let status = refused(&raw.call(frames::unary_of_any_method(id, name)).await);
        assert_eq!(status.code, Code::InvalidArgument, "{name:?}");
        assert!(status.message.contains("method name"), "{status}");
        assert!(!status.message.contains("evil"), "{status}");
        assert!(!status.message.contains(&long), "{status}");
        assert!(!status.message.contains(char::is_control), "{status}");
        if let Ok(name) = str::from_utf8(name) {
            let error = client.call(name, vec![]).await.unwrap_err();
            assert!(matches!(error, RpcError::ConfigError(_)), "{error:?}");
            assert!(!error.to_string().contains("evil"), "{error}");
        }
    }
    let longest = "m".repeat(128);
    for (id, name) in (100..).zip([&b"m"[..], longest.as_bytes()]) {
        let status = refused(&raw.call(frames::unary_of_any_method(id, name)).await);
        assert_eq!(status.code, Code::Unimplemented);
        assert!(!status.message.contains("mmm"), "{status}");
    }
    raw.assert_alive(200).await;
}

#[tokio::test]
async fn a_client_that_ignores_the_announced_limit_is_refused_beyond_it() {
    let held = Held::new(|limits| limits.calls_per_connection_max = 3).await;
    let raw = Raw::new(&held.running).await;
    let mut calls = Vec::new();
    for id in 1..=3 {
        let mut call = raw.begin(frames::unary(id, "hold", b"")).await;
        call.finish();
        // That nobody waits for the answer does not give its place back.
        call.stop(ErrorCode::Cancelled);
        calls.push(call);
    }
    held.entered(3).await;
    let status = refused(&raw.call(frames::unary(4, "echo", b"fourth")).await);
    assert_eq!(status.code, Code::ResourceExhausted);
    assert!(status.message.contains("3 calls"), "{status}");
    let other = held.running.client().await;
    assert_eq!(other.call("echo", vec![]).await.unwrap(), b"");
    assert_eq!(held.running.server.running_calls(), 3);
    held.release.add_permits(3);
    eventually("places come free", || {
        held.running.server.running_calls() == 0
    })
    .await;
    let fifth = raw.call(frames::unary(5, "echo", b"fifth")).await;
    assert_eq!(fifth.message().as_deref(), Some(&b"fifth"[..]));
}

#[tokio::test]
async fn calls_beyond_the_servers_limit_are_refused_as_safe_to_repeat() {
    let held = Held::new(|limits| limits.calls_per_server_max = 3).await;
    let client = held.running.client().await;
    let calls: Vec<_> = (0..3)
        .map(|_| tokio::spawn(client.call("hold", vec![])))
        .collect();
    held.entered(3).await;
    let other = held.running.client().await;
    let error = other.call("echo", vec![]).await.unwrap_err();
    let RpcError::ResourceExhausted(refusal) = &error else {
        panic!("{error:?}");
    };
    assert!(refusal.message().contains("server"), "{refusal}");
    assert!(error.is_retryable() && refusal.is_remote());
    assert_eq!(refusal.retry_after(), Some(Limits::default().retry_after));
    held.release.add_permits(1);
    eventually("a place comes free", || {
        held.running.server.running_calls() == 2
    })
    .await;
    assert_eq!(other.call("echo", vec![]).await.unwrap(), b"");
    held.release.add_permits(2);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), b"");
    }
}

#[tokio::test]
async fn a_server_without_a_place_refuses_at_once_and_says_when_to_try_again() {
    for (said, told) in [
        (Duration::from_millis(700), Some(Duration::from_millis(700))),
        (Duration::from_micros(1), Some(Duration::from_millis(1))),
        (Duration::from_secs(60), Some(Duration::from_secs(60))),
        (Duration::ZERO, None),
    ] {
        let held = Held::new(|limits| {
            limits.calls_per_server_max = 1;
            limits.retry_after = said;
        })
        .await;
        let client = held.running.client().await;
        let holding = tokio::spawn(client.call("hold", vec![]));
        held.entered(1).await;
        // The same method: were the refusal late, or had it entered, this would hang.
        let refused = soon("the refusal", client.call("hold", vec![])).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, RpcError::ResourceExhausted(_)),
            "{refused:?}"
        );
        assert_eq!(refused.handler_ran(), HandlerRan::No);
        assert!(refused.is_retryable());
        assert_eq!(refused.retry_after(), told, "{said:?}");
        // A stream is refused in the same way.
        let mut responses = client
            .call_server_streaming("echo_stream", vec![])
            .await
            .unwrap();
        let refused = soon("the refusal", responses.next()).await.unwrap();
        let refused = refused.unwrap_err();
        assert!(refused.is_retryable(), "{refused:?}");
        assert_eq!(refused.retry_after(), told);
        assert_eq!(held.entered.load(Ordering::SeqCst), 1);
        held.release.add_permits(1);
        assert!(holding.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_client_waits_for_a_place_among_the_calls_that_the_server_announced() {
    let held = Held::new(|limits| limits.calls_per_connection_max = 3).await;
    let client = held.running.client().await;
    let calls: Vec<_> = (0..4)
        .map(|_| tokio::spawn(client.call("hold", vec![])))
        .collect();
    held.entered(3).await;
    held.release.add_permits(4);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), b"");
    }
    assert_eq!(held.entered.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_one_ends() {
    let held = Held::new(|limits| limits.connections_max = 2).await;
    let first = held.running.client().await;
    let second = held.running.client().await;
    let config = held
        .running
        .certs
        .client()
        .with_connect_timeout(Duration::from_millis(300));
    let error = RpcClient::connect(held.running.addr, config)
        .await
        .unwrap_err();
    let RpcError::ConnectionError(refusal) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.kind(), ConnectionErrorKind::Refused);
    assert_eq!(error.handler_ran(), HandlerRan::No);
    assert_eq!(second.call("echo", vec![]).await.unwrap(), b"");
    drop(first);
    let config = held.running.certs.client();
    let third = soon("a place", async {
        loop {
            if let Ok(client) = RpcClient::connect(held.running.addr, config.clone()).await {
                break client;
            }
        }
    })
    .await;
    assert_eq!(third.call("echo", vec![]).await.unwrap(), b"");
}

/// A time short enough to wait for, and long enough for a busy machine not to reach.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_stream_without_its_header_is_reset_in_time_wherever_it_stops() {
    let held = Held::new(|limits| limits.header_timeout = SHORT).await;
    let raw = Raw::new(&held.running).await;
    let whole = frames::unary(1, "echo", b"x");
    let cuts = [0, 1, 2, 9].map(|cut| {
        let (raw, bytes) = (&raw, whole.slice(..cut));
        async move {
            let mut call = raw.begin(bytes).await;
            // A stream is opened by its first byte or its end.
            if cut > 0 {
                let received = soon("a reset", call.read()).await;
                assert!(received.is_reset(ErrorCode::Stalled), "{received:?}");
            }
        }
    });
    join_all(cuts).await;
    raw.assert_alive(2).await;
}

#[tokio::test]
async fn a_message_that_stops_arriving_is_reset_as_stalled() {
    let held = Held::new(|limits| limits.stall_timeout = SHORT).await;
    let raw = Raw::new(&held.running).await;
    let half = |id, kind, method: &str| {
        let mut bytes = frames::head(&frames::header(id, kind, method));
        encode::message_prefix(&mut bytes, 1000);
        bytes.put_slice(b"half of it");
        bytes.freeze()
    };
    for (id, kind, method) in [
        (1, CallKind::Unary, "echo"),
        (2, CallKind::Bidirectional, "echo_stream"),
    ] {
        let mut call = raw.begin(half(id, kind, method)).await;
        let received = soon("a reset", call.read()).await;
        assert!(received.is_reset(ErrorCode::Stalled), "{received:?}");
    }
    eventually("places come free", || {
        held.running.server.running_calls() == 0
    })
    .await;
    raw.assert_alive(3).await;
}

#[tokio::test]
async fn a_reply_that_nobody_reads_is_given_up_and_its_budget_with_it() {
    let held = Held::new(|limits| {
        limits.stall_timeout = SHORT;
        limits.queued_reply_bytes_max = 1 << 20;
    })
    .await;
    let small = Windows {
        stream: 16 << 10,
        ..Windows::default()
    };
    let raw = Raw::with(&held.running, small).await;
    let large = vec![b'x'; 1 << 20];
    let mut unread = raw.peer.open().await.unwrap();
    unread.send_all(frames::unary(1, "echo", &large)).await;
    // Its first byte is there, so the budget is taken.
    assert!(unread.receive().await.unwrap().is_some());
    let status = raw.call(frames::unary(2, "echo", &large)).await.status();
    let (status, origin) = status.expect("a refusal");
    assert_eq!(
        (status.code, origin),
        (Code::ResourceExhausted, Origin::Server)
    );
    assert!(
        status.message.contains("with_max_queued_reply_bytes"),
        "{status}"
    );
    // What waits in the transport stays counted, the rest of the reply comes free.
    let half = vec![b'x'; 512 << 10];
    soon("the budget comes free", async {
        for id in 3.. {
            let received = raw.call(frames::unary(id, "echo", &half)).await;
            if received.message().is_some_and(|reply| reply == half) {
                break;
            }
        }
    })
    .await;
    // The connection lives, and what comes of the reply is known for cut off.
    let rest = unread.read().await;
    assert_eq!(rest.end, RawEnd::Finished);
    assert!(rest.bytes.len() < large.len());
}

#[tokio::test]
async fn unread_replies_stay_within_their_budget_and_small_calls_go_on() {
    const CALLS: usize = 100;
    const BUDGET: usize = 8 << 20;
    let running = Running::with(
        |config| config.with_max_queued_reply_bytes(BUDGET),
        |server| async move {
            server
                .register("large", |_| async { Ok(vec![b'x'; 1 << 20]) })
                .await;
            echo(server).await;
        },
    )
    .await;
    let small = Windows {
        stream: 16 << 10,
        ..Windows::default()
    };
    let raw = Raw::with(&running, small).await;
    let mut calls = Vec::new();
    for id in 1..=CALLS {
        let mut call = raw.peer.open().await.unwrap();
        call.send_all(frames::unary(id as u64, "large", b"")).await;
        calls.push(call);
    }
    let mut refused = 0;
    for call in &mut calls {
        let first = soon("a first chunk", call.receive()).await.unwrap();
        let mut response = BytesMut::from(&first.expect("no end yet")[..]);
        // A reply begins with its length, a status has a type that is not MESSAGE's.
        let is_status = response.len() < 1024 && response.split_off(2)[..1] != [0x02];
        refused += usize::from(is_status);
    }
    assert_eq!(refused, CALLS - BUDGET / (1 << 20));
    for id in 0..200 {
        raw.assert_alive(1000 + id).await;
    }
    // The others were not lost: whoever reads gets them whole.
    let mut whole = 0;
    for call in &mut calls {
        whole += usize::from(soon("the rest", call.read()).await.bytes.len() > 1_000_000);
    }
    assert_eq!(whole, BUDGET / (1 << 20));
}

#[tokio::test]
async fn requests_beyond_their_budget_wait_while_small_ones_go_on() {
    const LARGE: usize = 1 << 20;
    let held = Held::new(|limits| {
        limits.message_bytes_max = LARGE;
        limits.queued_request_bytes_max = LARGE;
    })
    .await;
    let client = held.running.client().await;
    let first = tokio::spawn(client.call("hold", vec![b'x'; LARGE]));
    held.entered(1).await;
    let second = tokio::spawn(client.call("hold", vec![b'x'; LARGE]));
    eventually("the second call has arrived", || {
        held.running.server.running_calls() == 2
    })
    .await;
    for _ in 0..200 {
        assert_eq!(
            client.call("echo", b"small".to_vec()).await.unwrap(),
            b"small"
        );
    }
    assert_eq!(held.entered.load(Ordering::SeqCst), 1);
    held.release.add_permits(2);
    for call in [first, second] {
        assert_eq!(
            soon("both calls", call).await.unwrap().unwrap().len(),
            LARGE
        );
    }
}
