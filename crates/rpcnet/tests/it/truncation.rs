//! A message stream cut at any byte, in either direction, is never taken for complete.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallKind, Code, RpcClient, RpcError, Status};
use rpcnet_proto::Origin;
use rpcnet_proto::wire::{ErrorCode, encode};
use rpcnet_testkit::scripted::{RawCall, frames};

use crate::pair::{Running, eventually, soon};
use crate::raw::{Raw, Scripted};

/// How a stream is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// With FIN, as a program that crashed or dropped it leaves it.
    Finished,
    /// With RESET_STREAM, after everything before it has arrived.
    Reset,
}

const CUTS: [Cut; 2] = [Cut::Finished, Cut::Reset];

impl Cut {
    /// Sends these bytes and cuts the stream behind them.
    async fn after(self, bytes: Bytes, call: &mut RawCall) {
        // The peer may have stopped what it need not read any more.
        let _ = call.send(bytes).await;
        if self == Self::Finished {
            return call.finish();
        }
        let _ = call.flush().await;
        call.reset(ErrorCode::Internal.to_wire());
    }
}

/// What the handlers of a server saw.
#[derive(Default)]
struct Seen {
    /// Requests that a handler took for complete.
    complete: AtomicUsize,
    /// Requests whose handler was shown that they were cut.
    cut: AtomicUsize,
    /// Handlers that were dropped before they had answered.
    dropped: AtomicUsize,
}

/// Counts a handler that does not get to its end.
struct Answering {
    seen: Arc<Seen>,
    has_answered: bool,
}

impl Drop for Answering {
    fn drop(&mut self) {
        let dropped = usize::from(!self.has_answered);
        self.seen.dropped.fetch_add(dropped, Ordering::SeqCst);
    }
}

/// Registers a handler of each sort, all of which count what they see.
async fn counting(seen: &Arc<Seen>) -> Running {
    Running::new(|server| {
        let seen = seen.clone();
        async move {
            let count = seen.clone();
            server
                .register("unary", move |payload| {
                    count.complete.fetch_add(1, Ordering::SeqCst);
                    async move { Ok(payload) }
                })
                .await;
            let count = seen.clone();
            server
                .register_streaming("plain", move |requests| {
                    let mut answering = Answering {
                        seen: count.clone(),
                        has_answered: false,
                    };
                    async move {
                        requests.for_each(|_| async {}).await;
                        answering.has_answered = true;
                        answering.seen.complete.fetch_add(1, Ordering::SeqCst);
                        stream::iter([Ok(b"complete".to_vec())])
                    }
                })
                .await;
            server
                .register_streaming_with_context("results", move |_, requests| {
                    let seen = seen.clone();
                    async move {
                        let read: Result<Vec<_>, RpcError> = requests.try_collect().await;
                        let count = if read.is_ok() {
                            &seen.complete
                        } else {
                            &seen.cut
                        };
                        count.fetch_add(1, Ordering::SeqCst);
                        stream::iter([read.map(|_| b"complete".to_vec())])
                    }
                })
                .await;
        }
    })
    .await
}

const STREAMING: [CallKind; 3] = [
    CallKind::ServerStreaming,
    CallKind::ClientStreaming,
    CallKind::Bidirectional,
];

/// A call of this kind, with an empty message where it may have several.
fn request(id: u64, kind: CallKind, method: &str) -> Bytes {
    if kind.streams_requests() {
        frames::request(id, kind, method, &[b"first", b"", b"third"])
    } else {
        frames::request(id, kind, method, &[b"only one"])
    }
}

