//! Clients that break the protocol, or use it as a weapon, harm their own calls at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use rpcnet::{CallId, CallKind, Code, Limits, Status};
use rpcnet_proto::Origin;
use rpcnet_proto::wire::{Cancel, ErrorCode, GoAway, Settings, StreamKind, encode};
use rpcnet_testkit::scripted::{RawEnd, Windows, frames};

use crate::pair::{Running, echo, eventually, soon};
use crate::raw::Raw;

/// A server with `echo`, `echo_stream`, and `wait`, whose calls are counted and never answered.
async fn waiting(limits: Limits) -> (Running, Arc<AtomicUsize>) {
    let entered = Arc::<AtomicUsize>::default();
    let running = Running::with(
        |config| config.with_limits(limits),
        |server| {
            let entered = entered.clone();
            async move {
                server
                    .register("wait", move |_| {
                        entered.fetch_add(1, Ordering::SeqCst);
                        std::future::pending()
                    })
                    .await;
                echo(server).await;
            }
        },
    )
    .await;
    (running, entered)
}

fn cancel(id: u64) -> Cancel {
    Cancel {
        call_id: CallId::new(id).expect("small"),
        code: ErrorCode::Cancelled,
    }
}

/// Where a frame goes on the wire, as one buffer.
fn written(write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    write(&mut out);
    out.freeze()
}

#[tokio::test]
async fn a_stream_of_an_unknown_kind_is_refused_and_the_connection_goes_on() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    for (id, kind) in (1..).zip([0x00, 0x03, 0x10, 0x7f, 0xff]) {
        let mut bytes = BytesMut::from(&frames::unary(id, "echo", b"x")[..]);
        bytes[0] = kind;
        let received = raw.call(bytes.freeze()).await;
        assert!(
            received.is_reset(ErrorCode::UnknownStreamKind),
            "{kind:#04x}: {received:?}"
        );
    }
    raw.assert_alive(100).await;
}

#[tokio::test]
async fn a_unidirectional_stream_of_an_unknown_kind_is_stopped_and_the_connection_goes_on() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    for kind in [0x01, 0x02, 0x11, 0xff] {
        let mut extra = raw.peer.open_control().await.unwrap();
        extra.send(Bytes::from(vec![kind])).await.unwrap();
        let stopped = soon("a stop", async {
            loop {
                let sent = extra.send(Bytes::from_static(&[0; 1024])).await;
                if let Err(error) = sent {
                    break error;
                }
                tokio::task::yield_now().await;
            }
        });
        let s2n_quic::stream::Error::StreamReset { error, .. } = stopped.await else {
            panic!("the connection is lost");
        };
        assert_eq!(u64::from(error), ErrorCode::UnknownStreamKind.to_wire());
    }
    raw.assert_alive(1).await;
}

#[tokio::test]
async fn garbage_after_the_kind_ends_its_own_stream_only() {
    let (running, entered) = waiting(Limits::default()).await;
    let raw = Raw::new(&running).await;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..500 {
        let mut bytes = BytesMut::new();
        bytes.put_u8(StreamKind::Call.to_byte());
        for _ in 0..random() % 200 {
            bytes.put_u8(random() as u8);
        }
        let received = raw.call(bytes.freeze()).await;
        let is_refused = matches!(received.end, RawEnd::Reset(_)) || received.status().is_some();
        assert!(is_refused, "round {round}: {received:?}");
    }
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    raw.assert_alive(1).await;
}

#[tokio::test]
async fn one_bent_byte_anywhere_in_a_request_never_costs_more_than_its_call() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let whole = frames::unary(1, "echo", b"payload");
    for at in 1..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = BytesMut::from(&whole[..]);
            bytes[at] ^= flip;
            // Whatever it says now, there is an answer to it.
            let received = raw.call(bytes.freeze()).await;
            assert_ne!(received.end, RawEnd::Lost, "byte {at} ^ {flip:#04x}");
        }
    }
    raw.assert_alive(100).await;
}

#[tokio::test]
async fn a_second_control_stream_closes_the_connection() {
    let running = Running::new(echo).await;
    let mut raw = Raw::new(&running).await;
    raw.assert_alive(1).await;
    let mut second = raw.peer.open_control().await.unwrap();
    let again = frames::control(&Settings::default());
    second.send(again).await.unwrap();
    let code = soon("the connection closes", raw.peer.closed()).await;
    assert_eq!(code, Some(ErrorCode::Protocol.to_wire()));
}

