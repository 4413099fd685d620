//! What a server makes of batches, byte by byte: each call is answered as if it were alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rpcnet::{Batching, CallKind, Code, RpcServer};
use rpcnet_proto::wire::{
    Answer, BATCH_CALLS_MAX, BatchResponseEvent, BatchResponseReader, Cancel, ErrorCode,
    FrameLimits, Header, Settings, StreamKind, encode,
};
use rpcnet_proto::{CallId, Origin};
use rpcnet_testkit::scripted::{RawCall, Windows, frames};
use tokio::sync::Semaphore;

use crate::pair::{Running, echo, eventually, soon};
use crate::probe::Probe;
use crate::raw::Raw;

/// Handlers of every temper.
async fn tempers(server: RpcServer, probe: Probe, release: Arc<Semaphore>) {
    echo(server.clone()).await;
    server
        .register("wait", move |payload| {
            let (stay, release) = (probe.enter(), release.clone());
            async move {
                release.acquire().await.unwrap().forget();
                stay.finish();
                Ok(payload)
            }
        })
        .await;
    server
        .register("compute", |payload| async move {
            // It holds its thread, as a handler that computes does.
            let end = Instant::now() + Duration::from_millis(300);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
            Ok(payload)
        })
        .await;
    server
        .register("panic", |_| async move { panic!("on purpose") })
        .await;
    server
        .register("long", |_| async move { Ok(vec![7; 100_000]) })
        .await;
}

struct Scene {
    running: Running,
    probe: Probe,
    release: Arc<Semaphore>,
}

impl Scene {
    async fn new() -> Self {
        let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
        let (seen, by) = (probe.clone(), release.clone());
        let running = Running::with(
            |config| config.with_batching(Batching::Auto),
            |server| tempers(server, seen, by),
        )
        .await;
        Self {
            running,
            probe,
            release,
        }
    }
}

/// A batch of calls, numbered from `first`, without its end.
fn begun(first: u64, calls: &[(&str, &[u8])]) -> BytesMut {
    let mut out = BytesMut::new();
    encode::stream_kind(&mut out, StreamKind::Batch);
    for (id, (method, payload)) in (first..).zip(calls) {
        encode::header(&mut out, &header(id, method));
        encode::message(&mut out, payload);
    }
    out
}

fn header(id: u64, method: &str) -> Header {
    frames::header(id, CallKind::Unary, method)
}

fn batch(first: u64, calls: &[(&str, &[u8])]) -> Bytes {
    let mut out = begun(first, calls);
    encode::end(&mut out);
    out.freeze()
}

/// Reads answers from a stream as they come.
struct Answers<'a> {
    call: &'a mut RawCall,
    reader: BatchResponseReader,
}

impl<'a> Answers<'a> {
    fn new(call: &'a mut RawCall, calls: usize) -> Self {
        Self {
            call,
            reader: BatchResponseReader::new(FrameLimits::default(), calls),
        }
    }

    /// The next answer; `None` at the end, which has to be whole.
    async fn next(&mut self) -> Option<Answer> {
        loop {
            match self.reader.next_event().unwrap() {
                Some(BatchResponseEvent::Answer(answer)) => return Some(answer),
                Some(BatchResponseEvent::End) => return None,
                None => {}
            }
            let received = soon("more answers", self.call.receive()).await.unwrap();
            self.reader.push(received.expect("the stream goes on"));
        }
    }

    async fn rest(mut self) -> Vec<Answer> {
        let mut all = Vec::new();
        while let Some(answer) = self.next().await {
            all.push(answer);
        }
        all.sort_by_key(|answer| answer.index);
        all
    }
}

/// Sends a batch and returns the answers by the numbers of the calls.
async fn exchange(raw: &Raw, request: Bytes, calls: usize) -> Vec<Answer> {
    let mut call = raw.peer.open().await.unwrap();
    call.send_all(request).await;
    Answers::new(&mut call, calls).rest().await
}

fn code_of(answer: &Answer) -> Option<(Code, Origin)> {
    let failed = answer.result.as_ref().err();
    failed.map(|(status, origin)| (status.code, *origin))
}

#[tokio::test]
async fn each_call_of_a_batch_has_its_own_answer() {
    let scene = Scene::new().await;
    let raw = Raw::new(&scene.running).await;
    let calls: [(&str, &[u8]); 6] = [
        ("echo", b"one"),
        ("no.such.method", b""),
        ("panic", b""),
        ("long", b""),
        ("echo", b""),
        ("echo_stream", b"x"),
    ];
    let answers = exchange(&raw, batch(1, &calls), calls.len()).await;
    assert_eq!(answers[0].result, Ok(Bytes::from_static(b"one")));
    let unknown = (Code::Unimplemented, Origin::Refused);
    assert_eq!(code_of(&answers[1]), Some(unknown));
    assert_eq!(code_of(&answers[2]), Some((Code::Internal, Origin::Server)));
    assert_eq!(answers[3].result.as_ref().unwrap().len(), 100_000);
    assert_eq!(answers[4].result, Ok(Bytes::new()));
    assert_eq!(code_of(&answers[5]), Some(unknown), "it streams");
    raw.assert_alive(100).await;
}