/// Cuts one call at every offset and fails where the answer looks like a success.
async fn cut_everywhere(raw: &Raw, kind: CallKind, method: &str, cut: Cut, first_id: u64) {
    let len = request(first_id, kind, method).len();
    let calls = (0..len).map(|at| async move {
        let bytes = request(first_id + at as u64, kind, method).slice(..at);
        let mut call = raw.peer.open().await.unwrap();
        cut.after(bytes, &mut call).await;
        // Without a byte nothing was opened that a reset could be seen on.
        if at == 0 && cut == Cut::Reset {
            return;
        }
        let claim = format!("{method} {kind} {cut:?} at {at} of {len}");
        let received = soon(&claim, call.read()).await;
        let response = received.response(kind);
        assert!(!matches!(response, Ok((_, None))), "{claim}: {received:?}");
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_unary_request_cut_at_any_byte_never_reaches_its_handler() {
    let seen = Arc::default();
    let running = counting(&seen).await;
    let raw = Raw::new(&running).await;
    for (cut, first_id) in CUTS.into_iter().zip([1000, 2000]) {
        cut_everywhere(&raw, CallKind::Unary, "unary", cut, first_id).await;
    }
    assert_eq!(seen.complete.load(Ordering::SeqCst), 0);
    let whole = raw.call(request(1, CallKind::Unary, "unary")).await;
    assert!(whole.message().is_some());
    assert_eq!(seen.complete.load(Ordering::SeqCst), 1);
    eventually("no call runs", || running.server.running_calls() == 0).await;
}

#[tokio::test]
async fn a_request_stream_cut_at_any_byte_drops_a_handler_of_plain_payloads() {
    let seen = Arc::default();
    let running = counting(&seen).await;
    let raw = Raw::new(&running).await;
    let mut first_id = 1000;
    for kind in STREAMING {
        for cut in CUTS {
            cut_everywhere(&raw, kind, "plain", cut, first_id).await;
            first_id += 1000;
        }
    }
    eventually("no call runs", || running.server.running_calls() == 0).await;
    assert_eq!(seen.complete.load(Ordering::SeqCst), 0);
    assert!(seen.dropped.load(Ordering::SeqCst) > 0);
    for (id, kind) in (1..).zip(STREAMING) {
        let whole = raw.call(request(id, kind, "plain")).await;
        let (messages, status) = whole.response(kind).unwrap();
        assert_eq!((messages, status), (vec![Bytes::from("complete")], None));
    }
    assert_eq!(seen.complete.load(Ordering::SeqCst), STREAMING.len());
}

#[tokio::test]
async fn a_request_stream_cut_at_any_byte_shows_an_error_to_a_handler_of_results() {
    let seen = Arc::default();
    let running = counting(&seen).await;
    let raw = Raw::new(&running).await;
    let mut first_id = 1000;
    for kind in STREAMING {
        let before = seen.cut.load(Ordering::SeqCst);
        cut_everywhere(&raw, kind, "results", Cut::Finished, first_id).await;
        // A handler is entered, and sees the cut, wherever the header is whole.
        let len = request(first_id, kind, "results").len();
        let head = frames::head(&frames::header(first_id, kind, "results")).len();
        assert_eq!(seen.cut.load(Ordering::SeqCst) - before, len - head);
        cut_everywhere(&raw, kind, "results", Cut::Reset, first_id + 1000).await;
        first_id += 2000;
    }
    eventually("no call runs", || running.server.running_calls() == 0).await;
    assert_eq!(seen.complete.load(Ordering::SeqCst), 0);
    for (id, kind) in (1..).zip(STREAMING) {
        let whole = raw.call(request(id, kind, "results")).await;
        assert!(matches!(whole.response(kind), Ok((_, None))));
    }
    assert_eq!(seen.complete.load(Ordering::SeqCst), STREAMING.len());
}

/// Makes one call per offset and cut against a server that cuts `whole` there, and hands the
/// client and a label to `call`, which fails the test where the call does not.
async fn cut_replies<F, Fut>(whole: Bytes, call: F)
where
    F: Fn(RpcClient, String) -> Fut,
    Fut: Future<Output = ()>,
{
    let script = {
        let whole = whole.clone();
        move |nth: usize, mut call: RawCall| {
            let (cut, bytes) = (CUTS[nth % 2], whole.slice(..nth / 2));
            async move {
                // The request does not matter, its end does: nothing races with the answer.
                call.read().await;
                cut.after(bytes, &mut call).await;
                call.flush().await.ok();
            }
        }
    };
    let scripted = Scripted::calls(script);
    let client = scripted.client(|config| config.with_timeout(Duration::from_secs(20)));
    for at in 0..whole.len() {
        for cut in CUTS {
            let claim = format!("{cut:?} at {at} of {}", whole.len());
            soon(&claim, call(client.clone(), claim.clone())).await;
        }
    }
    assert_eq!(scripted.connections(), 1, "no cut costs the connection");
}

fn failed_response() -> Bytes {
    let mut out = BytesMut::new();
    let status = Status::new(Code::NotFound, "no such thing");
    encode::status(&mut out, &status, Origin::Handler);
    encode::end(&mut out);
    out.freeze()
}

#[tokio::test]
async fn a_unary_reply_cut_at_any_byte_is_an_error() {
    cut_replies(
        frames::response(&[b"a reply"]),
        |client, claim| async move {
            let error = client.call("m", vec![]).await.expect_err(&claim);
            let is_cut = matches!(error, RpcError::StreamError(_) | RpcError::InternalError(_));
            assert!(is_cut, "{claim}: {error:?}");
            assert!(!error.is_retryable(), "{claim}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_status_cut_at_any_byte_is_not_acted_on() {
    cut_replies(failed_response(), |client, claim| async move {
        let error = client.call("m", vec![]).await.expect_err(&claim);
        assert!(!matches!(error, RpcError::Status(_)), "{claim}: {error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_response_stream_cut_at_any_byte_ends_in_an_error() {
    let whole = frames::response(&[b"first", b"", b"third"]);
    cut_replies(whole, |client, claim| async move {
        let responses = client.call_server_streaming("m", vec![]).await.unwrap();
        let mut items: Vec<_> = responses.collect().await;
        assert!(items.pop().is_some_and(|last| last.is_err()), "{claim}");
        for (item, expected) in items.into_iter().zip([&b"first"[..], b"", b"third"]) {
            assert_eq!(item.expect(&claim), expected, "{claim}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_one_reply_of_a_client_stream_cut_at_any_byte_is_an_error() {
    cut_replies(
        frames::response(&[b"a reply"]),
        |client, claim| async move {
            let requests = stream::iter([b"a".to_vec(), vec![]]);
            let reply = client.call_client_streaming("m", requests).await;
            reply.expect_err(&claim);
        },
    )
    .await;
}