#[tokio::test]
async fn a_connection_without_settings_is_closed_and_its_calls_never_start() {
    let limits = {
        let mut limits = Limits::default();
        limits.header_timeout = Duration::from_millis(300);
        limits
    };
    let (running, entered) = waiting(limits).await;
    let mut raw = Raw::silent(&running, Windows::default()).await;
    let _call = raw.begin(frames::unary(1, "wait", b"")).await;
    let code = soon("the connection closes", raw.peer.closed()).await;
    assert_eq!(code, Some(ErrorCode::SettingsMissing.to_wire()));
    assert_eq!(entered.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn malformed_control_streams_close_their_connection() {
    let running = Running::new(echo).await;
    let settings = Settings::default();
    let begin = frames::control(&settings);
    let after = |bytes: Bytes| [&begin[..], &bytes[..]].concat();
    let status = Status::new(Code::Internal, "");
    let streams = [
        (after(begin.slice(1..)), ErrorCode::Protocol),
        (after(Bytes::from_static(&[0])), ErrorCode::Protocol),
        (
            after(written(|out| encode::message(out, b"x"))),
            ErrorCode::Protocol,
        ),
        (
            after(written(|out| encode::status(out, &status, Origin::Server))),
            ErrorCode::Protocol,
        ),
        (
            written(|out| {
                encode::stream_kind(out, StreamKind::Control);
                encode::cancel(out, &cancel(1));
            })
            .to_vec(),
            ErrorCode::Protocol,
        ),
        // SETTINGS that declare 2^30 bytes.
        (
            vec![0x10, 0xc0, 0, 0, 0, 0x40, 0, 0, 1, 0x10],
            ErrorCode::LimitExceeded,
        ),
    ];
    for (at, (bytes, code)) in streams.into_iter().enumerate() {
        let mut raw = Raw::silent(&running, Windows::default()).await;
        raw.peer.send_control(bytes.into()).await.unwrap();
        let closed = soon("the connection closes", raw.peer.closed()).await;
        assert_eq!(closed, Some(code.to_wire()), "stream {at}");
    }
    Raw::new(&running).await.assert_alive(1).await;
}

#[tokio::test]
async fn frames_that_have_no_place_in_a_request_end_the_call_only() {
    let (running, entered) = waiting(Limits::default()).await;
    let raw = Raw::new(&running).await;
    let head = |id| frames::head(&frames::header(id, CallKind::Unary, "wait"));
    let go_away = GoAway {
        grace: Duration::ZERO,
        retry_after: Duration::ZERO,
        message: String::new(),
    };
    let status = Status::new(Code::Internal, "");
    let misplaced = [
        written(|out| encode::goaway(out, &go_away)),
        written(|out| encode::status(out, &status, Origin::Server)),
        written(|out| encode::settings(out, &Settings::default())),
        written(|out| encode::cancel(out, &cancel(1))),
        written(|out| encode::header(out, &frames::header(9, CallKind::Unary, "wait"))),
        written(|out| {
            encode::message(out, b"one");
            encode::message(out, b"two");
        }),
        // The end before the message, an unknown type below 0x40, a varint too long.
        Bytes::from_static(&[0]),
        Bytes::from_static(&[2, 0x3f, 0]),
        Bytes::from_static(&[0x40, 2, 2, 0]),
    ];
    for (id, frame) in (1..).zip(misplaced) {
        let mut bytes = head(id);
        bytes.extend_from_slice(&frame);
        encode::end(&mut bytes);
        let received = raw.call(bytes.freeze()).await;
        assert!(
            received.is_reset(ErrorCode::Protocol),
            "frame {id}: {received:?}"
        );
    }
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    raw.assert_alive(100).await;
}

#[tokio::test]
async fn frames_of_a_later_version_are_skipped_wherever_they_come() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let later = [4, 0x41, 1, 2, 3];
    let mut bytes = BytesMut::from(&[StreamKind::Call.to_byte()][..]);
    bytes.extend_from_slice(&later);
    encode::header(&mut bytes, &frames::header(1, CallKind::Unary, "echo"));
    bytes.extend_from_slice(&later);
    encode::message(&mut bytes, b"x");
    bytes.extend_from_slice(&later);
    encode::end(&mut bytes);
    let received = raw.call(bytes.freeze()).await;
    assert_eq!(received.message().as_deref(), Some(&b"x"[..]));
}

#[tokio::test]
async fn a_call_number_that_is_taken_ends_the_second_call_only() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let header = frames::header(7, CallKind::Bidirectional, "echo_stream");
    let mut first = raw.begin(frames::head(&header).freeze()).await;
    eventually("the first call runs", || {
        running.server.running_calls() == 1
    })
    .await;
    let received = raw.call(frames::unary(7, "echo", b"again")).await;
    assert!(received.is_reset(ErrorCode::Protocol), "{received:?}");
    first
        .send_all(written(|out| {
            encode::message(out, b"x");
            encode::end(out);
        }))
        .await;
    let received = soon("the first call's answer", first.read()).await;
    let (messages, status) = received.response(CallKind::Bidirectional).unwrap();
    assert_eq!((messages, status), (vec![Bytes::from("x")], None));
}

