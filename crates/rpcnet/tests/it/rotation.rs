//! Certificates that are replaced while calls go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rpcnet::certs::{DevCa, Identity};
use rpcnet::cluster::{
    ClusterClient, ClusterConfig, LoadBalancingStrategy, MemberState, WorkerRegistry,
};
use rpcnet::{CallOptions, PeerIdentity, RpcClient, RpcConfig, RpcError, TlsError};
use tokio::task::JoinHandle;

use crate::cluster::nodes::{Cluster, Node, agree};
use crate::pair::{Certs, Running, echo, eventually, soon};

fn overwrite(path: &Path, text: &str) {
    // As whoever replaces files well: nobody sees half of one.
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

/// Replaces certificate and key of this stem.
fn replace(dir: &Path, stem: &str, identity: &Identity) {
    overwrite(&dir.join(format!("{stem}.pem")), identity.certificate_pem());
    overwrite(&dir.join(format!("{stem}-key.pem")), identity.key_pem());
}

/// The fingerprint of the certificate in a file.
fn fingerprint(path: PathBuf) -> [u8; 32] {
    rpcnet::certs::inspect(path).unwrap()[0]
        .identity
        .fingerprint()
}

fn seen(client: &RpcClient) -> [u8; 32] {
    let identity: PeerIdentity = client.server_identity().unwrap();
    identity.fingerprint()
}

#[tokio::test]
async fn a_server_that_reloads_shows_the_new_certificate_to_new_connections_only() {
    let running = Running::new(echo).await;
    let ca = DevCa::load(running.certs.dir()).unwrap();
    let before = fingerprint(running.certs.path("server.pem"));
    let old = running.client().await;
    assert_eq!(seen(&old), before);
    let status = running.server.certificates().unwrap();
    assert_eq!(status.identity.as_ref().unwrap().fingerprint, before);
    let days =
        |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap().as_secs() / 86_400;
    assert_eq!(days(SystemTime::now(), status.not_after().unwrap()), 89);

    let identity = ca.server(&["localhost"]).unwrap();
    replace(running.certs.dir(), "server", &identity);
    running.server.reload_tls().unwrap();
    let after = fingerprint(running.certs.path("server.pem"));
    assert_ne!(before, after);
    let new = running.client_with(RpcConfig::with_own_socket).await;
    assert_eq!((seen(&old), seen(&new)), (before, after));
    assert_eq!(old.call("echo", vec![1]).await.unwrap(), [1]);
    let status = running.server.certificates().unwrap();
    assert_eq!(status.identity.unwrap().fingerprint, after);
    assert_eq!((status.reloads, status.reloads_failed), (1, 0));
}

#[tokio::test]
async fn a_watched_server_and_a_watched_client_follow_their_files() {
    const EVERY: Duration = Duration::from_millis(100);
    let certs = Certs::new();
    let config = certs.server().with_ca_path(certs.path("ca.pem"));
    let config = config.with_certificate_watch(EVERY);
    let running = Running::from_config(certs, config, echo).await;
    let dir = running.certs.dir();
    let config = RpcConfig::new(dir.join("client.pem"), "127.0.0.1:0")
        .with_key_path(dir.join("client-key.pem"))
        .with_ca_path(dir.join("ca.pem"))
        .with_certificate_watch(EVERY);
    let client = RpcClient::connect(running.addr, config.clone())
        .await
        .unwrap();
    let ca = DevCa::load(dir).unwrap();
    replace(dir, "server", &ca.server(&["localhost"]).unwrap());
    replace(dir, "client", &ca.client("renewed").unwrap());
    eventually("both have looked", || {
        let reloads = running
            .server
            .certificates()
            .map_or(0, |status| status.reloads);
        reloads == 1 && client.certificates().reloads == 1
    })
    .await;
    let next = RpcClient::connect(running.addr, config).await.unwrap();
    assert_eq!(seen(&next), fingerprint(running.certs.path("server.pem")));
    let own = next.certificates().identity.unwrap();
    assert_eq!(
        own.fingerprint,
        fingerprint(running.certs.path("client.pem"))
    );
}

#[tokio::test]
async fn what_no_member_would_accept_replaces_nothing_of_a_member() {
    let cluster = Cluster::new();
    let node = cluster.start("alpha").await;
    let before = node.server.certificates().unwrap();
    let stranger = DevCa::generate("a stranger").unwrap();
    let cases = [
        (stranger.node(&["localhost", "alpha"]), "chain to the CA"),
        (cluster.ca().node(&["localhost", "beta"]), "`alpha`"),
        (cluster.ca().server(&["localhost", "alpha"]), "clientAuth"),
    ];
    let count = cases.len();
    for (identity, words) in cases {
        replace(cluster.dir(), "alpha", &identity.unwrap());
        for outcome in [node.server.reload_tls(), node.membership.reload_tls()] {
            let error = outcome.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    let status = node.membership.certificates().unwrap();
    assert_eq!(status.identity, before.identity);
    assert_eq!(status.reloads_failed, 2 * count as u64);
    // Others still find it, by what it had before.
    let beta = cluster.start("beta").await;
    beta.join(&[&node]).await;
    agree(&[node, beta]).await;
}

/// Calls workers without a pause, until told to stop.
struct Load {
    calls: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<RpcError>>>,
}

impl Load {
    fn on(client: &ClusterClient) -> Self {
        let (calls, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let caller = || {
            let (client, calls, stop) = (client.clone(), calls.clone(), stop.clone());
            tokio::spawn(async move {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let options = CallOptions::new();
                    let called = client.call_worker_with("work", vec![7; 64], None, options);
                    failed.extend(called.await.err());
                    calls.fetch_add(1, Ordering::Relaxed);
                }
                failed
            })
        };
        let tasks = (0..2).map(|_| caller()).collect();
        Self { calls, stop, tasks }
    }

    /// Waits for so many further calls.
    async fn goes_on(&self, further: usize) {
        let from = self.calls.load(Ordering::Relaxed);
        eventually("calls", || {
            self.calls.load(Ordering::Relaxed) >= from + further
        })
        .await;
    }

    async fn failures(self) -> Vec<RpcError> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for task in self.tasks {
            failed.extend(task.await.unwrap());
        }
        failed
    }
}

/// Five nodes, each with files of its own, a director that calls the other four, and a client.
struct Fleet {
    cluster: Cluster,
    nodes: Vec<Node>,
    client: ClusterClient,
}

const NAMES: [&str; 5] = ["director", "w1", "w2", "w3", "w4"];

impl Fleet {
    async fn new() -> Self {
        let cluster = Cluster::new();
        let mut nodes: Vec<Node> = Vec::new();
        for name in NAMES {
            let role = if name == "director" {
                "director"
            } else {
                "worker"
            };
            let config = ClusterConfig::local().with_tag("role", role);
            let node = cluster.start_with(cluster.rpc(name), config).await;
            let echo = |payload| async move { Ok(payload) };
            node.server.register("work", echo).await;
            if let Some(first) = nodes.first() {
                node.join(&[first]).await;
            }
            nodes.push(node);
        }
        agree(&nodes).await;
        let membership = Arc::clone(&nodes[0].membership);
        let registry = WorkerRegistry::new(membership, LoadBalancingStrategy::RoundRobin);
        registry.start().await;
        soon(
            "the workers",
            registry.wait_until(|workers| workers.len() == 4),
        )
        .await;
        let client = ClusterClient::new(registry, cluster.client("caller"));
        Self {
            cluster,
            nodes,
            client,
        }
    }

    fn trust(&self, authorities: &[&DevCa]) {
        let bundle: String = authorities.iter().map(|ca| ca.certificate_pem()).collect();
        overwrite(&self.cluster.path("ca.pem"), &bundle);
        self.reload_all();
    }

    fn reload_all(&self) {
        for node in &self.nodes {
            node.server.reload_tls().unwrap();
        }
        self.client.reload_tls().unwrap();
    }

    /// Connects to each node with this configuration.
    async fn connect(&self, config: &RpcConfig) -> Vec<Result<RpcClient, RpcError>> {
        let mut connected = Vec::new();
        for node in &self.nodes {
            let config = config.clone().with_own_socket();
            connected.push(soon("connecting", RpcClient::connect(node.addr, config)).await);
        }
        connected
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_of_five_nodes_is_replaced_under_load_without_a_failed_call() {
    let fleet = Fleet::new().await;
    let dir = fleet.cluster.dir();
    let (old, new) = (fleet.cluster.ca(), DevCa::generate("the next one").unwrap());
    std::fs::write(dir.join("old-ca.pem"), old.certificate_pem()).unwrap();
    let by_old = RpcConfig::new(dir.join("old-ca.pem"), "127.0.0.1:0");
    old.node(&["localhost", "late"])
        .unwrap()
        .write(dir, "old-late")
        .unwrap();
    let load = Load::on(&fleet.client);
    load.goes_on(200).await;

    // 1. Both are trusted.
    fleet.trust(&[old, &new]);
    load.goes_on(200).await;

    // 2. Identities are replaced, one node after the other.
    let of_old: Vec<u64> = fleet
        .nodes
        .iter()
        .map(|node| node.membership.local().incarnation())
        .collect();
    for (node, name) in fleet.nodes.iter().zip(NAMES) {
        replace(dir, name, &new.node(&["localhost", name]).unwrap());
        node.server.reload_tls().unwrap();
        load.goes_on(50).await;
    }
    replace(dir, "caller", &new.client("caller").unwrap());
    fleet.client.reload_tls().unwrap();
    // A record is signed anew with the certificate, and everybody takes it over.
    for (node, before) in fleet.nodes.iter().zip(of_old) {
        let name = node.name().to_owned();
        for other in &fleet.nodes {
            let is_new = |view: &rpcnet::cluster::ClusterView| {
                view.get(&name)
                    .is_some_and(|member| member.incarnation() > before)
            };
            soon("the new record", other.membership.wait_until(is_new)).await;
        }
    }
    load.goes_on(200).await;
    // In the overlap a member under either authority may join.
    let late = RpcConfig::new(dir.join("old-late.pem"), "127.0.0.1:0")
        .with_key_path(dir.join("old-late-key.pem"))
        .with_ca_path(dir.join("ca.pem"));
    let late = fleet.cluster.start_with(late, ClusterConfig::local()).await;
    late.join(&[&fleet.nodes[1]]).await;
    fleet.nodes[4].sees("late", MemberState::Alive).await;
    late.membership.leave().await.unwrap();

    // 3. Only the new one is trusted.
    fleet.trust(&[&new]);
    load.goes_on(200).await;
    let failed = load.failures().await;
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );

    // New handshakes use the new chain; the old authority is refused on both sides.
    let by_new = fleet.cluster.client("caller");
    for (connected, name) in fleet.connect(&by_new).await.iter().zip(NAMES) {
        let file = fleet.cluster.path(&format!("{name}.pem"));
        assert_eq!(seen(connected.as_ref().unwrap()), fingerprint(file));
    }
    for refused in fleet.connect(&by_old).await {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, RpcError::TlsError(it) if matches!(**it, TlsError::PeerUntrusted))
        );
    }
    let stale = RpcConfig::new(dir.join("old-late.pem"), "127.0.0.1:0")
        .with_key_path(dir.join("old-late-key.pem"))
        .with_ca_path(dir.join("ca.pem"));
    for refused in fleet.connect(&stale).await {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, RpcError::TlsError(it) if matches!(**it, TlsError::CertificateRefused { .. })),
            "{error:?}"
        );
    }
    // A member that comes now finds all five, whose records are the new authority's.
    new.node(&["localhost", "fresh"])
        .unwrap()
        .write(dir, "fresh")
        .unwrap();
    let fresh = fleet.cluster.start("fresh").await;
    fresh.join(&[&fleet.nodes[2]]).await;
    for name in NAMES {
        fresh.sees(name, MemberState::Alive).await;
    }
}
