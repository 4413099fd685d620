//! The client's certificate, judged by the server.

use super::*;

/// A server that trusts `home` under `auth`, and what becomes of a client with `identity`.
async fn check(
    scratch: &Scratch,
    home: &Authority,
    auth: ClientAuth,
    identity: Option<&Identity>,
) -> (Host, Result<String, TlsError>) {
    let server = home.ca.server(&["localhost"]).unwrap();
    let files = scratch.identity("server", &server, Some(home));
    let host = Host::start(&load_server(&files, auth).unwrap());
    let client = match identity {
        Some(identity) => load_client(&scratch.identity("client", identity, Some(home))).unwrap(),
        None => home.anonymous_client(),
    };
    let outcome = greeted(&host, &client, "localhost").await;
    (host, outcome)
}

const ASKING: [ClientAuth; 2] = [ClientAuth::Optional, ClientAuth::Required];

#[tokio::test]
async fn a_client_of_the_trusted_ca_is_known_by_its_name() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let alice = home.ca.client("alice").unwrap();
    for auth in ASKING {
        let (host, outcome) = check(&scratch, &home, auth, Some(&alice)).await;
        assert_eq!(outcome.unwrap(), "alice", "{auth:?}");
        assert_eq!(host.failures.count(), 0);
    }
}

#[tokio::test]
async fn a_client_without_certificate_is_anonymous_where_it_is_optional() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let (_, outcome) = check(&scratch, &home, ClientAuth::Optional, None).await;
    assert_eq!(outcome.unwrap(), ANONYMOUS);
}

#[tokio::test]
async fn a_client_without_certificate_is_told_that_one_is_required() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let (host, outcome) = check(&scratch, &home, ClientAuth::Required, None).await;
    assert!(
        matches!(outcome, Err(TlsError::CertificateRequired)),
        "{outcome:?}"
    );
    let seen = host.failure().await;
    assert!(matches!(seen, TlsError::PeerCertificateMissing), "{seen:?}");
}

#[tokio::test]
async fn a_client_that_is_not_asked_stays_anonymous() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let alice = home.ca.client("alice").unwrap();
    let (_, outcome) = check(&scratch, &home, ClientAuth::Off, Some(&alice)).await;
    assert_eq!(outcome.unwrap(), ANONYMOUS);
}

#[tokio::test]
async fn a_client_of_another_ca_is_refused_even_where_none_is_needed() {
    let scratch = Scratch::new();
    let (home, foreign) = (scratch.ca("home"), scratch.ca("foreign"));
    let mallory = foreign.ca.client("alice").unwrap();
    for auth in ASKING {
        let (host, outcome) = check(&scratch, &home, auth, Some(&mallory)).await;
        assert!(
            matches!(outcome, Err(TlsError::CertificateRefused { alert: 46 })),
            "{auth:?}: {outcome:?}"
        );
        let seen = host.failure().await;
        assert!(
            matches!(seen, TlsError::PeerUntrusted),
            "{auth:?}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn an_expired_client_is_refused() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let late = expired(reloaded(&scratch, &home)).client("alice").unwrap();
    for auth in ASKING {
        let (host, outcome) = check(&scratch, &home, auth, Some(&late)).await;
        assert!(
            matches!(outcome, Err(TlsError::CertificateRefused { alert: 45 })),
            "{auth:?}: {outcome:?}"
        );
        let seen = host.failure().await;
        assert!(matches!(seen, TlsError::PeerExpired), "{auth:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_client_not_yet_valid_is_refused() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let early = not_yet_valid(reloaded(&scratch, &home))
        .client("alice")
        .unwrap();
    let (host, outcome) = check(&scratch, &home, ClientAuth::Required, Some(&early)).await;
    assert!(
        matches!(outcome, Err(TlsError::CertificateRefused { alert: 45 })),
        "{outcome:?}"
    );
    let seen = host.failure().await;
    assert!(matches!(seen, TlsError::PeerNotYetValid), "{seen:?}");
}

#[tokio::test]
async fn a_servers_certificate_does_not_make_a_client_and_both_are_told() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let server = home.ca.server(&["elsewhere"]).unwrap();
    let (host, outcome) = check(&scratch, &home, ClientAuth::Required, Some(&server)).await;
    assert!(
        matches!(outcome, Err(TlsError::CertificateRefused { alert: 43 })),
        "{outcome:?}"
    );
    let seen = host.failure().await;
    assert!(matches!(seen, TlsError::PeerWrongUsage), "{seen:?}");
}

#[tokio::test]
async fn a_node_is_both_server_and_client() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let node = scratch.identity("node", &home.ca.node(&["node-1"]).unwrap(), Some(&home));
    let host = Host::start(&load_server(&node, ClientAuth::Required).unwrap());
    let outcome = greeted(&host, &load_client(&node).unwrap(), "node-1").await;
    assert_eq!(outcome.unwrap(), "node-1");
}

#[tokio::test]
async fn either_end_sees_the_others_verified_chain_leaf_first() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let files = scratch.identity("server", &home.ca.server(&["localhost"]).unwrap(), None);
    let host = Host::start(&load_server(&files, ClientAuth::Off).unwrap());
    let connection = connect(&host, &home.anonymous_client(), "localhost")
        .await
        .unwrap();

    let chain = peer_chain(&connection.handle()).unwrap();
    let expected = |path: &Path| crate::certs::der(&CertificateFile::read(path).unwrap()).remove(0);
    assert_eq!(*chain, [expected(&files.cert), expected(&home.path)]);
    let peer = peer_identity(&connection.handle()).unwrap().unwrap();
    assert_eq!(peer.dns_names(), ["localhost"]);
    assert_eq!(peer.der(), chain[0]);
}

/// The same authority a second time, because setting a validity consumes one.
fn reloaded(scratch: &Scratch, authority: &Authority) -> DevCa {
    scratch.write("ca.pem", authority.ca.certificate_pem());
    scratch.write("ca-key.pem", &authority.ca.key_pem());
    DevCa::load(scratch.dir.path()).unwrap()
}
