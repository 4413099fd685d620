//! The server's certificate, judged by the client.

use super::*;

/// A server under `identity`, and what a client that trusts `trusted` makes of it as `name`.
async fn check(
    scratch: &Scratch,
    trusted: &Authority,
    identity: &Identity,
    name: &str,
) -> (Host, Result<String, TlsError>) {
    let files = scratch.identity("server", identity, None);
    let host = Host::start(&load_server(&files, ClientAuth::default()).unwrap());
    let outcome = greeted(&host, &trusted.anonymous_client(), name).await;
    (host, outcome)
}

#[tokio::test]
async fn a_server_of_the_trusted_ca_is_accepted_by_each_of_its_names() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let identity = home
        .ca
        .server(&["localhost", "127.0.0.1", "::1", "*.svc"])
        .unwrap();
    for name in ["localhost", "LOCALHOST", "127.0.0.1", "::1", "a.svc"] {
        let (host, outcome) = check(&scratch, &home, &identity, name).await;
        assert_eq!(outcome.unwrap(), ANONYMOUS, "{name}");
        assert_eq!(host.failures.count(), 0);
    }
}

#[tokio::test]
async fn the_servers_own_certificate_serves_as_trust_root() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let files = scratch.identity("server", &home.ca.server(&["localhost"]).unwrap(), None);
    let host = Host::start(&load_server(&files, ClientAuth::default()).unwrap());
    let pinned = load_client(&TlsFiles {
        cert: files.cert,
        key: None,
        ca: None,
    })
    .unwrap();
    assert_eq!(
        greeted(&host, &pinned, "localhost").await.unwrap(),
        ANONYMOUS
    );
}

#[tokio::test]
async fn a_server_of_another_ca_is_untrusted() {
    let scratch = Scratch::new();
    let (home, foreign) = (scratch.ca("home"), scratch.ca("foreign"));
    let identity = foreign.ca.server(&["localhost"]).unwrap();
    let (host, outcome) = check(&scratch, &home, &identity, "localhost").await;
    assert!(
        matches!(outcome, Err(TlsError::PeerUntrusted)),
        "{outcome:?}"
    );
    let seen = host.failure().await;
    assert!(
        matches!(seen, TlsError::CertificateRefused { alert: 46 }),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_ca_of_the_same_name_but_another_key_is_untrusted() {
    let scratch = Scratch::new();
    let (home, foreign) = (scratch.ca("home"), DevCa::generate("home").unwrap());
    let identity = foreign.server(&["localhost"]).unwrap();
    let (_, outcome) = check(&scratch, &home, &identity, "localhost").await;
    assert!(
        matches!(outcome, Err(TlsError::PeerUntrusted)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_expired_server_is_told_apart_from_an_untrusted_one() {
    let scratch = Scratch::new();
    let mut home = scratch.ca("home");
    home.ca = expired(home.ca);
    let identity = home.ca.server(&["localhost"]).unwrap();
    let (host, outcome) = check(&scratch, &home, &identity, "localhost").await;
    assert!(matches!(outcome, Err(TlsError::PeerExpired)), "{outcome:?}");
    let seen = host.failure().await;
    assert!(
        matches!(seen, TlsError::CertificateRefused { alert: 45 }),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_server_not_yet_valid_is_told_apart_from_an_expired_one() {
    let scratch = Scratch::new();
    let mut home = scratch.ca("home");
    home.ca = not_yet_valid(home.ca);
    let identity = home.ca.server(&["localhost"]).unwrap();
    let (host, outcome) = check(&scratch, &home, &identity, "localhost").await;
    assert!(
        matches!(outcome, Err(TlsError::PeerNotYetValid)),
        "{outcome:?}"
    );
    let seen = host.failure().await;
    assert!(
        matches!(seen, TlsError::CertificateRefused { alert: 45 }),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_server_of_another_name_is_refused_by_the_name_asked_for() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let identity = home
        .ca
        .server(&["a.example", "*.b.example", "127.0.0.1"])
        .unwrap();
    for name in [
        "localhost",
        "x.a.example",
        "b.example",
        "x.y.b.example",
        "127.0.0.2",
    ] {
        let (host, outcome) = check(&scratch, &home, &identity, name).await;
        let Err(TlsError::PeerNameMismatch { expected }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(expected, name);
        let seen = host.failure().await;
        assert!(
            matches!(seen, TlsError::CertificateRefused { alert: 46 }),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_clients_certificate_does_not_make_a_server() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let identity = home.ca.client("localhost").unwrap();
    let (host, outcome) = check(&scratch, &home, &identity, "localhost").await;
    assert!(
        matches!(outcome, Err(TlsError::PeerWrongUsage)),
        "{outcome:?}"
    );
    let seen = host.failure().await;
    assert!(
        matches!(seen, TlsError::CertificateRefused { alert: 43 }),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_client_of_another_protocol_gets_no_answer_and_the_server_knows_why() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let files = scratch.identity("server", &home.ca.server(&["localhost"]).unwrap(), None);
    let host = Host::start(&load_server(&files, ClientAuth::default()).unwrap());
    let other = Client::builder()
        .with_application_protocols(["rpcnet/0", "h3"])
        .unwrap()
        .with_certificate(home.path.as_path())
        .unwrap()
        .build()
        .unwrap();
    let outcome = try_connect(&host, other, "localhost", Duration::from_millis(300)).await;
    let error = outcome.map(drop).unwrap_err();
    assert!(
        matches!(error, Error::MaxHandshakeDurationExceeded { .. }),
        "{error}"
    );
    assert!(classify(&error, "localhost").is_none());
    let seen = host.failures.last("");
    assert!(matches!(seen, Some(TlsError::NoCommonProtocol)), "{seen:?}");
}
