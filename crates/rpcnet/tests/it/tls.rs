//! Who may talk to whom: every refusal is named on the side that can mend it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rpcnet::certs::{DevCa, Identity};
use rpcnet::{
    CallContext, ClientAuth, HandlerRan, PemProblem, RpcClient, RpcConfig, RpcError, RpcServer,
    TlsError,
};
use rpcnet_proto::wire::{self, Settings};

use crate::bare::{self, BareServer};
use crate::pair::{Certs, HANG, Running, soon};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Certificates of two authorities that know nothing of each other.
struct Scene {
    certs: Certs,
    ours: DevCa,
    theirs: DevCa,
}

impl Scene {
    fn new() -> Self {
        let certs = Certs::new();
        let ours = DevCa::load(certs.dir()).unwrap();
        let theirs = DevCa::generate("a stranger").unwrap();
        std::fs::write(certs.path("stranger.pem"), theirs.certificate_pem()).unwrap();
        Self {
            certs,
            ours,
            theirs,
        }
    }

    fn write(&self, stem: &str, identity: &Identity) {
        identity.write(self.certs.dir(), stem).unwrap();
    }

    /// A certificate authority of ours whose certificates are valid at another time.
    fn ours_at(&self, not_before: SystemTime, not_after: SystemTime) -> DevCa {
        DevCa::load(self.certs.dir())
            .unwrap()
            .with_validity(not_before, not_after)
    }

    fn expired(&self) -> DevCa {
        let now = SystemTime::now();
        self.ours_at(now - 2 * DAY, now - DAY)
    }

    fn not_yet_valid(&self) -> DevCa {
        let now = SystemTime::now();
        self.ours_at(now + DAY, now + 2 * DAY)
    }

    /// A server's configuration with the identity of this stem.
    fn server(&self, stem: &str) -> RpcConfig {
        RpcConfig::new(self.certs.path(&format!("{stem}.pem")), "127.0.0.1:0")
            .with_key_path(self.certs.path(&format!("{stem}-key.pem")))
    }

    /// A server's that verifies clients against our authority.
    fn verifying(&self, client_auth: ClientAuth) -> RpcConfig {
        self.server("server")
            .with_ca_path(self.certs.path("ca.pem"))
            .with_client_auth(client_auth)
    }

    /// A client's configuration with the identity of this stem.
    fn client(&self, stem: &str) -> RpcConfig {
        self.server(stem).with_ca_path(self.certs.path("ca.pem"))
    }
}

/// What came of connecting and calling `who`, and how often its handler ran.
async fn call_who(server: RpcConfig, client: RpcConfig) -> (Result<String, RpcError>, usize) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let running = Running::from_config(Certs::new(), server, |server| async move {
        server
            .register_with_context("who", move |context: CallContext, _| {
                counted.fetch_add(1, Ordering::Relaxed);
                let name = context.peer_identity().and_then(|peer| peer.common_name());
                let name = name.unwrap_or("nobody").to_owned();
                async move { Ok(name.into_bytes()) }
            })
            .await;
    })
    .await;
    let outcome = async {
        let client = RpcClient::connect(running.addr, client).await?;
        client.call("who", vec![]).await
    };
    let outcome = soon("the call", outcome).await;
    (
        outcome.map(|name| String::from_utf8(name).unwrap()),
        runs.load(Ordering::Relaxed),
    )
}

/// Connecting fails for this reason, in these words, and no handler runs.
#[track_caller]
fn check_refused(
    (outcome, runs): (Result<String, RpcError>, usize),
    is_expected: impl FnOnce(&TlsError) -> bool,
    words: &str,
) {
    let error = outcome.expect_err("refused");
    assert_eq!(error.handler_ran(), HandlerRan::No, "{error:?}");
    assert!(
        !error.is_retryable(),
        "trying again does not mend {error:?}"
    );
    assert!(
        error.to_string().contains(words),
        "`{error}` does not say `{words}`"
    );
    match &error {
        RpcError::TlsError(reason) => assert!(is_expected(reason), "{reason:?}"),
        other => panic!("expected a TLS error, not {other:?}"),
    }
    assert_eq!(runs, 0);
}

#[tokio::test]
async fn a_server_of_our_authority_is_trusted_and_an_anonymous_client_is_nobody() {
    let scene = Scene::new();
    let (outcome, runs) = call_who(scene.server("server"), scene.certs.client()).await;
    assert_eq!((outcome.unwrap().as_str(), runs), ("nobody", 1));
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let scene = Scene::new();
    scene.write("foreign", &scene.theirs.server(&["localhost"]).unwrap());
    let refused = call_who(scene.server("foreign"), scene.certs.client()).await;
    check_refused(
        refused,
        |it| matches!(it, TlsError::PeerUntrusted),
        "trusted CA",
    );
}

