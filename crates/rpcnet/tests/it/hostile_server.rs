//! Servers that break the protocol: every call ends by its deadline, with what is true, and the
//! client stays usable.

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use rpcnet::{
    Code, ConnectionErrorKind, HandlerRan, RpcClient, RpcConfig, RpcError, Status, StreamErrorKind,
};
use rpcnet_proto::Origin;
use rpcnet_proto::wire::{ErrorCode, GoAway, Settings, encode};
use rpcnet_testkit::scripted::{RawCall, RawPeer, Windows, frames};

use crate::pair::soon;
use crate::raw::{Scripted, echo_call, serve, serve_calls};

/// The timeout of calls that are to run into it.
const SHORT: Duration = Duration::from_millis(300);

fn patient(config: RpcConfig) -> RpcConfig {
    config.with_timeout(Duration::from_secs(30))
}

fn hurried(config: RpcConfig) -> RpcConfig {
    config.with_timeout(SHORT)
}

/// A server whose first call on each connection gets this answer, and whose others are echoed.
fn answering(bytes: impl Into<Bytes>) -> Scripted {
    let bytes = bytes.into();
    first_call(move |mut call| {
        let bytes = bytes.clone();
        async move {
            call.read().await;
            call.send_all(bytes).await;
        }
    })
}

/// A server that runs the script for the first call on each connection, and echoes the others.
fn first_call<F, Fut>(script: F) -> Scripted
where
    F: Fn(RawCall) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Scripted::calls(move |nth, call| {
        let script = (nth == 0).then(|| script.clone());
        async move {
            match script {
                Some(script) => script(call).await,
                None => echo_call(call).await,
            }
        }
    })
}

/// Fails unless a call succeeds now.
async fn assert_usable(client: &RpcClient) {
    let reply = soon("a later call", client.call("m", b"later".to_vec())).await;
    assert_eq!(reply.unwrap(), b"later");
}

/// Makes the call that the server wrongs, and a later one.
async fn wronged(server: &Scripted, configure: impl FnOnce(RpcConfig) -> RpcConfig) -> RpcError {
    let client = server.client(configure);
    let error = soon("the wronged call", client.call("m", b"x".to_vec())).await;
    assert_usable(&client).await;
    error.unwrap_err()
}

fn written(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut out = BytesMut::new();
    write(&mut out);
    out
}

fn status_frame(out: &mut BytesMut) {
    let status = Status::new(Code::NotFound, "no such thing");
    encode::status(out, &status, Origin::Handler);
}

/// Fails unless the error is a stream error of this kind, with the handler's fate unknown.
fn assert_stream_error(error: &RpcError, kind: StreamErrorKind) {
    let RpcError::StreamError(inner) = error else {
        panic!("{error:?}");
    };
    assert_eq!(inner.kind(), kind);
    assert_eq!(error.handler_ran(), HandlerRan::Maybe);
}

