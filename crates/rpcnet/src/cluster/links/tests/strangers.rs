//! Peers that are no members, or say what is no message.

use std::time::Duration;

use bytes::BytesMut;
use rpcnet_proto::wire::{ErrorCode, Hello, Settings, StreamKind, encode};
use rpcnet_testkit::raw::{RawClient, RawIdentity, RawSender, RawStream, RawTls, StreamEnd};

use super::PATIENCE;
use super::node::{Node, Rig, node_name, ping};
use crate::certs::Identity;

const NOT_A_MEMBER: u64 = ErrorCode::NotAMember.to_wire();

/// A client that has sent its settings.
struct Stranger {
    raw: RawClient,
    /// Open for as long as the connection is.
    _control: RawSender,
}

async fn stranger(rig: &Rig, node: &Node, identity: Option<&Identity>) -> Stranger {
    let tls = RawTls {
        ca_pem: rig.ca.certificate_pem().to_owned(),
        identity: identity.map(|identity| RawIdentity {
            cert_pem: identity.certificate_pem().to_owned(),
            key_pem: identity.key_pem().to_owned(),
        }),
        server_name: "localhost".to_owned(),
        alpn: vec!["rpcnet/1".to_owned()],
    };
    let raw = RawClient::connect(node.address, &tls)
        .await
        .expect("it connects");
    let mut control = raw.open_uni().await.expect("there is credit");
    let mut frames = BytesMut::new();
    encode::stream_kind(&mut frames, StreamKind::Control);
    let settings = Settings::default().accepting(StreamKind::Gossip);
    encode::settings(&mut frames, &settings);
    control.write(&frames).await.expect("it is sent");
    Stranger {
        raw,
        _control: control,
    }
}

/// Opens a gossip stream and says this, in its HELLO and after it.
async fn say(
    client: &Stranger,
    cluster: &str,
    name: &str,
    is_link: bool,
    more: &[u8],
) -> RawStream {
    let mut stream = client.raw.open_bidi().await.expect("there is credit");
    let mut frames = BytesMut::new();
    encode::stream_kind(&mut frames, StreamKind::Gossip);
    let hello = Hello {
        cluster: node_name(cluster),
        node: node_name(name),
        is_link,
    };
    encode::hello(&mut frames, &hello);
    frames.extend_from_slice(more);
    stream.sender.write(&frames).await.expect("it is sent");
    stream
}

fn gossip(body: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    encode::gossip_prefix(&mut frame, body.len());
    frame.extend_from_slice(body);
    frame
}

fn message(nonce: u64) -> BytesMut {
    let mut body = BytesMut::new();
    ping(nonce).encode(&mut body);
    gossip(&body)
}

async fn end(stream: &mut RawStream) -> StreamEnd {
    stream.receiver.read(1 << 20, PATIENCE).await.end
}

/// W-62, and the connection lives on.
#[tokio::test]
async fn whoever_is_no_member_is_refused_and_may_still_call() {
    let rig = Rig::new();
    let node = rig.node("a").await;
    let client_only = rig.ca.client("b").expect("it is signed");
    let server_and_client = rig.ca.node(&["b"]).expect("it is signed");
    for (identity, cluster, name) in [
        (None, "c", "b"),
        (Some(&client_only), "c", "b"),
        (Some(&server_and_client), "c", "z"),
        (Some(&server_and_client), "d", "b"),
    ] {
        let before = node.links.counters().streams_refused;
        let client = stranger(&rig, &node, identity).await;
        for is_link in [true, false] {
            let mut stream = say(&client, cluster, name, is_link, &message(1)).await;
            let end = end(&mut stream).await;
            assert!(
                matches!(end, StreamEnd::Reset(NOT_A_MEMBER)),
                "{name}: {end:?}"
            );
        }
        assert_eq!(node.links.counters().streams_refused, before + 2);
        assert!(call(&client).await, "{cluster}, {name}");
    }
    let counters = node.links.counters();
    assert_eq!((counters.links, counters.messages_received), (0, 0));
}

