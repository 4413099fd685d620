//! Nodes of a cluster for one test: one authority, a certificate and a port each.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rpcnet::certs::DevCa;
use rpcnet::cluster::{
    ClusterConfig, ClusterEvent, ClusterEvents, ClusterMembership, ClusterView, MemberState,
};
use rpcnet::{RpcConfig, RpcError, RpcServer};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::pair::{batching, eventually, soon};

/// A directory with the certificates of all nodes, which goes with the test.
pub(crate) struct Cluster {
    dir: TempDir,
    ca: DevCa,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = DevCa::generate("the cluster of a test").unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.certificate_pem()).unwrap();
        Self { dir, ca }
    }

    /// Nodes that have all found each other through the first one.
    pub(crate) async fn formed(names: &[&str]) -> (Self, Vec<Node>) {
        let cluster = Self::new();
        let mut nodes: Vec<Node> = Vec::new();
        for name in names {
            let node = cluster.start(name).await;
            if let Some(first) = nodes.first() {
                node.join(&[first]).await;
            }
            nodes.push(node);
        }
        agree(&nodes).await;
        (cluster, nodes)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Who signs the certificates.
    pub(crate) fn ca(&self) -> &DevCa {
        &self.ca
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A node's configuration on a free port; its certificate, good for servers and
    /// clients, is made where it is not there yet, and carries its name and `localhost`.
    pub(crate) fn rpc(&self, name: &str) -> RpcConfig {
        self.rpc_at(name, ([127, 0, 0, 1], 0).into())
    }

    /// A node's configuration at this address.
    pub(crate) fn rpc_at(&self, name: &str, address: SocketAddr) -> RpcConfig {
        if !self.path(&format!("{name}.pem")).exists() {
            let identity = self.ca.node(&["localhost", name]).unwrap();
            identity.write(self.dir(), name).unwrap();
        }
        self.with_files_of(name, &address.to_string())
    }

    /// The configuration of a client whose certificate is good for clients alone.
    pub(crate) fn client(&self, name: &str) -> RpcConfig {
        if !self.path(&format!("{name}.pem")).exists() {
            let identity = self.ca.client(name).unwrap();
            identity.write(self.dir(), name).unwrap();
        }
        self.with_files_of(name, "127.0.0.1:0")
    }

    /// The configuration of a client that presents no certificate.
    pub(crate) fn anonymous(&self) -> RpcConfig {
        RpcConfig::new(self.path("ca.pem"), "127.0.0.1:0")
            .with_server_name("localhost")
            .with_batching(batching())
    }

    fn with_files_of(&self, stem: &str, address: &str) -> RpcConfig {
        RpcConfig::new(self.path(&format!("{stem}.pem")), address)
            .with_key_path(self.path(&format!("{stem}-key.pem")))
            .with_ca_path(self.path("ca.pem"))
            .with_server_name("localhost")
            .with_batching(batching())
    }

    /// A node that nobody knows yet.
    pub(crate) async fn start(&self, name: &str) -> Node {
        self.start_with(self.rpc(name), ClusterConfig::local())
            .await
    }

    /// A node with a configuration of its own.
    pub(crate) async fn start_with(&self, rpc: RpcConfig, config: ClusterConfig) -> Node {
        Node::start(rpc, config).await.unwrap()
    }

    /// A node at the address of a predecessor, once that has let go of it.
    pub(crate) async fn start_at(&self, name: &str, address: SocketAddr) -> Node {
        eventually("the port is free", || {
            std::net::UdpSocket::bind(address).is_ok()
        })
        .await;
        let rpc = self.rpc_at(name, address);
        self.start_with(rpc, ClusterConfig::local()).await
    }
}

/// A server that is a member.
pub(crate) struct Node {
    pub(crate) membership: Arc<ClusterMembership>,
    pub(crate) server: RpcServer,
    pub(crate) addr: SocketAddr,
    task: JoinHandle<Result<(), RpcError>>,
}

impl Node {
    pub(crate) async fn start(rpc: RpcConfig, config: ClusterConfig) -> Result<Self, RpcError> {
        let mut server = RpcServer::new(rpc);
        let quic = server.bind()?;
        let addr = server.socket_addr.unwrap();
        let membership = server.enable_cluster(config).await?;
        let serving = server.clone();
        let task = tokio::spawn(async move { serving.start(quic).await });
        Ok(Self {
            membership,
            server,
            addr,
            task,
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.membership.name().as_str()
    }

    /// Joins through these nodes.
    pub(crate) async fn join(&self, seeds: &[&Self]) {
        let seeds = seeds.iter().map(|seed| seed.addr);
        soon("joining", self.membership.join(seeds)).await.unwrap();
    }

    /// Waits until this node sees another in a state.
    pub(crate) async fn sees(&self, name: &str, state: MemberState) -> ClusterView {
        let what = format!("{} sees {name} {state}", self.name());
        let seen =
            |view: &ClusterView| view.get(name).is_some_and(|member| member.state() == state);
        soon(&what, self.membership.wait_until(seen)).await
    }

    /// Waits until its server has stopped by itself.
    pub(crate) async fn stopped(&mut self) {
        let stopped = soon("start", &mut self.task).await;
        stopped.unwrap().unwrap();
    }

    /// Goes without leaving the cluster; all its connections end as it does.
    pub(crate) async fn vanish(self) -> SocketAddr {
        self.task.abort();
        let ended = self.task.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()));
        self.addr
    }
}

/// Waits until every node sees the very same members, all of them alive.
pub(crate) async fn agree(nodes: &[Node]) {
    let mut names: Vec<&str> = nodes.iter().map(Node::name).collect();
    names.sort_unstable();
    for node in nodes {
        let what = format!("{} sees {names:?}", node.name());
        let is_whole = |view: &ClusterView| {
            let members = view.members().iter();
            let alive = members.filter(|member| member.state() == MemberState::Alive);
            alive
                .map(|member| member.name().as_str())
                .eq(names.iter().copied())
        };
        soon(&what, node.membership.wait_until(is_whole)).await;
    }
}

/// Waits for an event; those before it are returned with it.
pub(crate) async fn until(
    events: &mut ClusterEvents,
    what: &str,
    mut is_it: impl FnMut(&ClusterEvent) -> bool,
) -> (ClusterEvent, Vec<ClusterEvent>) {
    let mut before = Vec::new();
    loop {
        let next = soon(what, events.next()).await;
        let event = next.unwrap_or_else(|| panic!("{what}: the events ended after {before:?}"));
        if is_it(&event) {
            return (event, before);
        }
        before.push(event);
    }
}

/// Whether the event is about a member of this name.
pub(crate) fn is_about(event: &ClusterEvent, name: &str) -> bool {
    event
        .member()
        .is_some_and(|member| member.name().as_str() == name)
}
