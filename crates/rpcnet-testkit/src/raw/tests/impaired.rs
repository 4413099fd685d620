//! QUIC through the chaos proxy: what it mends, and what it must.

use super::*;
use crate::chaos::{ChaosConfig, ChaosProxy};

#[tokio::test]
async fn a_transfer_survives_a_network_that_does_everything_at_once() {
    let (proxy, client, _server) = echo_through(ChaosConfig {
        seed: 1,
        loss: 0.05,
        duplicate: 0.02,
        corrupt: 0.01,
        reorder: 0.05,
        delay: Duration::from_millis(2),
        jitter: Duration::from_millis(1),
        ..ChaosConfig::default()
    })
    .await;
    let request = pattern(500_000);
    let received = call(&client, &request, PATIENCE).await;
    assert_eq!(received.end, StreamEnd::Fin);
    assert!(received.bytes == request, "the echo differs");
    let up = proxy.stats().to_upstream;
    assert!(
        up.lost > 0 && up.duplicated > 0 && up.reordered > 0 && up.corrupted > 0,
        "{up:?}"
    );
}

#[tokio::test]
async fn a_connection_survives_a_new_port_in_mid_stream() {
    let (proxy, client, server) = echo_through(ChaosConfig::default()).await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    let part = pattern(20_000);
    for _ in 0..5 {
        stream.sender.write(&part).await.expect("there is room");
        let echo = stream.receiver.read(part.len(), PATIENCE).await;
        assert_eq!(echo.end, StreamEnd::Enough);
        assert!(echo.bytes == part, "the echo differs");
        proxy.rebind();
    }
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn a_transfer_survives_a_blackout() {
    let (proxy, client, _server) = echo_through(ChaosConfig::default()).await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream.sender.write(b"before").await.expect("there is room");
    assert_eq!(stream.receiver.read(6, PATIENCE).await.bytes, b"before");

    proxy.blackout(true);
    stream
        .sender
        .write(b"in the dark")
        .await
        .expect("there is room");
    assert_eq!(
        stream.receiver.read(1, WATCH).await.end,
        StreamEnd::Deadline
    );
    proxy.blackout(false);
    assert_eq!(
        stream.receiver.read(11, PATIENCE).await.bytes,
        b"in the dark"
    );
}

/// A client, and a server that sends back what it gets, with a network like this between them.
async fn echo_through(config: ChaosConfig) -> (ChaosProxy, RawClient, RawServer) {
    let authority = Authority::new();
    let server = RawServer::serve(&authority.server(), |mut call| async move {
        while let Ok(chunk) = call.stream.receiver.read_chunk(PATIENCE).await {
            if call.stream.sender.write(&chunk).await.is_err() {
                return;
            }
        }
    })
    .expect("the server starts");
    let proxy = ChaosProxy::start(server.addr(), config).expect("the proxy starts");
    let client = RawClient::connect(proxy.addr(), &authority.anonymous()).await;
    (proxy, client.expect("the client connects"), server)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}
