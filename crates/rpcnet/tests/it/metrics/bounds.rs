//! Whatever peers send, the numbers stay as many as they were, and what is told of them can be
//! printed.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, BytesMut};
use futures::{StreamExt, stream};
use rpcnet::RpcClient;
use rpcnet::metrics::{CLIENT_METHODS_MAX, Exporter, OTHER_METHOD, UNKNOWN_METHOD};
use rpcnet_proto::wire::{StreamKind, encode};

use crate::bare::{self, BareClient};
use crate::pair::{HANG, Running, echo, eventually};
use crate::raw::Raw;

/// Calls methods that are not there, of different names.
async fn bogus(client: &RpcClient, numbers: std::ops::Range<usize>) {
    let calls = stream::iter(numbers).map(|number| {
        let method = format!("bogus.{number}/and-{}", "x".repeat(number % 90));
        client.call(&method, vec![])
    });
    let mut calls = calls.buffer_unordered(200);
    while let Some(ended) = calls.next().await {
        ended.unwrap_err();
    }
}

#[tokio::test]
async fn ten_thousand_bogus_names_add_no_number_to_those_of_a_few() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    client.call("echo", vec![]).await.unwrap();
    let exporter = Exporter::new().with_server("s", &running.server);
    bogus(&client, 0..10).await;
    let lines = || exporter.render_prometheus().lines().count();
    let few = lines();
    bogus(&client, 10..10_000).await;
    assert_eq!(lines(), few, "as many numbers as before");
    let server = running.server.metrics();
    assert_eq!(server.methods.len(), 2);
    let unknown = server.method(UNKNOWN_METHOD).expect("they came");
    assert_eq!(unknown.failed, 10_000);
    assert_eq!(server.refusals.unknown_method, 10_000);

    // On a client the names are the program's own, and bounded all the same.
    let metrics = client.metrics();
    assert_eq!(metrics.methods.len(), CLIENT_METHODS_MAX + 1);
    let other = metrics.method(OTHER_METHOD).expect("there were too many");
    assert_eq!(other.failed as usize, 10_001 - CLIENT_METHODS_MAX);
    let all: u64 = metrics.methods.iter().map(|it| it.started).sum();
    assert_eq!(all, 10_001);
}

/// What was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn hostile_names_reach_no_number_and_no_log_unprintable() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let running = Running::new(echo).await;
    let raw = Raw::new(&running).await;
    let names: [&[u8]; 5] = [
        b"evil\x1b[31m\x1b]0;owned\x07",
        b"a\"} 1\nrpcnet_server_calls_total 9",
        b"\xff\xfe\x00",
        b"line\r\nbreak",
        &[b'\t'; 128],
    ];
    for name in names {
        raw.call(call_of(name)).await;
    }
    // One that is legal shows that there is something to be logged and counted.
    let mut bare = BareClient::ready(running.addr, &running.certs.path("ca.pem")).await;
    let mut call = bare.open(&bare::header(1, "echo", HANG)).await;
    call.send(bare::message_and_end(b"")).await.unwrap();
    let is_counted = || running.server.metrics().method("echo").is_some();
    eventually("the good call is counted", is_counted).await;

    let metrics = running.server.metrics();
    assert_eq!(metrics.methods.len(), 2, "{metrics:?}");
    let unknown = metrics.method(UNKNOWN_METHOD).expect("they came");
    assert_eq!(unknown.failed, names.len() as u64);
    assert_eq!(metrics.refusals.malformed, names.len() as u64);
    let exporter = Exporter::new().with_server("s", &running.server);
    let logs = logged.0.lock().unwrap().clone();
    for told in [exporter.render_prometheus().into_bytes(), logs] {
        let told = String::from_utf8(told).expect("it is text");
        let is_odd = |c: &char| c.is_control() && *c != '\n';
        assert_eq!(told.chars().find(is_odd), None, "{told:?}");
        assert!(!told.contains("rpcnet_server_calls_total 9"));
        assert!(
            told.lines().all(|line| line.len() < 4096),
            "lines are bounded"
        );
    }
}

/// The bytes of a whole call whose method has these bytes, 1 to 128.
fn call_of(name: &[u8]) -> bytes::Bytes {
    let mut frames = BytesMut::new();
    encode::stream_kind(&mut frames, StreamKind::Call);
    let legal = "m".repeat(name.len());
    let mut header = BytesMut::new();
    encode::header(&mut header, &bare::header(1, &legal, HANG));
    let at = header
        .windows(legal.len())
        .rposition(|bytes| bytes == legal.as_bytes())
        .expect("it is in there");
    header[at..at + legal.len()].copy_from_slice(name);
    frames.put_slice(&header);
    frames.put_slice(&bare::message_and_end(b""));
    frames.freeze()
}
