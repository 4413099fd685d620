//! The server's certificate, judged by the client.

use super::*;

/// A server under `identity`.
fn serve(scratch: &Scratch, identity: &Identity) -> Host {
    let files = scratch.identity("server", identity, None);
    Host::start(&load_server(&files, ClientAuth::default()).unwrap())
}

/// What a client that trusts `trusted` makes of `identity`, and what the server learns of that.
async fn check(
    scratch: &Scratch,
    trusted: &Authority,
    identity: &Identity,
    name: &str,
) -> (TlsError, TlsError) {
    both_views(&serve(scratch, identity), &trusted.anonymous_client(), name).await
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
        let host = serve(&scratch, &identity);
        let outcome = greeted(&host, &home.anonymous_client(), name).await;
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
    let (client, server) = check(&scratch, &home, &identity, "localhost").await;
    assert_is!(client, TlsError::PeerUntrusted);
    assert_is!(server, TlsError::CertificateRefused { alert: 46 });
}

#[tokio::test]
async fn a_ca_of_the_same_name_but_another_key_is_untrusted() {
    let scratch = Scratch::new();
    let (home, foreign) = (scratch.ca("home"), DevCa::generate("home").unwrap());
    let identity = foreign.server(&["localhost"]).unwrap();
    let (client, _) = check(&scratch, &home, &identity, "localhost").await;
    assert_is!(client, TlsError::PeerUntrusted);
}

#[tokio::test]
async fn an_expired_server_is_told_apart_from_an_untrusted_one() {
    let scratch = Scratch::new();
    let mut home = scratch.ca("home");
    home.ca = expired(home.ca);
    let identity = home.ca.server(&["localhost"]).unwrap();
    let (client, server) = check(&scratch, &home, &identity, "localhost").await;
    assert_is!(client, TlsError::PeerExpired);
    assert_is!(server, TlsError::CertificateRefused { alert: 45 });
}

#[tokio::test]
async fn a_server_not_yet_valid_is_told_apart_from_an_expired_one() {
    let scratch = Scratch::new();
    let mut home = scratch.ca("home");
    home.ca = not_yet_valid(home.ca);
    let identity = home.ca.server(&["localhost"]).unwrap();
    let (client, server) = check(&scratch, &home, &identity, "localhost").await;
    assert_is!(client, TlsError::PeerNotYetValid);
    assert_is!(server, TlsError::CertificateRefused { alert: 45 });
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
        let (client, server) = check(&scratch, &home, &identity, name).await;
        let TlsError::PeerNameMismatch { expected } = client else {
            panic!("{client:?}")
        };
        assert_eq!(expected, name);
        assert_is!(server, TlsError::CertificateRefused { alert: 46 });
    }
}

#[tokio::test]
async fn a_clients_certificate_does_not_make_a_server() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let identity = home.ca.client("localhost").unwrap();
    let (client, server) = check(&scratch, &home, &identity, "localhost").await;
    assert_is!(client, TlsError::PeerWrongUsage);
    assert_is!(server, TlsError::CertificateRefused { alert: 43 });
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
    let server = tokio::time::timeout(DEADLINE, host.failure_after(0))
        .await
        .unwrap();
    assert_is!(server, TlsError::NoCommonProtocol);
}
