//! The client's certificate, judged by the server.

use super::*;

/// A server that trusts `home` under `auth`, and a client with `identity`.
fn pair(
    scratch: &Scratch,
    home: &Authority,
    auth: ClientAuth,
    identity: Option<&Identity>,
) -> (Host, ClientTls) {
    let server = home.ca.server(&["localhost"]).unwrap();
    let files = scratch.identity("server", &server, Some(home));
    let host = Host::start(&load_server(&files, auth).unwrap());
    let client = match identity {
        Some(identity) => load_client(&scratch.identity("client", identity, Some(home))).unwrap(),
        None => home.anonymous_client(),
    };
    (host, client)
}

/// By which name the server knows the client.
async fn accepted(
    scratch: &Scratch,
    home: &Authority,
    auth: ClientAuth,
    identity: Option<&Identity>,
) -> String {
    let (host, client) = pair(scratch, home, auth, identity);
    let name = greeted(&host, &client, "localhost").await.unwrap();
    assert_eq!(host.failures.count(), 0);
    name
}

/// What the client learns of its refusal, and how the server sees it.
async fn refused(
    scratch: &Scratch,
    home: &Authority,
    auth: ClientAuth,
    identity: Option<&Identity>,
) -> (TlsError, TlsError) {
    let (host, client) = pair(scratch, home, auth, identity);
    both_views(&host, &client, "localhost").await
}

const ASKING: [ClientAuth; 2] = [ClientAuth::Optional, ClientAuth::Required];

#[tokio::test]
async fn a_client_of_the_trusted_ca_is_known_by_its_name() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let alice = home.ca.client("alice").unwrap();
    for auth in ASKING {
        let name = accepted(&scratch, &home, auth, Some(&alice)).await;
        assert_eq!(name, "alice", "{auth:?}");
    }
}

#[tokio::test]
async fn a_client_without_certificate_is_anonymous_where_it_is_optional() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    assert_eq!(
        accepted(&scratch, &home, ClientAuth::Optional, None).await,
        ANONYMOUS
    );
}

#[tokio::test]
async fn a_client_without_certificate_is_told_that_one_is_required() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let (client, server) = refused(&scratch, &home, ClientAuth::Required, None).await;
    assert_is!(client, TlsError::CertificateRequired);
    assert_is!(server, TlsError::PeerCertificateMissing);
}

#[tokio::test]
async fn a_failed_handshake_is_counted_once_and_a_good_one_never() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let alice = home.ca.client("alice").unwrap();
    let (host, known) = pair(&scratch, &home, ClientAuth::Required, Some(&alice));
    let nobody = home.anonymous_client();
    let _ = tokio::time::timeout(PATIENCE, greeted(&host, &nobody, "localhost")).await;
    assert_eq!(host.failures.count(), 1);
    assert_eq!(greeted(&host, &known, "localhost").await.unwrap(), "alice");
    assert_eq!(host.failures.count(), 1);
}

#[tokio::test]
async fn a_client_that_is_not_asked_stays_anonymous() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let alice = home.ca.client("alice").unwrap();
    assert_eq!(
        accepted(&scratch, &home, ClientAuth::Off, Some(&alice)).await,
        ANONYMOUS
    );
}

#[tokio::test]
async fn a_client_of_another_ca_is_refused_even_where_none_is_needed() {
    let scratch = Scratch::new();
    let (home, foreign) = (scratch.ca("home"), scratch.ca("foreign"));
    let mallory = foreign.ca.client("alice").unwrap();
    for auth in ASKING {
        let (client, server) = refused(&scratch, &home, auth, Some(&mallory)).await;
        assert_is!(client, TlsError::CertificateRefused { alert: 46 });
        assert_is!(server, TlsError::PeerUntrusted);
    }
}

#[tokio::test]
async fn an_expired_client_is_refused() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let late = expired(reloaded(&scratch, &home)).client("alice").unwrap();
    for auth in ASKING {
        let (client, server) = refused(&scratch, &home, auth, Some(&late)).await;
        assert_is!(client, TlsError::CertificateRefused { alert: 45 });
        assert_is!(server, TlsError::PeerExpired);
    }
}

#[tokio::test]
async fn a_client_not_yet_valid_is_refused() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let early = not_yet_valid(reloaded(&scratch, &home))
        .client("alice")
        .unwrap();
    let (client, server) = refused(&scratch, &home, ClientAuth::Required, Some(&early)).await;
    assert_is!(client, TlsError::CertificateRefused { alert: 45 });
    assert_is!(server, TlsError::PeerNotYetValid);
}

#[tokio::test]
async fn a_servers_certificate_does_not_make_a_client_and_both_are_told() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let server = home.ca.server(&["elsewhere"]).unwrap();
    let (client, server) = refused(&scratch, &home, ClientAuth::Required, Some(&server)).await;
    assert_is!(client, TlsError::CertificateRefused { alert: 43 });
    assert_is!(server, TlsError::PeerWrongUsage);
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
    let expected = |path: &Path| CertificateFile::read(path).unwrap().der().remove(0);
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
