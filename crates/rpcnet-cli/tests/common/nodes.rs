//! [`ThreeNodes`], and the certificates around them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rpcnet::builtin::{Access, AdminAccess, Health};
use rpcnet::certs::DevCa;
use rpcnet::cluster::{ClusterConfig, ClusterMembership};
use rpcnet::{Code, RpcConfig, RpcError, RpcServer};
use tempfile::TempDir;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::PATIENCE;
use super::calculator::{Abacus, CalculatorServer};

/// `node-0`, `node-1` and `node-2`, who know each other.
///
/// In its folder are `ca.pem`, the files of the nodes, those of the clients `alice` and `bob`, and in
/// `strange/` another CA with an `alice` of its own.
pub(crate) struct ThreeNodes {
    dir: TempDir,
    pub(crate) nodes: [Node; 3],
}

/// One of them. Dropping it cuts it off without a word.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) server: RpcServer,
    pub(crate) membership: Arc<ClusterMembership>,
    pub(crate) health: Health,
    serving: AbortHandle,
}

impl ThreeNodes {
    /// Starts them; returns when all see all.
    pub(crate) async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// Starts them with a changed configuration.
    pub(crate) async fn start_with(configure: impl Fn(RpcConfig) -> RpcConfig) -> Self {
        let dir = certificates();
        let mut nodes = Vec::new();
        for number in 0..3 {
            let node = Node::start(&dir, &format!("node-{number}"), &configure).await;
            nodes.push(node);
        }
        for node in &nodes[1..] {
            node.membership.join([nodes[0].address]).await.unwrap();
        }
        for node in &nodes {
            let whole = node
                .membership
                .wait_until(|view| view.live().count() == nodes.len());
            timeout(PATIENCE, whole).await.unwrap();
        }
        let nodes = nodes.try_into().unwrap_or_else(|_| unreachable!());
        Self { dir, nodes }
    }

    /// Has a node die without a word. What is there under its number from then on is its neighbour.
    pub(crate) fn cut(&mut self, number: usize) {
        let neighbour = &self.nodes[(number + 1) % self.nodes.len()];
        let (server, membership) = (neighbour.server.clone(), neighbour.membership.clone());
        let node = &mut self.nodes[number];
        node.serving.abort();
        node.server = server;
        node.membership = membership;
    }

    /// Where a node listens, as an argument.
    pub(crate) fn address(&self, node: usize) -> String {
        self.nodes[node].address.to_string()
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// An option and one of the files.
    pub(crate) fn option(&self, option: &str, file: &str) -> [String; 2] {
        [option.to_owned(), self.file(file).display().to_string()]
    }

    /// The options to ask as this client, or node.
    pub(crate) fn identified(&self, name: &str) -> Vec<String> {
        let options = [
            self.option("--ca", "ca.pem"),
            self.option("--cert", &format!("{name}.pem")),
            self.option("--key", &format!("{name}-key.pem")),
        ];
        options.into_iter().flatten().collect()
    }

    /// The options to ask without a certificate.
    pub(crate) fn anonymous(&self) -> Vec<String> {
        self.option("--ca", "ca.pem").to_vec()
    }
}

fn certificates() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, name) in [("", "this cluster's"), ("strange", "somebody's")] {
        let path = dir.path().join(path);
        let ca = DevCa::generate(name).unwrap();
        ca.write(&path).unwrap();
        for client in ["alice", "bob"] {
            ca.client(client).unwrap().write(&path, client).unwrap();
        }
        for node in ["node-0", "node-1", "node-2"] {
            let names = [node, "localhost", "127.0.0.1"];
            ca.node(&names).unwrap().write(&path, node).unwrap();
        }
    }
    dir
}

impl Node {
    async fn start(dir: &TempDir, name: &str, configure: impl Fn(RpcConfig) -> RpcConfig) -> Self {
        let file = |suffix: &str| dir.path().join(format!("{name}{suffix}.pem"));
        let config = RpcConfig::new(file(""), "127.0.0.1:0")
            .with_key_path(file("-key"))
            .with_ca_path(dir.path().join("ca.pem"));
        let mut server = RpcServer::new(configure(config));
        let quic_server = server.bind().unwrap();
        let address = server.socket_addr.unwrap();
        server.add_service(CalculatorServer::service(Abacus(name.to_owned())));
        register(&server).await;
        let health = server.enable_health(Access::anyone()).await;
        server.enable_introspection(Access::verified()).await;
        let admin = AdminAccess::new(Access::verified()).with_acting(Access::names(["alice"]));
        server.enable_admin(admin).await;
        let config = ClusterConfig::local()
            .with_cluster_name("test")
            .with_node_name(name)
            .with_tag("role", "worker");
        let membership = server.enable_cluster(config).await.unwrap();
        let task = server.clone();
        let serving = tokio::spawn(async move { task.start(quic_server).await });
        Self {
            name: name.to_owned(),
            address,
            server,
            membership,
            health,
            serving: serving.abort_handle(),
        }
    }
}

/// Methods of bytes: `echo`, `echo_stream`, and `secret`, which is for `bob` alone.
async fn register(server: &RpcServer) {
    server
        .register("echo", |payload| async move { Ok(payload) })
        .await;
    server
        .register_streaming("echo_stream", |requests| async move {
            futures::StreamExt::map(requests, Ok)
        })
        .await;
    server
        .register_with_context("secret", |context, payload| async move {
            Access::names(["bob"]).check(&context)?;
            if payload.is_empty() {
                return Err(RpcError::status(Code::InvalidArgument, "say something"));
            }
            Ok(payload)
        })
        .await;
}

impl Drop for Node {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