#[tokio::test]
async fn a_batch_may_arrive_byte_by_byte() {
    let scene = Scene::new().await;
    let raw = Raw::new(&scene.running).await;
    let mut call = raw.peer.open().await.unwrap();
    for byte in batch(1, &[("echo", b"one"), ("echo", b"two")]) {
        call.send(Bytes::copy_from_slice(&[byte])).await.unwrap();
        // The end marker is enough for the server, which then reads no more.
        let _ = call.flush().await;
    }
    call.finish();
    let answers = Answers::new(&mut call, 2).rest().await;
    let replies: Vec<_> = answers
        .iter()
        .map(|it| it.result.clone().unwrap())
        .collect();
    assert_eq!(replies, ["one", "two"]);
}

/// W-77.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_waits_or_computes_holds_up_none_of_its_batch() {
    let scene = Scene::new().await;
    let raw = Raw::new(&scene.running).await;
    // `echo` has proved quick, so that it runs where it is read.
    for id in 1..=200 {
        raw.assert_alive(id).await;
    }
    let calls: [(&str, &[u8]); 4] = [
        ("wait", b"w"),
        ("compute", b"c"),
        ("echo", b"one"),
        ("echo", b"two"),
    ];
    let mut call = raw.peer.open().await.unwrap();
    call.send_all(batch(1000, &calls)).await;
    let mut answers = Answers::new(&mut call, calls.len());
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(answers.next().await.expect("an answer").index);
    }
    assert_eq!(order, [2, 3, 1]);
    scene.release.add_permits(1);
    assert_eq!(answers.next().await.expect("an answer").index, 0);
    assert!(answers.next().await.is_none());
}

#[tokio::test]
async fn one_call_of_a_batch_is_cancelled_and_the_others_go_on() {
    let scene = Scene::new().await;
    let mut raw = Raw::new(&scene.running).await;
    let calls: [(&str, &[u8]); 2] = [("wait", b"a"), ("wait", b"b")];
    let mut call = raw.peer.open().await.unwrap();
    call.send_all(batch(7, &calls)).await;
    scene.probe.started(2).await;
    let mut cancel = BytesMut::new();
    let (call_id, code) = (CallId::new(7).unwrap(), ErrorCode::Cancelled);
    encode::cancel(&mut cancel, &Cancel { call_id, code });
    raw.peer.send_control(cancel.freeze()).await.unwrap();
    scene.probe.dropped(1).await;
    scene.release.add_permits(1);
    let answers = Answers::new(&mut call, 2).rest().await;
    assert_eq!(
        code_of(&answers[0]),
        Some((Code::Cancelled, Origin::Server))
    );
    assert_eq!(answers[1].result, Ok(Bytes::from_static(b"b")));
}

#[tokio::test]
async fn each_call_of_a_batch_has_its_own_deadline_and_its_own_place() {
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (seen, by) = (probe.clone(), release.clone());
    let running = Running::with(
        |config| config.with_max_calls(2, 100).with_batching(Batching::Auto),
        |server| tempers(server, seen, by),
    )
    .await;
    let raw = Raw::new(&running).await;
    let mut out = BytesMut::new();
    encode::stream_kind(&mut out, StreamKind::Batch);
    let timeouts = [
        Duration::from_millis(20),
        Duration::from_secs(30),
        Duration::ZERO,
    ];
    for (id, timeout) in (1..).zip(timeouts) {
        let header = Header {
            timeout,
            ..header(id, "wait")
        };
        encode::header(&mut out, &header);
        encode::message(&mut out, b"x");
    }
    // Both places are taken by now.
    encode::header(&mut out, &header(4, "echo"));
    encode::message(&mut out, b"x");
    encode::end(&mut out);
    let mut call = raw.peer.open().await.unwrap();
    call.send_all(out.freeze()).await;
    probe.dropped(1).await;
    release.add_permits(1);
    let answers = Answers::new(&mut call, 4).rest().await;
    let late = |origin| Some((Code::DeadlineExceeded, origin));
    assert_eq!(code_of(&answers[0]), late(Origin::Server));
    assert!(answers[1].result.is_ok());
    assert_eq!(code_of(&answers[2]), late(Origin::Refused));
    let full = (Code::ResourceExhausted, Origin::Refused);
    assert_eq!(code_of(&answers[3]), Some(full));
    eventually("no call is left", || running.server.running_calls() == 0).await;
}