/// W-67: the stream ends, what came before it counts, the connection lives on.
#[tokio::test]
async fn malformed_bytes_cost_the_stream_alone() {
    let rig = Rig::new();
    let mut node = rig.node("a").await;
    let identity = rig.ca.node(&["b"]).expect("it is signed");
    let client = stranger(&rig, &node, Some(&identity)).await;
    let no_message = gossip(b"no message");
    let mut late_hello = BytesMut::new();
    let hello = Hello {
        cluster: node_name("c"),
        node: node_name("b"),
        is_link: true,
    };
    encode::hello(&mut late_hello, &hello);
    let mut malformed = 0;
    for bad in [&no_message[..], &late_hello, &[1, 0x7f, 1, 0x3f]] {
        for is_link in [true, false] {
            let mut bytes = message(9);
            bytes.extend_from_slice(bad);
            let mut stream = say(&client, "c", "b", is_link, &bytes).await;
            node.expect_ping(&node_name("b"), 9).await;
            let end = end(&mut stream).await;
            let protocol = ErrorCode::Protocol.to_wire();
            let is_reset = matches!(end, StreamEnd::Reset(code) if code == protocol);
            // W-31: the HELLO that was the answer may still be on its way.
            assert!(is_reset || is_link && end == StreamEnd::Fin, "{end:?}");
            malformed += 1;
            node.counted("it is counted", |it| it.malformed == malformed)
                .await;
        }
    }
    node.counted("no link is left", |it| it.links == 0).await;
    assert!(call(&client).await);
}

/// W-4: as before there was gossip.
#[tokio::test]
async fn a_server_without_a_cluster_refuses_the_kind() {
    let rig = Rig::new();
    let node = rig.node_with("a", |plan| plan.with_cluster = false).await;
    let identity = rig.ca.node(&["b"]).expect("it is signed");
    let client = stranger(&rig, &node, Some(&identity)).await;
    let mut stream = say(&client, "c", "b", true, &message(1)).await;
    let end = end(&mut stream).await;
    let unknown = ErrorCode::UnknownStreamKind.to_wire();
    assert!(
        matches!(end, StreamEnd::Reset(code) if code == unknown),
        "{end:?}"
    );
    assert!(call(&client).await);
}

/// W-65.
#[tokio::test]
async fn a_stream_of_its_own_that_is_cut_off_delivers_what_was_whole() {
    let rig = Rig::new();
    let mut node = rig.node("a").await;
    let identity = rig.ca.node(&["b"]).expect("it is signed");
    let client = stranger(&rig, &node, Some(&identity)).await;
    let mut bytes = message(1);
    bytes.extend_from_slice(&message(2)[..4]);
    let mut stream = say(&client, "c", "b", false, &bytes).await;
    stream.sender.finish().expect("it ends");
    node.expect_ping(&node_name("b"), 1).await;
    assert!(matches!(end(&mut stream).await, StreamEnd::Reset(_)));
    assert_eq!(node.links.counters().messages_received, 1);
}

/// One unary call, answered in full.
async fn call(client: &Stranger) -> bool {
    use rpcnet_proto::wire::Header;
    use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};
    static CALLS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let id = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut frames = BytesMut::new();
    encode::stream_kind(&mut frames, StreamKind::Call);
    let header = Header {
        call_id: CallId::new(id).expect("it is small"),
        kind: CallKind::Unary,
        codec: CodecId::RAW,
        idempotent: false,
        timeout: Duration::from_secs(5),
        method: Method::new("echo").expect("the name is legal"),
        trace: None,
        metadata: Metadata::new(),
        schema: None,
        load_report: false,
    };
    encode::header(&mut frames, &header);
    encode::message(&mut frames, b"hi");
    encode::end(&mut frames);
    let mut stream = client.raw.open_bidi().await.expect("there is credit");
    stream.sender.write(&frames).await.expect("it is sent");
    stream.sender.finish().expect("it ends");
    stream.receiver.read(1 << 20, PATIENCE).await.bytes == b"\x03\x02hi\x00"
}
