//! A server with links, and what arrives on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::swim::{
    Body, Destination, Message, NodeName, Record, Row, Standing, Statement, Tags, Version,
};
use rpcnet_proto::wire::StreamKind;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::in_time;
use crate::certs::{DevCa, Identity};
use crate::cluster::links::{Inbound, LinkCounters, Links, LinksSetup};
use crate::cluster::proof::Gate;
use crate::cluster::{ClusterConfig, ClusterLimits, MemberState};
use crate::task::Tasks;
use crate::transport::tls::{ClientTls, Material};
use crate::{RpcClient, RpcConfig, RpcServer};

/// A CA, and a place for files.
pub(super) struct Rig {
    pub(super) ca: DevCa,
    dir: TempDir,
}

impl Rig {
    pub(super) fn new() -> Self {
        let rig = Self {
            ca: DevCa::generate("links").expect("a CA is made"),
            dir: tempfile::tempdir().expect("there is room"),
        };
        let path = rig.dir.path().join("ca.pem");
        std::fs::write(path, rig.ca.certificate_pem()).expect("there is room");
        rig
    }

    /// The configuration of whoever has this identity.
    pub(super) fn config(&self, stem: &str, identity: &Identity, bind: SocketAddr) -> RpcConfig {
        let path = |suffix: &str| self.dir.path().join(format!("{stem}{suffix}"));
        std::fs::write(path(".pem"), identity.certificate_pem()).expect("there is room");
        std::fs::write(path("-key.pem"), identity.key_pem()).expect("there is room");
        RpcConfig::new(path(".pem"), bind.to_string())
            .with_key_path(path("-key.pem"))
            .with_ca_path(self.dir.path().join("ca.pem"))
            .with_timeout(Duration::from_secs(5))
    }

    /// The configuration of a client without a certificate.
    pub(super) fn anonymous(&self) -> RpcConfig {
        RpcConfig::new(self.dir.path().join("ca.pem"), "127.0.0.1:0")
    }

    /// A node of this name, in the cluster `c`.
    pub(super) async fn node(&self, name: &str) -> Node {
        self.node_with(name, |_| {}).await
    }

    pub(super) async fn node_with(&self, name: &str, adjust: impl FnOnce(&mut Plan)) -> Node {
        let mut plan = Plan {
            cluster: "c",
            limits: ClusterLimits::default(),
            bind: ephemeral(),
            with_cluster: true,
            inbound: 1024,
        };
        adjust(&mut plan);
        let identity = self.ca.node(&[name, "localhost"]).expect("it is signed");
        let config = self.config(name, &identity, plan.bind);
        Node::start(name, plan, config).await
    }
}

/// What is special about a node.
pub(super) struct Plan {
    pub(super) cluster: &'static str,
    pub(super) limits: ClusterLimits,
    pub(super) bind: SocketAddr,
    /// Whether its server takes gossip.
    pub(super) with_cluster: bool,
    /// Room for what arrives.
    pub(super) inbound: usize,
}

pub(super) fn ephemeral() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub(super) struct Node {
    pub(super) name: NodeName,
    pub(super) links: Links,
    pub(super) inbound: mpsc::Receiver<Inbound>,
    pub(super) server: RpcServer,
    pub(super) address: SocketAddr,
    pub(super) tasks: Arc<Tasks>,
}