#[tokio::test]
async fn no_answer_ends_at_the_deadline() {
    let server = first_call(|call| async move {
        let _call = call;
        std::future::pending().await
    });
    assert!(wronged(&server, hurried).await.is_timeout());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reply_that_drips_without_end_ends_at_the_deadline() {
    let server = first_call(|mut call| async move {
        let mut prefix = written(|out| encode::message_prefix(out, 1 << 20)).freeze();
        while call.send(prefix).await.is_ok() && call.flush().await.is_ok() {
            prefix = Bytes::from_static(b"x");
        }
    });
    assert!(wronged(&server, hurried).await.is_timeout());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_endless_response_stream_ends_at_the_deadline() {
    let server = first_call(|mut call| async move {
        let items = written(|out| (0..100).for_each(|_| encode::message(out, b"item"))).freeze();
        while call.send(items.clone()).await.is_ok() {}
    });
    let client = server.client(|config| config.with_stream_timeout(SHORT));
    let responses = client.call_server_streaming("m", vec![]).await.unwrap();
    let last = soon(
        "the last item",
        responses.fold(None, |_, item| async { Some(item) }),
    )
    .await;
    assert!(last.expect("items").unwrap_err().is_timeout());
    assert_usable(&client).await;
}

#[tokio::test]
async fn malformed_replies_are_errors_of_their_own_call() {
    let reply = frames::response(&[b"reply"]);
    let malformed: [(&str, BytesMut); 11] = [
        ("garbage", BytesMut::from(&[0xff; 100][..])),
        ("two replies", {
            let mut two = written(|out| encode::message(out, b"one"));
            two.extend_from_slice(&reply);
            two
        }),
        ("an end without a reply", BytesMut::from(&[0][..])),
        ("a reply after a status", {
            let mut bytes = written(status_frame);
            bytes.extend_from_slice(&reply);
            bytes
        }),
        (
            "a status after a reply",
            written(|out| {
                encode::message(out, b"one");
                status_frame(out);
                encode::end(out);
            }),
        ),
        (
            "two statuses",
            written(|out| {
                status_frame(out);
                status_frame(out);
                encode::end(out);
            }),
        ),
        ("bytes behind the end", {
            let mut bytes = BytesMut::from(&reply[..]);
            bytes.put_u8(0);
            bytes
        }),
        (
            "an unknown frame type",
            BytesMut::from(&[2, 0x3f, 0, 0][..]),
        ),
        (
            "a varint that is too long",
            BytesMut::from(&[0x40, 2, 2, b'x', 0][..]),
        ),
        (
            "settings",
            written(|out| {
                encode::settings(out, &Settings::default());
                encode::end(out);
            }),
        ),
        // Code 5, origin 2, a message of one byte that is not UTF-8, no details.
        (
            "a text that is not UTF-8",
            BytesMut::from(&[6, 3, 5, 2, 1, 0xff, 0, 0][..]),
        ),
    ];
    for (what, bytes) in malformed {
        let server = answering(bytes.freeze());
        let error = wronged(&server, patient).await;
        let RpcError::StreamError(inner) = &error else {
            panic!("{what}: {error:?}");
        };
        assert_eq!(inner.kind(), StreamErrorKind::Malformed, "{what}");
        assert!(!error.is_retryable(), "{what}");
        assert_eq!(server.connections(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_off_is_truncated() {
    for bytes in [&b""[..], b"\x06\x02repl", b"\x06\x02reply"] {
        let server = answering(Bytes::from_static(bytes));
        let error = wronged(&server, patient).await;
        assert_stream_error(&error, StreamErrorKind::Truncated);
    }
}

#[tokio::test]
async fn a_reply_of_a_declared_tebibyte_is_refused_before_its_body() {
    let mut bytes = BytesMut::new();
    bytes.put_u64(0xc000_0000_0000_0000 | 1 << 40);
    bytes.put_slice(b"\x02a few bytes");
    let server = answering(bytes.freeze());
    let error = wronged(&server, patient).await;
    assert!(matches!(error, RpcError::ResourceExhausted(_)), "{error:?}");
    assert!(error.to_string().contains("with_max_message_bytes"));
    assert_eq!(error.handler_ran(), HandlerRan::Maybe);
}

#[tokio::test]
async fn a_status_of_a_later_version_promises_nothing() {
    // Code 60, origin 9, no message, no details, no time to wait, and a field that nobody
    // knows.
    let server = answering(Bytes::from_static(&[7, 3, 60, 9, 0, 0, 0, 0xaa, 0]));
    let error = wronged(&server, patient).await;
    // An origin that is not known is the server's, and its handler may have run.
    assert!(matches!(error, RpcError::InternalError(_)), "{error:?}");
    assert_eq!(error.handler_ran(), HandlerRan::Maybe);
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_status_with_control_characters_is_shown_escaped() {
    let bytes = written(|out| {
        let status = Status::new(Code::NotFound, "evil\x1b[31m\r\nname");
        encode::status(out, &status, Origin::Handler);
        encode::end(out);
    });
    let error = wronged(&answering(bytes.freeze()), patient).await;
    let shown = error.to_string();
    assert!(shown.contains("evil"), "{shown}");
    assert!(!shown.contains(char::is_control), "{shown}");
}

#[tokio::test]
async fn frames_of_a_later_version_are_skipped() {
    let later = [4, 0x41, 1, 2, 3];
    let mut bytes = BytesMut::from(&later[..]);
    encode::message(&mut bytes, b"reply");
    bytes.extend_from_slice(&later);
    encode::end(&mut bytes);
    let server = answering(bytes.freeze());
    let client = server.client(patient);
    assert_eq!(client.call("m", vec![]).await.unwrap(), b"reply");
}

#[tokio::test]
async fn a_reset_means_what_its_code_says() {
    for number in (0..=12).chain([13, 4096]) {
        let server = first_call(move |mut call| async move {
            call.read().await;
            call.reset(number);
        });
        let client = server.client(patient);
        let result = soon("the reset call", client.call("m", b"x".to_vec())).await;
        assert_usable(&client).await;
        assert_eq!(server.connections(), 1);
        let code = ErrorCode::from_wire(number);
        if code == Some(ErrorCode::Refused) {
            // Nothing ran, so that it was sent again, to a call that is echoed.
            assert_eq!(result.unwrap(), b"x");
            continue;
        }
        let error = result.unwrap_err();
        assert!(!error.is_retryable(), "{number}: {error:?}");
        let is_told = match code {
            Some(ErrorCode::Cancelled) => matches!(error, RpcError::Cancelled),
            Some(ErrorCode::DeadlineExceeded) => error.is_timeout(),
            Some(ErrorCode::LimitExceeded) => matches!(error, RpcError::ResourceExhausted(_)),
            Some(ErrorCode::Shutdown) => matches!(error, RpcError::Unavailable(_)),
            Some(ErrorCode::Internal) => matches!(error, RpcError::InternalError(_)),
            _ => matches!(error, RpcError::StreamError(_)),
        };
        assert!(is_told, "{number}: {error:?}");
    }
}

/// A refusal that asks to be left alone for this long.
fn push_back(ms: u64) -> BytesMut {
    let status = Status::new(Code::Unavailable, "later");
    let status = status.with_retry_after(Duration::from_millis(ms));
    written(|out| {
        encode::status(out, &status, Origin::Refused);
        encode::end(out);
    })
}

/// W-70.
#[tokio::test]
async fn a_refused_call_is_not_repeated_before_the_server_wants_it() {
    let asked = Duration::from_millis(400);
    let server = answering(push_back(400));
    let client = server.client(patient);
    let began = Instant::now();
    let reply = soon("the call", client.call("m", b"x".to_vec())).await;
    assert_eq!(reply.unwrap(), b"x");
    assert!(began.elapsed() >= asked, "{:?}", began.elapsed());
}

/// W-71.
#[tokio::test]
async fn a_server_cannot_make_a_caller_wait_past_its_deadline() {
    // More than a minute is a minute, which the call does not have.
    let server = answering(push_back(60_000));
    let client = server.client(patient);
    let began = Instant::now();
    let refused = soon("the call", client.call("m", b"x".to_vec())).await;
    let refused = refused.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(60)));
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_usable(&client).await;
}

#[tokio::test]
async fn a_connection_closed_in_the_middle_of_a_reply_is_replaced() {
    let server = Scripted::new(Windows::default(), |nth, mut peer: RawPeer| async move {
        if nth > 0 {
            return serve(peer, |_, call| echo_call(call)).await;
        }
        peer.send_settings(&Settings::default()).await.unwrap();
        let mut call = peer.accept().await.unwrap().expect("a call");
        call.read().await;
        call.send(Bytes::from_static(b"\x06\x02rep")).await.unwrap();
        call.flush().await.unwrap();
        peer.close(ErrorCode::Internal);
    });
    let error = wronged(&server, patient).await;
    let RpcError::ConnectionError(lost) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(lost.kind(), ConnectionErrorKind::Protocol);
    assert_eq!(error.handler_ran(), HandlerRan::Maybe);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_grants_no_stream_holds_calls_up_to_their_deadline() {
    let windows = Windows {
        calls: 0,
        ..Windows::default()
    };
    let server = Scripted::new(windows, |_, peer| serve(peer, |_, call| echo_call(call)));
    let client = server.client(hurried);
    for _ in 0..3 {
        let error = soon("a deadline", client.call("m", vec![])).await;
        assert!(error.unwrap_err().is_timeout());
    }
    let error = soon("a deadline", client.call_server_streaming("m", vec![])).await;
    assert!(error.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_server_that_reads_nothing_holds_an_upload_up_to_its_deadline() {
    let windows = Windows {
        stream: 4096,
        ..Windows::default()
    };
    let server = Scripted::new(windows, |_, peer| {
        serve(peer, |nth, call| async move {
            if nth == 0 {
                let _unread = call;
                return std::future::pending().await;
            }
            echo_call(call).await;
        })
    });
    let client = server.client(hurried);
    let error = soon("a deadline", client.call("m", vec![b'x'; 1 << 20])).await;
    assert!(error.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_server_without_settings_is_no_server() {
    let server = Scripted::new(Windows::default(), |_, mut peer| async move {
        while let Ok(Some(_)) = peer.accept().await {}
    });
    let client = server.client(|config| config.with_connect_timeout(SHORT));
    let error = soon("a failure", client.call("m", vec![]))
        .await
        .unwrap_err();
    let RpcError::ConnectionError(failure) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(failure.kind(), ConnectionErrorKind::NoAnswer);
    assert_eq!(error.handler_ran(), HandlerRan::No);
}

#[tokio::test]
async fn settings_of_zero_and_of_everything_are_lived_with() {
    let greedy = Settings {
        message_bytes_max: (1 << 62) - 1,
        header_bytes_max: (1 << 62) - 1,
        concurrent_calls_max: (1 << 62) - 1,
        keep_alive: Some(Duration::from_micros(1)),
        stream_kinds: (1 << 62) - 1,
    };
    let no_calls = Settings {
        concurrent_calls_max: 0,
        keep_alive: None,
        ..greedy
    };
    for settings in [greedy, no_calls] {
        let server = Scripted::new(Windows::default(), move |_, mut peer| async move {
            peer.send_settings(&settings).await.unwrap();
            serve_calls(peer, |_, call| echo_call(call)).await;
        });
        let client = server.client(patient);
        for _ in 0..10 {
            assert_usable(&client).await;
        }
    }
    let nothing = Settings {
        message_bytes_max: 0,
        header_bytes_max: 0,
        ..Settings::default()
    };
    let server = Scripted::new(Windows::default(), move |_, mut peer| async move {
        peer.send_settings(&nothing).await.unwrap();
        serve_calls(peer, |_, call| echo_call(call)).await;
    });
    let client = server.client(patient);
    // The first call does not wait for settings, so that they are here with its answer.
    soon("an answer", client.call("m", vec![])).await.unwrap();
    let error = soon("a failure", client.call("m", b"x".to_vec())).await;
    assert!(matches!(error, Err(RpcError::ResourceExhausted(_))));
}

#[tokio::test]
async fn a_goaway_at_once_sends_the_call_to_the_next_connection() {
    let server = Scripted::new(Windows::default(), |nth, mut peer| async move {
        let go_away = GoAway {
            grace: Duration::from_secs(1),
            retry_after: Duration::ZERO,
            message: "leaving".into(),
        };
        let mut control = BytesMut::from(&frames::control(&Settings::default())[..]);
        if nth == 0 {
            encode::goaway(&mut control, &go_away);
        }
        peer.send_control(control.freeze()).await.unwrap();
        serve_calls(peer, move |_, mut call| async move {
            if nth == 0 {
                // What had been sent before the announcement was read is refused.
                return call.reset(ErrorCode::Refused.to_wire());
            }
            echo_call(call).await;
        })
        .await;
    });
    let client = server.client(patient);
    assert_usable(&client).await;
    assert_usable(&client).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_broken_control_stream_costs_the_connection_and_the_next_call_makes_another() {
    let settings = frames::control(&Settings::default());
    let broken: [(&str, Bytes); 4] = [
        (
            "settings twice",
            [&settings[..], &settings[1..]].concat().into(),
        ),
        ("an end marker", [&settings[..], &[0]].concat().into()),
        ("a message", [&settings[..], &[2, 2, b'x']].concat().into()),
        ("garbage", [&settings[..], &[0xff; 64]].concat().into()),
    ];
    for (what, bytes) in broken {
        let server = Scripted::new(Windows::default(), move |nth, mut peer| {
            let bytes = bytes.clone();
            async move {
                if nth > 0 {
                    return serve(peer, |_, call| echo_call(call)).await;
                }
                peer.send_control(bytes).await.unwrap();
                let code = peer.closed().await;
                assert!(code.is_some_and(|code| code != 0), "{code:?}");
            }
        });
        let client = server.client(patient);
        // Whether it goes out before the break is noticed is a race; that it ends is not.
        let _either = soon(what, client.call("m", b"x".to_vec())).await;
        assert_usable(&client).await;
        assert_eq!(server.connections(), 2, "{what}");
    }
}

#[tokio::test]
async fn a_second_control_stream_of_the_server_costs_the_connection() {
    let (sender, mut closed) = tokio::sync::mpsc::channel(1);
    let server = Scripted::new(Windows::default(), move |nth, mut peer| {
        let sender = sender.clone();
        async move {
            if nth > 0 {
                return serve(peer, |_, call| echo_call(call)).await;
            }
            peer.send_settings(&Settings::default()).await.unwrap();
            let mut second = peer.open_control().await.unwrap();
            let again = frames::control(&Settings::default());
            second.send(again).await.unwrap();
            let code = peer.closed().await;
            sender.send(code).await.expect("the test waits");
        }
    });
    let client = server.client(patient);
    // Whether it goes out before the second stream is seen is a race; that it ends is not.
    let _either = soon("a call", client.call("m", vec![])).await;
    let code = soon("the close", closed.recv()).await.expect("a code");
    assert_eq!(code, Some(ErrorCode::Protocol.to_wire()));
    assert_usable(&client).await;
}

#[tokio::test]
async fn streams_that_a_server_opens_are_refused_and_calls_go_on() {
    let (sender, mut refused) = tokio::sync::mpsc::channel(1);
    let server = Scripted::new(Windows::default(), move |_, peer| {
        let sender = sender.clone();
        async move {
            let opening = peer.open();
            if let Ok(mut call) = tokio::time::timeout(SHORT, opening)
                .await
                .unwrap_or_else(|_| {
                    // A client grants no such streams at all, which refuses them earlier still.
                    sender.try_send(None).expect("room for one");
                    Err(s2n_quic::connection::Error::unspecified())
                })
            {
                call.send(frames::unary(1, "m", b"x")).await.ok();
                let received = call.read().await;
                sender.send(Some(received)).await.expect("the test waits");
            }
            serve(peer, |_, call| echo_call(call)).await;
        }
    });
    let client = server.client(patient);
    assert_usable(&client).await;
    if let Some(received) = soon("a refusal", refused.recv()).await.expect("an outcome") {
        assert!(
            received.is_reset(ErrorCode::UnknownStreamKind),
            "{received:?}"
        );
    }
    assert_usable(&client).await;
}