#[tokio::test]
async fn bytes_behind_the_end_marker_fail_the_call() {
    let (running, entered) = waiting(Limits::default()).await;
    let raw = Raw::new(&running).await;
    for (id, behind) in (1..).zip([&[0][..], b"x", &[2, 2, b'x']]) {
        let mut bytes = BytesMut::from(&frames::unary(id, "wait", b"x")[..]);
        bytes.extend_from_slice(behind);
        let received = raw.call(bytes.freeze()).await;
        assert!(received.is_reset(ErrorCode::Protocol), "{received:?}");
    }
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    let mut bytes = frames::head(&frames::header(10, CallKind::Bidirectional, "echo_stream"));
    encode::end(&mut bytes);
    encode::message(&mut bytes, b"late");
    let received = raw.call(bytes.freeze()).await;
    assert!(received.is_reset(ErrorCode::Protocol), "{received:?}");
    raw.assert_alive(100).await;
}

#[tokio::test]
async fn a_cancel_that_overtakes_its_call_keeps_the_handler_from_starting() {
    let (running, entered) = waiting(Limits::default()).await;
    let mut raw = Raw::new(&running).await;
    let cancels = written(|out| encode::cancel(out, &cancel(7)));
    raw.peer.send_control(cancels).await.unwrap();
    // An answer from the server says that what was sent before has been looked at.
    raw.assert_alive(1).await;
    let received = raw.call(frames::unary(7, "wait", b"")).await;
    assert!(received.is_reset(ErrorCode::Cancelled), "{received:?}");
    assert_eq!(entered.load(Ordering::SeqCst), 0);
    raw.assert_alive(8).await;
}

#[tokio::test]
async fn a_hundred_thousand_cancels_of_unknown_calls_leave_the_newest_remembered() {
    const CANCELS: u64 = 100_000;
    let (running, _) = waiting(Limits::default()).await;
    let mut raw = Raw::new(&running).await;
    for first in (1000..1000 + CANCELS).step_by(1000) {
        let cancels = written(|out| {
            (first..first + 1000).for_each(|id| encode::cancel(out, &cancel(id)));
        });
        soon("credit for cancels", raw.peer.send_control(cancels))
            .await
            .unwrap();
    }
    let last = 1000 + CANCELS - 1;
    let newest = raw.call(frames::unary(last, "wait", b""));
    let newest = soon("the newest counts", newest);
    assert!(newest.await.is_reset(ErrorCode::Cancelled));
    // The oldest are forgotten: that is the bound.
    let received = raw.call(frames::unary(1000, "echo", b"x")).await;
    assert_eq!(received.message().as_deref(), Some(&b"x"[..]));
}

#[tokio::test]
async fn a_flood_of_opened_and_reset_calls_never_runs_more_than_the_limit() {
    const PAIRS: u64 = 10_000;
    const LIMIT: usize = 50;
    let mut limits = Limits::default();
    limits.calls_per_connection_max = LIMIT;
    let (running, _) = waiting(limits).await;
    let mut raw = Raw::new(&running).await;
    let mut most = 0;
    for id in 1..=PAIRS {
        let mut call = soon("credit for a stream", raw.peer.open()).await.unwrap();
        call.send(frames::unary(id, "wait", b"")).await.unwrap();
        if id % 2 == 0 {
            // The request is whole; the handler does not see that nobody waits.
            call.finish();
        }
        call.reset(ErrorCode::Cancelled.to_wire());
        call.stop(ErrorCode::Cancelled);
        most = most.max(running.server.running_calls());
        if id % 100 == 0 {
            let cancels =
                written(|out| (id - 99..=id).for_each(|id| encode::cancel(out, &cancel(id))));
            raw.peer.send_control(cancels).await.unwrap();
        }
    }
    assert!(most <= LIMIT, "{most} calls ran at once");
    eventually("all handlers are dropped", || {
        running.server.running_calls() == 0
    })
    .await;
    raw.assert_alive(PAIRS + 1).await;
}

#[tokio::test]
async fn a_message_that_drips_in_byte_by_byte_arrives_whole() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let message: Vec<u8> = (0..64 << 10).map(|n: u32| n as u8).collect();
    let bytes = frames::unary(1, "echo", &message);
    let mut call = raw.peer.open().await.unwrap();
    for at in 0..bytes.len() {
        call.send(bytes.slice(at..=at)).await.unwrap();
        // Now and then what was sent leaves, so that it arrives in many small pieces.
        if at % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    call.finish();
    let received = soon("the echo", call.read()).await;
    assert_eq!(received.message().as_deref(), Some(&message[..]));
}

#[tokio::test]
async fn a_connection_that_vanishes_takes_its_handlers_with_it() {
    let (running, entered) = waiting(Limits::default()).await;
    let raw = Raw::new(&running).await;
    for id in 1..=10 {
        let mut call = raw.begin(frames::unary(id, "wait", b"")).await;
        call.finish();
        std::mem::forget(call);
    }
    eventually("all run", || entered.load(Ordering::SeqCst) == 10).await;
    raw.peer.close(ErrorCode::NoError);
    eventually("none runs", || running.server.running_calls() == 0).await;
    let client = running.client().await;
    let responses = client.call_server_streaming("echo_stream", b"x".to_vec());
    assert_eq!(responses.await.unwrap().count().await, 1);
}
