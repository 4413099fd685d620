//! What a bad client can do to a server.

use super::*;
use std::num::NonZeroUsize;
use tokio::sync::{mpsc, watch};

#[tokio::test]
async fn a_request_is_cut_at_any_byte_by_its_end() {
    let (client, mut received, _server) = observed().await;
    for at in [0, 1, 6, 7] {
        let stream = client
            .open_bidi()
            .await
            .expect("the server grants a stream");
        stream
            .sender
            .write_cut(b"request", at, Cut::Fin)
            .await
            .expect("the server takes it");
        let seen = received.recv().await.expect("the handler reports");
        assert_eq!(
            (seen.bytes.as_slice(), seen.end),
            (&b"request"[..at], StreamEnd::Fin)
        );
    }
}

#[tokio::test]
async fn a_request_is_cut_at_any_byte_by_a_reset() {
    let (client, mut received, _server) = observed().await;
    for at in [0, 1, 6, 7] {
        let stream = client
            .open_bidi()
            .await
            .expect("the server grants a stream");
        stream
            .sender
            .write_cut(b"request", at, Cut::Reset(3))
            .await
            .expect("the server takes it");
        let seen = received.recv().await.expect("the handler reports");
        assert_eq!(
            (seen.bytes.as_slice(), seen.end),
            (&b"request"[..at], StreamEnd::Reset(3))
        );
    }
}

#[tokio::test]
async fn a_request_can_be_dripped() {
    let (client, mut received, _server) = observed().await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    for pace in [
        Pace::AtOnce,
        Pace::Acknowledged,
        Pace::Every(Duration::from_millis(1)),
    ] {
        let pieces = NonZeroUsize::new(2).expect("two is not zero");
        let written = stream
            .sender
            .write_in_pieces(b"request", pieces, pace)
            .await;
        written.expect("the server takes it");
    }
    stream.sender.finish().expect("the stream is open");
    let seen = received.recv().await.expect("the handler reports");
    assert_eq!(seen.bytes, b"requestrequestrequest");
}

#[tokio::test]
async fn a_client_that_never_reads_takes_its_window_and_no_more() {
    let authority = Authority::new();
    let (progress, mut acknowledged) = watch::channel(0);
    let server = RawServer::serve(&authority.server(), move |mut call| {
        let progress = progress.clone();
        async move {
            while call.stream.sender.write(&[0; 1_000]).await.is_ok()
                && call.stream.sender.flush().await.is_ok()
            {
                progress.send_modify(|bytes| *bytes += 1_000);
            }
        }
    })
    .expect("the server starts");
    let limits = RawLimits {
        stream_window_bytes: 10_000,
        ..RawLimits::default()
    };
    let client = RawClient::connect_with(server.addr(), &authority.anonymous(), limits).await;
    let client = client.expect("the client connects");
    let unread = client
        .open_unread(3, b"request")
        .await
        .expect("the server takes them");

    let full = acknowledged.wait_for(|bytes| *bytes == 30_000);
    let full = tokio::time::timeout(PATIENCE, full)
        .await
        .expect("all windows fill");
    drop(full.expect("the server lives"));
    let more = tokio::time::timeout(WATCH, acknowledged.changed()).await;
    assert!(more.is_err(), "an unread stream took more than its window");
    drop(unread);
}

#[tokio::test]
async fn a_flood_of_delivered_requests_reaches_every_handler() {
    let (client, mut received, server) = observed().await;
    let count = 2 * FLOOD_BATCH_STREAMS + 1;
    let flood = client
        .flood_resets(count, b"request", 8, ResetWhen::Delivered)
        .await;
    assert_eq!(flood.reset_streams, count);
    assert!(flood.stopped_by.is_none(), "{flood:?}");
    for _ in 0..count {
        let seen = received.recv().await.expect("every handler reports");
        assert_eq!(
            (seen.bytes.as_slice(), seen.end),
            (&b"request"[..], StreamEnd::Reset(8))
        );
    }
    assert_eq!(server.stream_count(), count);
}

#[tokio::test]
async fn a_flood_of_immediate_resets_goes_on_as_long_as_streams_are_granted() {
    let (_server, client) = pair(vec![ServerStep::ReadToEnd]).await;
    let flood = client
        .flood_resets(3_000, b"request", 8, ResetWhen::AtOnce)
        .await;
    assert_eq!(flood.reset_streams, 3_000);
    assert_eq!(
        call(&client, b"request", PATIENCE).await.end,
        StreamEnd::Fin
    );
}

#[tokio::test]
async fn a_server_that_closes_ends_the_flood_with_its_code() {
    let (_server, client) = pair(vec![ServerStep::Close(13)]).await;
    let flood = client
        .flood_resets(u64::MAX, b"request", 8, ResetWhen::Delivered)
        .await;
    let stopped_by = flood.stopped_by.expect("the server closed the connection");
    assert_eq!(stopped_by.application_code(), Some(13));
}

/// A client, and what its server's handlers read.
async fn observed() -> (RawClient, mpsc::Receiver<Received>, RawServer) {
    let authority = Authority::new();
    let (report, received) = mpsc::channel(16);
    let server = RawServer::serve(&authority.server(), move |mut call| {
        let report = report.clone();
        async move {
            let seen = call.stream.receiver.read(ANY_LEN, PATIENCE).await;
            report.send(seen).await.expect("the test waits for it");
        }
    })
    .expect("the server starts");
    let client = RawClient::connect(server.addr(), &authority.anonymous()).await;
    (client.expect("the client connects"), received, server)
}
