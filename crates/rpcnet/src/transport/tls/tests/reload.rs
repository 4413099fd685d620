//! Replacing certificates while handshakes go on.

use super::*;

#[tokio::test]
async fn a_reload_concerns_new_handshakes_and_spares_old_connections() {
    let scratch = Scratch::new();
    let (old, new) = (scratch.ca("old"), scratch.ca("new"));
    let files = scratch.identity(
        "old-server",
        &old.ca.server(&["localhost"]).unwrap(),
        Some(&old),
    );
    let tls = load_server(&files, ClientAuth::default()).unwrap();
    let host = Host::start(&tls);
    let alice = scratch.identity("alice", &new.ca.client("alice").unwrap(), Some(&new));
    let (by_old, by_new) = (old.anonymous_client(), load_client(&alice).unwrap());

    let mut standing = connect(&host, &by_old, "localhost").await.unwrap();
    assert_eq!(ask(&mut standing).await.unwrap(), ANONYMOUS);
    let before = greeted(&host, &by_new, "localhost").await;
    assert_is!(before, Err(TlsError::PeerUntrusted));

    // Certificate, key and client CA at once.
    let files = scratch.identity(
        "new-server",
        &new.ca.server(&["localhost"]).unwrap(),
        Some(&new),
    );
    tls.clone()
        .renewed(&Material::read(&files), ClientAuth::Required)
        .unwrap()();
    assert_eq!(greeted(&host, &by_new, "localhost").await.unwrap(), "alice");
    let after = greeted(&host, &by_old, "localhost").await;
    assert_is!(after, Err(TlsError::PeerUntrusted));
    assert_eq!(ask(&mut standing).await.unwrap(), ANONYMOUS);
}

#[tokio::test]
async fn a_reload_of_bad_files_changes_nothing() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let files = scratch.identity("server", &home.ca.server(&["localhost"]).unwrap(), None);
    let tls = load_server(&files, ClientAuth::default()).unwrap();
    let host = Host::start(&tls);

    let half_written = TlsFiles {
        cert: scratch.write("half.pem", "-----BEGIN CERT"),
        ..files
    };
    assert!(
        tls.renewed(&Material::read(&half_written), ClientAuth::default())
            .err()
            .unwrap()
            .is_file_problem()
    );
    let outcome = greeted(&host, &home.anonymous_client(), "localhost").await;
    assert_eq!(outcome.unwrap(), ANONYMOUS);
}

#[tokio::test]
async fn a_client_reloads_its_trust_root_and_identity() {
    let scratch = Scratch::new();
    let (home, foreign) = (scratch.ca("home"), scratch.ca("foreign"));
    let files = scratch.identity(
        "server",
        &home.ca.server(&["localhost"]).unwrap(),
        Some(&home),
    );
    let host = Host::start(&load_server(&files, ClientAuth::Required).unwrap());

    let client = foreign.anonymous_client();
    let before = greeted(&host, &client, "localhost").await;
    assert_is!(before, Err(TlsError::PeerUntrusted));
    let alice = scratch.identity("alice", &home.ca.client("alice").unwrap(), Some(&home));
    client.renewed(&Material::read(&alice)).unwrap()();
    assert_eq!(greeted(&host, &client, "localhost").await.unwrap(), "alice");
}
