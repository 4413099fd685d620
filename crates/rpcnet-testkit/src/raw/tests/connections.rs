//! Who may connect, and how connections end.

use super::*;
use s2n_quic::connection;

#[tokio::test]
async fn a_client_identity_does_not_stop_it_from_using_a_server_that_asks_for_none() {
    let authority = Authority::new();
    for tls in [authority.anonymous(), authority.named("client")] {
        assert!(is_served(ClientAuth::Off, &authority, &tls).await);
    }
}

#[tokio::test]
async fn optional_client_certificates_are_held_against_the_authority() {
    let authority = Authority::new();
    let auth = ClientAuth::Optional;
    assert!(is_served(auth, &authority, &authority.anonymous()).await);
    assert!(is_served(auth, &authority, &authority.named("client")).await);
    assert!(!is_served(auth, &authority, &foreign(&authority)).await);
}

#[tokio::test]
async fn required_client_certificates_are_required() {
    let authority = Authority::new();
    let auth = ClientAuth::Required;
    assert!(is_served(auth, &authority, &authority.named("client")).await);
    assert!(!is_served(auth, &authority, &authority.anonymous()).await);
    assert!(!is_served(auth, &authority, &foreign(&authority)).await);
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_is_refused() {
    let authority = Authority::new();
    let server = RawServer::bind(&authority.server(), Vec::new()).expect("the server starts");
    let stranger = Authority::new().anonymous();
    let misnamed = RawTls {
        server_name: "elsewhere".into(),
        ..authority.anonymous()
    };
    for tls in [stranger, misnamed] {
        let refused = RawClient::connect(server.addr(), &tls).await;
        assert!(
            matches!(refused, Err(RawError::Connection(_))),
            "{refused:?}"
        );
    }
    assert_eq!(server.connection_count(), 0);
}

#[tokio::test]
async fn without_a_common_protocol_there_is_no_connection() {
    let authority = Authority::new();
    let server = RawServer::bind(&authority.server(), Vec::new()).expect("the server starts");
    let tls = RawTls {
        alpn: vec!["h3".into()],
        ..authority.anonymous()
    };
    let limits = RawLimits {
        handshake_time_max: Duration::from_millis(200),
        ..RawLimits::default()
    };
    let refused = RawClient::connect_with(server.addr(), &tls, limits).await;
    assert!(
        matches!(refused, Err(RawError::Connection(_))),
        "{refused:?}"
    );
    assert_eq!(server.connection_count(), 0);
}

#[tokio::test]
async fn a_server_without_an_identity_does_not_start() {
    let config = RawServerConfig::new(Authority::new().anonymous());
    let refused = RawServer::bind(&config, Vec::new());
    assert!(matches!(refused, Err(RawError::Setup(_))), "{refused:?}");
}

#[tokio::test]
async fn a_greeting_comes_without_being_asked_for_and_its_stream_stays_open() {
    let authority = Authority::new();
    let config = RawServerConfig {
        greeting: "welcome".into(),
        ..authority.server()
    };
    let server = RawServer::bind(&config, vec![ServerStep::ReadToEnd]).expect("the server starts");
    let client = RawClient::connect(server.addr(), &authority.anonymous()).await;
    let mut client = client.expect("the client connects");
    let mut stream = client
        .accept_uni(PATIENCE)
        .await
        .expect("the server opens a stream");
    let greeting = stream.read(7, PATIENCE).await;
    assert_eq!(greeting.bytes, b"welcome");
    assert_eq!(stream.read(1, WATCH).await.end, StreamEnd::Deadline);
    assert_eq!(call(&client, b"hello", PATIENCE).await.end, StreamEnd::Fin);
}

#[tokio::test]
async fn the_code_a_client_closes_with_reaches_the_server() {
    let authority = Authority::new();
    let (report, mut reported) = tokio::sync::mpsc::channel(1);
    let server = RawServer::serve(&authority.server(), move |mut call| {
        let report = report.clone();
        async move {
            let received = call.stream.receiver.read(ANY_LEN, PATIENCE).await;
            report
                .send(received.end)
                .await
                .expect("the test waits for it");
        }
    })
    .expect("the server starts");
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
        .expect("there is room");
    stream
        .sender
        .flush()
        .await
        .expect("the server acknowledges");
    client.close(77).expect("the code is small");

    let end = reported.recv().await.expect("the handler ends");
    let StreamEnd::ConnectionLost(error) = end else {
        panic!("the stream ended with {end:?}");
    };
    assert_eq!(RawError::Connection(error).application_code(), Some(77));
}

#[tokio::test]
async fn a_dropped_server_lets_go_of_its_clients() {
    let (server, mut client) = pair(vec![ServerStep::Silence]).await;
    let stream = client
        .open_unread(1, b"request")
        .await
        .expect("the server grants a stream");
    drop(server);
    let reason = client.closed(PATIENCE).await.expect("the connection ends");
    assert!(
        matches!(reason, connection::Error::Closed { .. }),
        "{reason:?}"
    );
    drop(stream);
}

#[tokio::test]
async fn a_code_beyond_62_bits_is_refused_before_it_is_sent() {
    let (_server, client) = pair(vec![ServerStep::ReadToEnd]).await;
    assert!(matches!(client.close(1 << 62), Err(RawError::Setup(_))));
    assert_eq!(
        call(&client, b"still open", PATIENCE).await.end,
        StreamEnd::Fin
    );
    client
        .close((1 << 62) - 1)
        .expect("the largest code there is");
}

fn foreign(authority: &Authority) -> RawTls {
    RawTls {
        ca_pem: authority.anonymous().ca_pem,
        ..Authority::new().named("client")
    }
}

/// Says whether a call comes through; a client that is refused learns of it no earlier.
async fn is_served(client_auth: ClientAuth, authority: &Authority, tls: &RawTls) -> bool {
    let config = RawServerConfig {
        client_auth,
        ..authority.server()
    };
    let server = RawServer::bind(&config, vec![ServerStep::ReadToEnd]).expect("the server starts");
    let Ok(client) = RawClient::connect(server.addr(), tls).await else {
        return false;
    };
    let Ok(mut stream) = client.open_bidi().await else {
        return false;
    };
    let _ = stream.sender.write(b"request").await;
    let _ = stream.sender.finish();
    let end = stream.receiver.read(ANY_LEN, PATIENCE).await.end;
    assert_ne!(
        end,
        StreamEnd::Deadline,
        "refusal or service, but not silence"
    );
    end == StreamEnd::Fin
}