/// W-35, W-72 to W-74: the batch ends, and nothing else.
#[tokio::test]
async fn a_malformed_batch_is_reset_and_the_connection_goes_on() {
    let scene = Scene::new().await;
    let raw = Raw::new(&scene.running).await;
    let one: [(&str, &[u8]); 1] = [("echo", b"x")];
    let with = |write: &dyn Fn(&mut BytesMut)| {
        let mut out = begun(1, &one);
        write(&mut out);
        out.freeze()
    };
    let many = vec![one[0]; BATCH_CALLS_MAX + 1];
    let malformed: [(&str, Bytes, ErrorCode); 6] = [
        (
            "garbage",
            with(&|out| out.extend_from_slice(&[2, 5, 0])),
            ErrorCode::Protocol,
        ),
        (
            "a second message",
            with(&|out| encode::message(out, b"")),
            ErrorCode::Protocol,
        ),
        ("no end", with(&|_| {}), ErrorCode::Protocol),
        (
            "a call that streams",
            with(&|out| {
                let kind = CallKind::Bidirectional;
                encode::header(out, &frames::header(2, kind, "echo_stream"));
            }),
            ErrorCode::Protocol,
        ),
        ("too many calls", batch(1, &many), ErrorCode::Protocol),
        (
            "a long message",
            with(&|out| {
                encode::header(out, &header(2, "echo"));
                encode::message(out, &[7; 20_000]);
            }),
            ErrorCode::LimitExceeded,
        ),
    ];
    for (id, (what, bytes, code)) in (1000..).zip(malformed) {
        let received = raw.call(bytes).await;
        assert!(received.is_reset(code), "{what}: {received:?}");
        raw.assert_alive(id).await;
    }
    eventually("no call is left", || {
        scene.running.server.running_calls() == 0
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_stalls_is_given_up_and_what_has_arrived_of_it_has_run() {
    let running = Running::with(
        |config| {
            let mut limits = config.limits().clone();
            limits.stall_timeout = Duration::from_millis(100);
            config.with_limits(limits).with_batching(Batching::Auto)
        },
        echo,
    )
    .await;
    let raw = Raw::new(&running).await;
    let mut call = raw.begin(begun(1, &[("echo", b"x")]).freeze()).await;
    let received = soon("the answer, and the end", call.read()).await;
    assert!(received.is_reset(ErrorCode::Stalled), "{received:?}");
    let mut reader = BatchResponseReader::new(FrameLimits::default(), 1);
    reader.push(received.bytes);
    assert!(matches!(
        reader.next_event(),
        Ok(Some(BatchResponseEvent::Answer(Answer {
            result: Ok(_),
            ..
        })))
    ));
}

/// Answers that nobody reads are bounded as replies of calls with own streams are.
#[tokio::test]
async fn answers_that_nobody_reads_are_replaced_where_there_is_no_room() {
    let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let running = Running::with(
        |config| {
            config
                .with_max_queued_reply_bytes(150_000)
                .with_batching(Batching::Auto)
        },
        |server| tempers(server, probe, release),
    )
    .await;
    let windows = Windows {
        stream: 1000,
        ..Windows::default()
    };
    let raw = Raw::with(&running, windows).await;
    let calls: [(&str, &[u8]); 3] = [("long", b""); 3];
    let answers = exchange(&raw, batch(1, &calls), calls.len()).await;
    let whole = answers
        .iter()
        .filter(|answer| answer.result.is_ok())
        .count();
    let full = (Code::ResourceExhausted, Origin::Server);
    let replaced = answers
        .iter()
        .filter(|it| code_of(it) == Some(full))
        .count();
    assert!(whole >= 1 && replaced >= 1, "{answers:?}");
    assert_eq!(whole + replaced, calls.len());
    raw.assert_alive(10).await;
}

#[tokio::test]
async fn a_server_that_takes_no_batches_says_so_and_refuses_one() {
    let running = Running::with(|config| config.with_batching(Batching::Never), echo).await;
    let mut raw = Raw::new(&running).await;
    let received = raw.call(batch(1, &[("echo", b"x")])).await;
    assert!(received.is_reset(ErrorCode::UnknownStreamKind));
    let mut control = raw.peer.accept_control().await.unwrap().unwrap();
    let bytes = soon("the settings", control.receive())
        .await
        .unwrap()
        .unwrap();
    let mut reader = rpcnet_proto::wire::ControlReader::new();
    reader.push(bytes.slice(1..));
    let event = reader.next_event().unwrap();
    let Some(rpcnet_proto::wire::ControlEvent::Settings(settings)) = event else {
        panic!("{event:?}");
    };
    assert!(!Settings::accepts(&settings, StreamKind::Batch));
    raw.assert_alive(2).await;
}
