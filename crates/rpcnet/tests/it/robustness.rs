//! The table of `docs/robustness.md`: it names tests that exist, and those here are some of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallKind, CallOptions, Code, HandlerRan, RpcError};
use rpcnet_proto::Origin;
use rpcnet_testkit::scripted::{Windows, frames};

use crate::pair::{Running, echo, eventually, soon};
use crate::raw::Raw;

/// The rows that the table must have.
const ROWS: usize = 49;

#[test]
fn every_row_of_the_table_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = std::fs::read_to_string(root.join("docs/robustness.md")).unwrap();
    let mut tests = BTreeSet::new();
    collect_tests(&root.join("crates"), &mut tests);
    let rows: Vec<&str> = table.lines().filter(|it| it.starts_with("| OV-")).collect();
    assert_eq!(rows.len(), ROWS);
    for (number, row) in (1..).zip(rows) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, shown_by] = cells[..] else {
            panic!("{row}");
        };
        assert_eq!(name, format!("OV-{number}"));
        if shown_by.starts_with("Cannot arise: ") {
            continue;
        }
        for test in shown_by.split(", ") {
            let test = test.trim_matches('`');
            assert!(tests.contains(test), "{name} names `{test}`");
        }
    }
}

/// Collects the functions behind a `test` attribute as `file::function`.
fn collect_tests(directory: &Path, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tests(&path, tests);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut is_test = false;
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim();
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, name)) = line.split_once("fn ")
                && std::mem::take(&mut is_test)
            {
                let name = name.split('(').next().unwrap_or_default();
                tests.insert(format!("{module}::{name}"));
            }
        }
    }
}

/// A time that is waited for where a deadline is to pass.
const SHORT: Duration = Duration::from_millis(300);

