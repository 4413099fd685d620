//! What each step of a server does to its client.

use super::*;
use bytes::Bytes;
use std::num::NonZeroUsize;

#[tokio::test]
async fn a_script_without_steps_ends_the_stream() {
    let (server, client) = pair(Vec::new()).await;
    let received = call(&client, b"request", PATIENCE).await;
    assert_eq!((received.bytes, received.end), (Vec::new(), StreamEnd::Fin));
    assert_eq!((server.connection_count(), server.stream_count()), (1, 1));
}

#[tokio::test]
async fn answers_arrive_in_order_and_can_be_read_to_any_byte() {
    let (_server, client) = pair(vec![
        ServerStep::Read(3),
        ServerStep::Write("one".into()),
        ServerStep::WriteInPieces {
            bytes: "two".into(),
            piece_bytes: NonZeroUsize::MIN,
            pace: Pace::Acknowledged,
        },
        ServerStep::Pause(Duration::from_millis(1)),
        ServerStep::Repeat {
            bytes: "x".into(),
            times: 2,
        },
        ServerStep::Finish,
    ])
    .await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream
        .sender
        .write(b"request")
        .await
        .expect("there is room");
    let head = stream.receiver.read(4, PATIENCE).await;
    assert_eq!(
        (head.bytes.as_slice(), head.end),
        (&b"onet"[..], StreamEnd::Enough)
    );
    let rest = stream.receiver.read(ANY_LEN, PATIENCE).await;
    assert_eq!(
        (rest.bytes.as_slice(), rest.end),
        (&b"woxx"[..], StreamEnd::Fin)
    );
}

#[tokio::test]
async fn garbage_is_the_same_for_the_same_seed() {
    let step = |seed| ServerStep::Garbage { seed, len: 10_000 };
    let (_server, client) = pair(vec![step(1), step(1), step(2)]).await;
    let bytes = call(&client, b"request", PATIENCE).await.bytes;
    let parts: Vec<&[u8]> = bytes.chunks(10_000).collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[0], parts[1]);
    assert_ne!(parts[0], parts[2]);
}

#[tokio::test]
async fn silence_neither_answers_nor_ends() {
    let script = vec![
        ServerStep::ReadToEnd,
        ServerStep::Write("so".into()),
        ServerStep::Silence,
    ];
    let (_server, client) = pair(script).await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream
        .sender
        .write(b"request")
        .await
        .expect("there is room");
    stream.sender.finish().expect("the stream is open");
    assert_eq!(stream.receiver.read(2, PATIENCE).await.bytes, b"so");
    assert_eq!(
        stream.receiver.read(1, WATCH).await.end,
        StreamEnd::Deadline
    );
}

#[tokio::test]
async fn an_endless_answer_goes_on_until_the_client_stops_it() {
    let (server, client) = pair(vec![ServerStep::Endless(Bytes::from(vec![7; 4_096]))]).await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream
        .sender
        .write(b"request")
        .await
        .expect("there is room");
    // Well beyond every window on the way.
    let received = stream.receiver.read(20 << 20, PATIENCE).await;
    assert_eq!(received.end, StreamEnd::Enough);
    stream.receiver.stop_sending(1).expect("the stream is open");
    drop(stream);
    assert_eq!(server.stream_count(), 1);
}

#[tokio::test]
async fn a_reset_arrives_with_its_code() {
    let (_server, client) = pair(vec![ServerStep::Read(1), ServerStep::Reset(9)]).await;
    let received = call(&client, b"request", PATIENCE).await;
    assert_eq!(received.end, StreamEnd::Reset(9));
}

#[tokio::test]
async fn a_stopped_client_fails_to_send_with_the_code() {
    let (_server, client) = pair(vec![ServerStep::StopSending(5), ServerStep::Silence]).await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    let refused = loop {
        if let Err(error) = stream.sender.write(&[0; 1_000]).await {
            break error;
        }
        // Gives the refusal the time of a round trip instead of filling the buffer.
        if let Err(error) = stream.sender.flush().await {
            break error;
        }
    };
    assert_eq!(refused.application_code(), Some(5));
}

#[tokio::test]
async fn a_closing_server_delivers_its_answer_and_then_its_code() {
    let script = vec![ServerStep::Write("bye".into()), ServerStep::Close(42)];
    let (_server, mut client) = pair(script).await;
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream
        .sender
        .write(b"request")
        .await
        .expect("there is room");
    assert_eq!(stream.receiver.read(3, PATIENCE).await.bytes, b"bye");
    let end = stream.receiver.read(1, PATIENCE).await.end;
    assert!(matches!(end, StreamEnd::ConnectionLost(_)), "{end:?}");
    let reason = client.closed(PATIENCE).await.expect("the connection ends");
    assert_eq!(RawError::Connection(reason).application_code(), Some(42));
}

#[tokio::test]
async fn a_server_without_credit_takes_no_byte() {
    let authority = Authority::new();
    let config = RawServerConfig {
        limits: RawLimits::without_credit(),
        ..authority.server()
    };
    let server = RawServer::bind(&config, vec![ServerStep::Silence]).expect("the server starts");
    let client = RawClient::connect(server.addr(), &authority.anonymous()).await;
    let client = client.expect("the client connects");
    let mut stream = client
        .open_bidi()
        .await
        .expect("the server grants a stream");
    stream
        .sender
        .write(b"request")
        .await
        .expect("the client's own buffer has room");
    let flushing = tokio::time::timeout(WATCH, stream.sender.flush()).await;
    assert!(
        flushing.is_err(),
        "the server took the request: {flushing:?}"
    );
}

#[tokio::test]
async fn a_server_without_streams_grants_none() {
    let authority = Authority::new();
    let config = RawServerConfig {
        limits: RawLimits::without_streams(),
        ..authority.server()
    };
    let server = RawServer::bind(&config, Vec::new()).expect("the server starts");
    let client = RawClient::connect(server.addr(), &authority.anonymous()).await;
    let client = client.expect("the client connects");
    let opening = tokio::time::timeout(WATCH, client.open_bidi()).await;
    assert!(opening.is_err(), "the server granted a stream: {opening:?}");
}