#[tokio::test]
async fn a_server_whose_certificate_has_expired_is_refused() {
    let scene = Scene::new();
    scene.write("expired", &scene.expired().server(&["localhost"]).unwrap());
    let refused = call_who(scene.server("expired"), scene.certs.client()).await;
    check_refused(
        refused,
        |it| matches!(it, TlsError::PeerExpired),
        "has expired",
    );
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_valid_yet_is_refused() {
    let scene = Scene::new();
    scene.write(
        "early",
        &scene.not_yet_valid().server(&["localhost"]).unwrap(),
    );
    let refused = call_who(scene.server("early"), scene.certs.client()).await;
    check_refused(
        refused,
        |it| matches!(it, TlsError::PeerNotYetValid),
        "not valid yet",
    );
}

#[tokio::test]
async fn a_server_of_another_name_is_refused_and_the_expected_name_is_told() {
    let scene = Scene::new();
    scene.write("other", &scene.ours.server(&["other.example"]).unwrap());
    let is_expected = |it: &TlsError| matches!(it, TlsError::PeerNameMismatch { expected } if expected == "localhost");
    let refused = call_who(scene.server("other"), scene.certs.client()).await;
    check_refused(refused, is_expected, "localhost");
    let client = scene.certs.client().with_server_name("other.example");
    let (outcome, _) = call_who(scene.server("other"), client).await;
    assert_eq!(outcome.unwrap(), "nobody");
}

#[tokio::test]
async fn a_server_of_another_protocol_is_named_as_what_it_may_be() {
    let certs = Certs::new();
    let server = BareServer::start(&certs, b"h3", Settings::default(), HANG);
    let config = certs.client().with_connect_timeout(Duration::from_secs(1));
    let connected = soon("connect", RpcClient::connect(server.address, config)).await;
    let error = connected.unwrap_err();
    // A server that keeps its TLS alerts to itself, as this one does, cannot be told
    // from one that is not there: the text names both.
    assert!(error.to_string().contains("rpcnet/1"), "{error:?}");
    assert_eq!(error.handler_ran(), HandlerRan::No);
    assert_eq!(server.probe.seen().items, 0);
}

#[tokio::test]
async fn a_client_of_another_protocol_is_refused_and_harms_nobody() {
    let running = Running::new(crate::pair::echo).await;
    let ca = running.certs.path("ca.pem");
    assert!(bare::dial(running.addr, &ca, b"h3").await.is_err());
    assert!(bare::dial(running.addr, &ca, wire::ALPN).await.is_ok());
    let client = running.client().await;
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let scene = Scene::new();
    let refused = call_who(scene.verifying(ClientAuth::Required), scene.certs.client()).await;
    check_refused(
        refused,
        |it| matches!(it, TlsError::CertificateRequired),
        "requires a client certificate",
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_is_nobody_where_one_is_optional() {
    let scene = Scene::new();
    let answered = call_who(scene.verifying(ClientAuth::Optional), scene.certs.client()).await;
    assert_eq!((answered.0.unwrap().as_str(), answered.1), ("nobody", 1));
}

#[tokio::test]
async fn a_client_of_our_authority_is_known_by_its_name() {
    let scene = Scene::new();
    scene.write("alice", &scene.ours.client("alice").unwrap());
    for client_auth in [ClientAuth::Required, ClientAuth::Optional] {
        let (outcome, runs) = call_who(scene.verifying(client_auth), scene.client("alice")).await;
        assert_eq!((outcome.unwrap().as_str(), runs), ("alice", 1));
    }
    // A server that does not ask is told nothing.
    let (outcome, _) = call_who(scene.server("server"), scene.client("alice")).await;
    assert_eq!(outcome.unwrap(), "nobody");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused_even_where_a_certificate_is_optional() {
    let scene = Scene::new();
    scene.write("mallory", &scene.theirs.client("alice").unwrap());
    for client_auth in [ClientAuth::Required, ClientAuth::Optional] {
        let refused = call_who(scene.verifying(client_auth), scene.client("mallory")).await;
        check_refused(
            refused,
            |it| matches!(it, TlsError::CertificateRefused { .. }),
            "refused our certificate",
        );
    }
}

#[tokio::test]
async fn a_client_whose_certificate_has_expired_is_refused() {
    let scene = Scene::new();
    scene.write("late", &scene.expired().client("alice").unwrap());
    let refused = call_who(scene.verifying(ClientAuth::Required), scene.client("late")).await;
    check_refused(
        refused,
        |it| matches!(it, TlsError::CertificateRefused { .. }),
        "expired or is not valid yet",
    );
}

#[tokio::test]
async fn a_servers_certificate_does_not_make_a_client() {
    let scene = Scene::new();
    scene.write("wrong", &scene.ours.server(&["localhost"]).unwrap());
    let (outcome, runs) =
        call_who(scene.verifying(ClientAuth::Required), scene.client("wrong")).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, RpcError::TlsError(_)), "{error:?}");
    assert_eq!(runs, 0);
}

#[tokio::test]
async fn a_refused_client_does_not_disturb_the_others() {
    let scene = Scene::new();
    scene.write("alice", &scene.ours.client("alice").unwrap());
    scene.write("mallory", &scene.theirs.client("mallory").unwrap());
    let server = scene.verifying(ClientAuth::Required);
    let running = Running::from_config(Certs::new(), server, crate::pair::echo).await;
    let alice = RpcClient::connect(running.addr, scene.client("alice"))
        .await
        .unwrap();
    for _ in 0..3 {
        let mallory = RpcClient::connect(running.addr, scene.client("mallory"));
        let refused = soon("mallory", mallory).await.unwrap_err();
        assert!(matches!(refused, RpcError::TlsError(_)), "{refused:?}");
        assert_eq!(
            soon("alice", alice.call("echo", vec![1])).await.unwrap(),
            [1]
        );
    }
}

/// What binding a server with these files fails with.
fn bind_error(cert: PathBuf, key: Option<PathBuf>) -> RpcError {
    let mut config = RpcConfig::new(cert, "127.0.0.1:0");
    if let Some(key) = key {
        config = config.with_key_path(key);
    }
    RpcServer::new(config).bind().map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let certs = Certs::new();
    let (missing, key) = (certs.path("nowhere.pem"), certs.path("server-key.pem"));
    let error = bind_error(missing.clone(), Some(key));
    assert!(matches!(&error, RpcError::TlsError(it) if matches!(**it, TlsError::File { .. })));
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
    let error = bind_error(certs.path("server.pem"), Some(missing.clone()));
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
    let config = RpcConfig::new(missing, "127.0.0.1:0");
    let error = RpcClient::new("127.0.0.1:1".parse().unwrap(), config).unwrap_err();
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
    assert_eq!(error.handler_ran(), HandlerRan::No);
}

#[tokio::test]
async fn a_file_that_is_no_pem_is_named() {
    let certs = Certs::new();
    let garbage = certs.path("garbage.pem");
    std::fs::write(&garbage, [0x30, 0x82, 0x01, 0x00]).unwrap();
    let cases = [
        (garbage.clone(), certs.path("server-key.pem")),
        (certs.path("server.pem"), garbage.clone()),
    ];
    for (cert, key) in cases {
        let error = bind_error(cert, Some(key));
        let RpcError::TlsError(reason) = &error else {
            panic!("{error:?}")
        };
        let TlsError::Pem { path, problem } = &**reason else {
            panic!("{reason:?}")
        };
        assert_eq!((path, problem), (&garbage, &PemProblem::NotPem));
        assert!(error.to_string().contains("garbage.pem"), "{error}");
    }
}

#[tokio::test]
async fn swapped_files_are_told_apart() {
    let certs = Certs::new();
    let error = bind_error(certs.path("server-key.pem"), Some(certs.path("server.pem")));
    assert!(error.to_string().contains("swapped"), "{error}");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_named_with_both_files() {
    let certs = Certs::new();
    let error = bind_error(certs.path("server.pem"), Some(certs.path("client-key.pem")));
    let text = error.to_string();
    assert!(
        matches!(&error, RpcError::TlsError(it) if matches!(**it, TlsError::KeyMismatch { .. }))
    );
    assert!(
        text.contains("server.pem") && text.contains("client-key.pem"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_without_a_key_says_what_to_set() {
    let certs = Certs::new();
    let error = bind_error(certs.path("server.pem"), None);
    assert!(error.to_string().contains("with_key_path"), "{error}");
}

#[tokio::test]
async fn a_server_that_requires_certificates_without_an_authority_says_what_to_set() {
    let certs = Certs::new();
    let config = certs.server().with_client_auth(ClientAuth::Required);
    let error = RpcServer::new(config).bind().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("with_ca_path"), "{error}");
}