/// Registers `wait`, which never answers and counts who entered it.
async fn waiting() -> (Running, Arc<AtomicUsize>) {
    let entered = Arc::<AtomicUsize>::default();
    let running = Running::new(|server| {
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
    })
    .await;
    (running, entered)
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_answered_in_every_shape() {
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let kinds = [
        CallKind::Unary,
        CallKind::ServerStreaming,
        CallKind::ClientStreaming,
        CallKind::Bidirectional,
    ];
    for (id, kind) in (1..).zip(kinds) {
        let received = raw.call(frames::request(id, kind, "nobody", &[b"x"])).await;
        let (_, status) = received.response(kind).unwrap();
        let (status, origin) = status.expect("a status");
        assert_eq!(
            (status.code, origin),
            (Code::Unimplemented, Origin::Refused)
        );
        assert!(!status.message.contains("nobody"), "{status}");
    }
    raw.assert_alive(10).await;
}

#[tokio::test]
async fn a_handlers_failure_in_mid_stream_is_an_error_and_no_item() {
    let running = Running::new(|server| async move {
        server
            .register_streaming("fails", |_| async {
                stream::iter([
                    Ok(b"one".to_vec()),
                    Err(RpcError::status(Code::NotFound, "no second")),
                    Ok(b"never".to_vec()),
                ])
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let responses = client.call_server_streaming("fails", vec![]).await.unwrap();
    let items: Vec<_> = soon("the responses", responses.collect()).await;
    let [Ok(first), Err(RpcError::Status(status))] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!((&first[..], status.code), (&b"one"[..], Code::NotFound));
}

#[tokio::test]
async fn a_handler_that_hangs_delays_neither_registrations_nor_calls() {
    let (running, entered) = waiting().await;
    let client = running.client().await;
    let hanging = tokio::spawn(client.call("wait", vec![]));
    eventually("the handler hangs", || entered.load(Ordering::SeqCst) == 1).await;
    for n in 0..20u8 {
        let register = running
            .server
            .register("echo", move |_| async move { Ok(vec![n]) });
        soon("a registration", register).await;
        let reply = soon("a call", client.call("echo", vec![])).await;
        assert_eq!(reply.unwrap(), [n]);
    }
    hanging.abort();
}

#[tokio::test]
async fn a_handler_emits_while_its_read_is_pending() {
    let running = Running::new(|server| async move {
        server
            .register_streaming("ticks", |mut requests| async move {
                async_stream::stream! {
                    let mut ticks = tokio::time::interval(Duration::from_millis(1));
                    loop {
                        tokio::select! {
                            request = requests.next() => match request {
                                Some(request) => yield Ok(request),
                                None => break,
                            },
                            _ = ticks.tick() => yield Ok(b"tick".to_vec()),
                        }
                    }
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let requests = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    });
    let mut responses = client.call_streaming("ticks", requests).await.unwrap();
    for _ in 0..20 {
        let tick = soon("a tick while nothing is sent", responses.next()).await;
        assert_eq!(tick.unwrap().unwrap(), b"tick");
    }
    sender.send(b"asked".to_vec()).await.unwrap();
    drop(sender);
    let rest: Vec<_> = soon("the rest", responses.try_collect()).await.unwrap();
    assert!(rest.contains(&b"asked".to_vec()));
}

#[tokio::test]
async fn an_echo_larger_than_all_windows_ends_though_it_is_read_late() {
    const ITEMS: usize = 64;
    let running = Running::new(echo).await;
    let client = running.client().await;
    let pulled = Arc::<AtomicUsize>::default();
    let count = pulled.clone();
    let requests = stream::iter(0..ITEMS).map(move |n| {
        count.fetch_add(1, Ordering::SeqCst);
        vec![n as u8; 256 << 10]
    });
    let responses = client
        .call_streaming("echo_stream", requests)
        .await
        .unwrap();
    // Both directions fill before anything is read.
    eventually("the windows fill", || pulled.load(Ordering::SeqCst) > 1).await;
    let received: Vec<_> = soon("the echo", responses.try_collect()).await.unwrap();
    assert_eq!(received.len(), ITEMS);
    for (n, item) in received.iter().enumerate() {
        assert!(item.len() == 256 << 10 && item.iter().all(|byte| *byte == n as u8));
    }
}

#[tokio::test]
async fn a_server_that_ends_first_ends_the_call() {
    let running = Running::new(|server| async move {
        server
            .register_streaming("one", |_| async { stream::iter([Ok(b"one".to_vec())]) })
            .await;
    })
    .await;
    let client = running.client().await;
    let endless = stream::pending::<Vec<u8>>();
    let responses = client.call_streaming("one", endless).await.unwrap();
    let all: Vec<_> = soon("the end", responses.try_collect()).await.unwrap();
    assert_eq!(all, [b"one"]);
}

#[tokio::test]
async fn a_caller_that_does_not_read_holds_the_handler_back() {
    let produced = Arc::<AtomicUsize>::default();
    let running = Running::new(|server| {
        let produced = produced.clone();
        async move {
            server
                .register_streaming("flood", move |_| {
                    let produced = produced.clone();
                    async move {
                        stream::repeat_with(move || {
                            produced.fetch_add(1, Ordering::SeqCst);
                            Ok(vec![b'x'; 64 << 10])
                        })
                    }
                })
                .await;
            echo(server).await;
        }
    })
    .await;
    let client = running.client().await;
    let responses = client.call_server_streaming("flood", vec![]).await.unwrap();
    eventually("the flood begins", || produced.load(Ordering::SeqCst) > 0).await;
    for _ in 0..500 {
        assert_eq!(client.call("echo", vec![]).await.unwrap(), b"");
    }
    // A window at the caller, a buffer at the server and what lies between them: 1 MiB.
    let produced = produced.load(Ordering::SeqCst);
    assert!(produced <= 16, "{produced} items of 64 KiB were produced");
    drop(responses);
}

#[tokio::test]
async fn what_arrived_before_the_deadline_is_delivered_after_it() {
    let (running, _) = waiting().await;
    let client = running.client().await;
    let sent: Vec<Vec<u8>> = (0..10u8).map(|n| vec![n]).collect();
    let options = CallOptions::new().with_timeout(SHORT);
    let responses = client
        .call_streaming_with("echo_stream", stream::iter(sent.clone()), options.clone())
        .await
        .unwrap();
    // A later call with the same time is over only after the first one's deadline.
    let later = client.call_with("wait", vec![], options).await;
    assert!(later.unwrap_err().is_timeout());
    let received: Vec<_> = soon("the responses", responses.try_collect())
        .await
        .unwrap();
    assert_eq!(received, sent);
}

#[tokio::test]
async fn a_deadline_that_travelled_ends_the_handler_at_the_server() {
    let (running, entered) = waiting().await;
    let raw = Raw::with(&running, Windows::default()).await;
    let mut header = frames::header(1, CallKind::Unary, "wait");
    header.timeout = SHORT;
    let mut bytes = frames::head(&header);
    rpcnet_proto::wire::encode::message(&mut bytes, b"x");
    rpcnet_proto::wire::encode::end(&mut bytes);
    let (status, origin) = raw.call(bytes.freeze()).await.status().expect("a status");
    assert_eq!(
        (status.code, origin),
        (Code::DeadlineExceeded, Origin::Server)
    );
    assert_eq!(entered.load(Ordering::SeqCst), 1);
    eventually("the handler is dropped", || {
        running.server.running_calls() == 0
    })
    .await;

    header.call_id = rpcnet::CallId::new(2).expect("small");
    header.timeout = Duration::ZERO;
    let (status, origin) = raw
        .call(frames::head(&header).freeze())
        .await
        .status()
        .expect("a status");
    assert_eq!(
        (status.code, origin),
        (Code::DeadlineExceeded, Origin::Refused)
    );
    assert_eq!(entered.load(Ordering::SeqCst), 1);
    let zero = CallOptions::new().with_timeout(Duration::ZERO);
    let client = running.client().await;
    let error = client.call_with("wait", vec![], zero).await.unwrap_err();
    assert!(error.is_timeout() && error.handler_ran() != HandlerRan::Yes);
    assert_eq!(entered.load(Ordering::SeqCst), 1);
}
