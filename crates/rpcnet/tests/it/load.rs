//! A server says how busy it is to those who ask, and to nobody else.

use std::sync::Arc;

use bytes::Bytes;
use rpcnet::RpcConfig;
use rpcnet_proto::CallKind;
use rpcnet_proto::wire::{
    Frame, FrameDecoder, FrameLimits, Header, Load, ResponseEvent, ResponseReader,
};
use s2n_quic::stream::BidirectionalStream;
use tokio::sync::Semaphore;

use crate::bare::{self, BareClient};
use crate::pair::{HANG, Running, echo, soon};
use crate::probe::Probe;

struct Scene {
    running: Running,
    client: BareClient,
    calls: u64,
    probe: Probe,
    release: Arc<Semaphore>,
}

impl Scene {
    /// A server of `echo`, of `wait`, which replies when it is released, and of `fail`.
    async fn new(configure: impl FnOnce(RpcConfig) -> RpcConfig) -> Self {
        let (probe, release) = (Probe::new(), Arc::new(Semaphore::new(0)));
        let (entered, released) = (probe.clone(), release.clone());
        let running = Running::with(configure, |server| async move {
            echo(server.clone()).await;
            let fail = |_| async { Err(rpcnet::RpcError::internal("for nobody to see")) };
            server.register("fail", fail).await;
            let wait = move |payload| {
                let (stay, released) = (entered.enter(), released.clone());
                async move {
                    released.acquire().await.unwrap().forget();
                    stay.finish();
                    Ok(payload)
                }
            };
            server.register("wait", wait).await;
        })
        .await;
        let client = BareClient::ready(running.addr, &running.certs.path("ca.pem")).await;
        Self {
            running,
            client,
            calls: 0,
            probe,
            release,
        }
    }

    async fn open(&mut self, method: &str, load_report: bool, body: &[u8]) -> BidirectionalStream {
        self.calls += 1;
        let header = Header {
            load_report,
            kind: match method {
                "echo_stream" => CallKind::Bidirectional,
                _ => CallKind::Unary,
            },
            ..bare::header(self.calls, method, HANG)
        };
        let mut call = self.client.open(&header).await;
        call.send(bare::message_and_end(body)).await.unwrap();
        call
    }

    /// The load that a call of `echo` is told.
    async fn load(&mut self) -> Load {
        let call = self.open("echo", true, b"x").await;
        load_in(&bytes(call).await)
    }
}

/// All bytes of a response.
async fn bytes(mut call: BidirectionalStream) -> Bytes {
    let mut all = Vec::new();
    while let Some(chunk) = soon("a response", call.receive()).await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    all.into()
}

/// The load that a whole response holds, of whatever shape.
fn load_in(response: &Bytes) -> Load {
    let mut reader = ResponseReader::new(bare::LIMITS, CallKind::Bidirectional);
    reader.push(response.clone());
    let mut load = None;
    while let Some(event) = reader.next_event().unwrap() {
        if let ResponseEvent::Load(reported) = event {
            load = Some(reported);
        }
    }
    assert_eq!(reader.finish(), Ok(()));
    load.expect("a load")
}

/// What a response is made of.
fn frames(response: &Bytes) -> String {
    let limits = FrameLimits {
        message_bytes_max: 4 << 20,
        ..FrameLimits::default()
    };
    let mut decoder = FrameDecoder::new(limits);
    decoder.push(response.clone());
    let mut names = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        names.push(match frame {
            Frame::Message(_) => "message",
            Frame::Load(_) => "load",
            Frame::Status(_) => "status",
            Frame::End => "end",
            other => panic!("{other:?} in a response"),
        });
    }
    names.join(" ")
}

/// W-68.
#[tokio::test]
async fn a_load_comes_once_before_the_end_where_it_was_asked_for_and_never_elsewhere() {
    let mut scene = Scene::new(|config| config).await;
    for (method, body, expected) in [
        ("echo", &[1; 1][..], "message load end"),
        ("echo", &[1; 2 << 10], "message load end"),
        // Beyond this a reply is counted, and written in pieces.
        ("echo", &[1; (2 << 10) + 1], "message load end"),
        ("echo", &[1; 1 << 20], "message load end"),
        ("echo_stream", b"item", "message load end"),
        ("echo_stream", &[1; 1 << 20], "message load end"),
        ("fail", b"", "load status end"),
        ("no_such_method", b"", "load status end"),
    ] {
        let call = scene.open(method, true, body).await;
        let asked = bytes(call).await;
        assert_eq!(frames(&asked), expected, "{method}, {} bytes", body.len());
        let call = scene.open(method, false, body).await;
        let unasked = bytes(call).await;
        let expected = expected.replace("load ", "");
        assert_eq!(frames(&unasked), expected, "{method}, {} bytes", body.len());
    }
}

#[tokio::test]
async fn the_load_counts_the_calls_that_run_and_their_share_of_the_limit() {
    let mut scene = Scene::new(|config| config.with_max_calls(8, 4)).await;
    let idle = Load {
        utilization: 0,
        running: 0,
    };
    assert_eq!(scene.load().await, idle, "its own place is free by then");
    let mut waiting = Vec::new();
    for (running, utilization) in [(1, 250), (2, 500), (3, 750)] {
        waiting.push(scene.open("wait", false, b"").await);
        scene.probe.started(running).await;
        let load = scene.load().await;
        let running = running as u64;
        assert_eq!((load.utilization, load.running), (utilization, running));
    }
    // Whoever is refused learns it too: this is when it matters.
    waiting.push(scene.open("wait", false, b"").await);
    scene.probe.started(4).await;
    let refused = scene.open("echo", true, b"x").await;
    let refused = bytes(refused).await;
    assert_eq!(frames(&refused), "load status end");
    let full = Load {
        utilization: 1000,
        running: 4,
    };
    assert_eq!(load_in(&refused), full);
    scene.release.add_permits(4);
    for call in waiting {
        assert_eq!(frames(&bytes(call).await), "message end");
    }
    assert_eq!(scene.load().await, idle);
}

#[tokio::test]
async fn the_applications_own_utilization_is_told_instead_until_it_is_withdrawn() {
    let mut scene = Scene::new(|config| config.with_max_calls(8, 4)).await;
    let server = scene.running.server.clone();
    for (said, told) in [
        (Some(0.75), 750),
        (Some(1.5), 1500),
        (Some(-1.0), 0),
        (Some(f32::INFINITY), Load::UTILIZATION_MAX),
    ] {
        server.set_utilization(said);
        assert_eq!(scene.load().await.utilization, told, "{said:?}");
    }
    let waiting = scene.open("wait", false, b"").await;
    scene.probe.started(1).await;
    for withdrawn in [None, Some(f32::NAN)] {
        server.set_utilization(Some(0.1));
        let load = scene.load().await;
        assert_eq!((load.utilization, load.running), (100, 1));
        server.set_utilization(withdrawn);
        assert_eq!(scene.load().await.utilization, 250, "{withdrawn:?}");
    }
    scene.release.add_permits(1);
    bytes(waiting).await;
}