impl Node {
    async fn start(name: &str, plan: Plan, config: RpcConfig) -> Self {
        let name = node_name(name);
        let cluster = ClusterConfig::local().with_cluster_name(plan.cluster);
        let material = Material::read(&config.tls_files());
        let gate = Gate::new(&material, &cluster).expect("the CA is sound");
        let (sender, inbound) = mpsc::channel(plan.inbound);
        let tasks = Arc::new(Tasks::new());
        let links = Links::new(LinksSetup {
            cluster: plan.cluster.to_owned(),
            name: name.clone(),
            gate: Arc::new(gate),
            rpc: config.clone(),
            tls: ClientTls::for_member(&material).expect("the files are sound"),
            limits: plan.limits,
            inbound: sender,
            tasks: tasks.clone(),
        });
        let links = links.expect("the links are made");
        let mut server = RpcServer::new(config);
        server
            .register("echo", |payload| async move { Ok(payload) })
            .await;
        if plan.with_cluster {
            assert!(server.take_streams(StreamKind::Gossip, Arc::new(links.clone())));
        }
        // A port that was just in use is free soon.
        let bound = async {
            loop {
                match server.bind() {
                    Ok(bound) => return bound,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        let bound = in_time("binding", bound).await;
        let address = server.socket_addr.expect("it is bound");
        let serving = server.clone();
        tasks.spawn_until_stopped(async move {
            serving.start(bound).await.expect("it serves");
        });
        Self {
            name,
            links,
            inbound,
            server,
            address,
            tasks,
        }
    }

    /// Ends all at once, as a crash does.
    pub(super) async fn crash(self) {
        self.tasks.stop();
        in_time("the end of a node", self.tasks.wait()).await;
    }

    pub(super) fn member(&self) -> Destination {
        Destination::Member {
            name: self.name.clone(),
            address: self.address,
        }
    }

    pub(super) fn send(&self, to: &Self, nonce: u64, reliable: bool) {
        self.links.send(&to.member(), &ping(nonce), reliable);
    }

    /// The next message, and who sent it.
    pub(super) async fn message(&mut self) -> (NodeName, Message) {
        loop {
            let inbound = in_time("a message", self.inbound.recv()).await;
            if let Inbound::Message { from, message, .. } = inbound.expect("the links live") {
                return (from, message);
            }
        }
    }

    /// The next message, which is a ping of this node with this nonce.
    pub(super) async fn expect_ping(&mut self, from: &NodeName, nonce: u64) {
        let (found, message) = self.message().await;
        assert_eq!((&found, message), (from, ping(nonce)));
    }

    /// Who was found where.
    pub(super) async fn proven(&mut self) -> (NodeName, SocketAddr) {
        loop {
            let inbound = in_time("a proof", self.inbound.recv()).await;
            if let Inbound::Proven { name, address } = inbound.expect("the links live") {
                return (name, address);
            }
        }
    }

    /// Why the seed did not help.
    pub(super) async fn seed_failed(&mut self) -> (SocketAddr, String) {
        loop {
            let inbound = in_time("a failure", self.inbound.recv()).await;
            if let Inbound::SeedFailed { address, reason } = inbound.expect("the links live") {
                return (address, reason);
            }
        }
    }

    /// Waits until the counters look like this.
    pub(super) async fn counted(&self, what: &str, is_so: impl Fn(&LinkCounters) -> bool) {
        let so = async {
            while !is_so(&self.links.counters()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(super::PATIENCE, so).await.is_err() {
            panic!("{what}: {:?}", self.links.counters());
        }
    }

    /// A client that calls this node's server.
    pub(super) async fn client(&self, config: RpcConfig) -> RpcClient {
        RpcClient::connect(self.address, config)
            .await
            .expect("the server answers")
    }
}

pub(super) fn node_name(name: &str) -> NodeName {
    NodeName::new(name).expect("the name is legal")
}

pub(super) fn ping(nonce: u64) -> Message {
    Message::new(Body::Ping {
        nonce,
        on_stream: false,
    })
}

/// A message of about 4 KiB per row.
pub(super) fn long(rows: u64) -> Message {
    let row = |index: u64| {
        let statement = Statement {
            name: node_name(&format!("row-{index}")),
            version: Version {
                epoch: 1,
                incarnation: index,
            },
            standing: Standing::Here,
            address: ephemeral(),
            tags: Tags::new(),
            tags_changed: 0,
            key: Bytes::from(vec![7; Record::KEY_BYTES_MAX]),
        };
        Row {
            record: Arc::new(Record::new(statement, Bytes::new())),
            state: MemberState::Alive,
        }
    };
    Message::new(Body::SyncPush {
        nonce: 1,
        rows: (0..rows).map(row).collect(),
    })
}
