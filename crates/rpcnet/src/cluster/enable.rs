//! How a node becomes a member: on the port of its server.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, UNIX_EPOCH};

use rpcnet_proto::swim::{Identity, NodeName, Swim, Time};
use rpcnet_proto::wire::StreamKind;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address;
use super::board::Board;
use super::certificates::Certificates;
use super::config::ClusterConfig;
use super::driver::{Driver, Held, Memory, Parts, Settings};
use super::error::ClusterError;
use super::links::{Links, LinksSetup};
use super::membership::{ClusterMembership, Handles};
use super::proof::{Credentials, Gate};
use super::query;
use super::snapshot::{Found, SnapshotFile};
use crate::clock;
use crate::config::RpcConfig;
use crate::context::Peer;
use crate::error::RpcError;
use crate::server::streams::{StreamTaker, TakenStream, Told};
use crate::server::{RpcServer, WeakServer};
use crate::task::Tasks;
use crate::transport::tls::{ClientAuth, ClientTls, Commit, Material};

impl RpcServer {
    /// Makes this server's node a member of a cluster, reached at the server's own port.
    ///
    /// Call it after [`bind`](Self::bind), on the same handle, and before or after
    /// [`start`](Self::start). The certificate has to be good for servers and clients
    /// alike, to carry the node's name, and to chain to the CA, which is what members
    /// trust each other by.
    ///
    /// Adds the methods `rpcnet.cluster/members` and `rpcnet.cluster/watch`, which answer
    /// any client that has a certificate of the CA. When the server
    /// [shuts down](Self::shutdown), the node says that it drains, and leaves in the end.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] naming what to set: `bind` before, a CA, a key, a name
    /// that the certificate carries. [`RpcError::TlsError`] where a file is not what it
    /// should be, [`RpcError::ClusterError`] where the snapshot file cannot be used.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, nothing has changed.
    pub async fn enable_cluster(
        &self,
        config: ClusterConfig,
    ) -> Result<Arc<ClusterMembership>, RpcError> {
        form(self, config, Hold::Strong).await
    }
}

impl ClusterMembership {
    /// Makes a member that serves no calls but those about its cluster, at the
    /// configuration's address.
    ///
    /// # Errors
    ///
    /// As [`RpcServer::bind`] and [`RpcServer::enable_cluster`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, nothing is left.
    pub async fn new(rpc: RpcConfig, config: ClusterConfig) -> Result<Arc<Self>, RpcError> {
        let mut server = RpcServer::new(rpc);
        let quic_server = server.bind()?;
        let membership = form(&server, config, Hold::Weak).await?;
        let board = Arc::clone(membership.board());
        membership.tasks().spawn_until_stopped(async move {
            let left = board.ended();
            let served = server.serve_with_shutdown(quic_server, left, GRACE).await;
            if let Err(error) = served {
                tracing::error!(error = %error, "the membership's server ended");
            }
        });
        Ok(membership)
    }
}

/// Whether the server keeps the membership alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    Strong,
    Weak,
}

async fn form(
    server: &RpcServer,
    config: ClusterConfig,
    hold: Hold,
) -> Result<Arc<ClusterMembership>, RpcError> {
    config.validate()?;
    let Some(bound) = server.socket_addr else {
        return Err(RpcError::config(
            "the cluster is reached at the server's port: call `bind` before `enable_cluster`",
        ));
    };
    let rpc = server.config();
    let material = Material::read(&rpc.tls_files());
    let gate = Arc::new(Gate::new(&material, &config)?);
    if rpc.client_auth() == ClientAuth::Off {
        return Err(RpcError::config(
            "members know each other by certificates: remove `with_client_auth(ClientAuth::Off)`",
        ));
    }
    let credentials = Credentials::new(&material, &config)?;
    let tls = ClientTls::for_member(&material)?;
    let memory = recall(&config, &credentials.name).await?;
    let (certificates, signers) = Certificates::new(&config, &credentials, &gate, &tls);
    let ground = Ground {
        rpc,
        config: &config,
        bound,
        server: server.downgrade(),
        gate: Arc::clone(&gate),
        tls,
        signers,
    };
    let membership = assemble(ground, credentials, memory)?;
    let door = Arc::new(Door {
        links: membership.links().clone(),
        gate,
        certificates,
        membership: match hold {
            Hold::Strong => Inside::Strong(Arc::clone(&membership)),
            Hold::Weak => Inside::Weak(Arc::downgrade(&membership)),
        },
    });
    if !server.take_streams(StreamKind::Gossip, door) {
        return Err(RpcError::config(
            "this server is a member already: `enable_cluster` was called before",
        ));
    }
    query::register(server, config.cluster, &membership).await;
    Ok(membership)
}

/// What a membership stands on.
struct Ground<'a> {
    rpc: &'a RpcConfig,
    config: &'a ClusterConfig,
    bound: SocketAddr,
    server: WeakServer,
    gate: Arc<Gate>,
    tls: ClientTls,
    /// What records are signed with from some moment on.
    signers: watch::Receiver<Option<Credentials>>,
}

/// Makes the parts, and starts the driver.
fn assemble(
    ground: Ground<'_>,
    credentials: Credentials,
    memory: Memory,
) -> Result<Arc<ClusterMembership>, RpcError> {
    let (config, bound) = (ground.config, ground.bound);
    let tasks = Arc::new(Tasks::new());
    let (inbound_sender, inbound) = mpsc::channel(INBOUND_MAX);
    let (commands_sender, commands) = mpsc::channel(COMMANDS_MAX);
    let links = Links::new(LinksSetup {
        cluster: config.cluster.clone(),
        name: credentials.name.clone(),
        gate: Arc::clone(&ground.gate),
        rpc: ground.rpc.clone(),
        tls: ground.tls,
        limits: config.limits.clone(),
        inbound: inbound_sender,
        // Its own, so that the links may be closed before the driver has ended.
        tasks: Arc::new(Tasks::under(tasks.token())),
    })?;
    let swim_config = config.swim_config();
    let leave_delay = swim_config.leave_delay;
    let identity = identity(config, bound, credentials, &memory)?;
    let swim = Swim::new(Time::default(), identity, swim_config, random_seed()?);
    let view = Driver::first_view(&swim);
    let Some(first) = view.local().cloned() else {
        return Err(RpcError::internal("a node knows itself"));
    };
    let board = Arc::new(Board::new(view, config.limits.events_max));
    let leaving = CancellationToken::new();
    let parts = Parts {
        swim,
        origin: Instant::now(),
        links: links.clone(),
        inbound,
        commands,
        gate: ground.gate,
        signers: ground.signers,
        tasks: Arc::clone(&tasks),
        leaving: leaving.clone(),
        bound,
        memory,
        settings: Settings {
            advertised: config.advertised,
            join_timeout: config.join_timeout,
            on_minority: config.on_minority.clone(),
        },
    };
    let driver = Driver::new(parts, Arc::clone(&board));
    tasks.spawn(driver.run());
    Ok(Arc::new(ClusterMembership::from_handles(Handles {
        first,
        local_addr: bound,
        server: ground.server,
        board,
        links,
        commands: commands_sender,
        leaving,
        tasks,
        leave_delay,
        drain_notice: config.drain_notice(),
    })))
}

fn identity(
    config: &ClusterConfig,
    bound: SocketAddr,
    credentials: Credentials,
    memory: &Memory,
) -> Result<Identity, RpcError> {
    let advertised = config.advertised;
    Ok(Identity {
        epoch: boot_epoch(memory.held().epoch),
        address: advertised.unwrap_or_else(|| address::presumed(bound)),
        tags: config.initial_tags()?,
        key: credentials.key,
        signer: Some(credentials.signer),
        name: credentials.name,
    })
}

/// What is known from before the start.
async fn recall(config: &ClusterConfig, name: &NodeName) -> Result<Memory, RpcError> {
    let Some(path) = &config.snapshot else {
        return Ok(Memory::none());
    };
    let cluster = NodeName::new(&config.cluster);
    let cluster = cluster.map_err(|error| RpcError::config(format!("cluster name: {error}")))?;
    let opened = SnapshotFile::open(path, &cluster, name).await;
    let (file, found) = opened.map_err(ClusterError::Snapshot)?;
    let held = match found {
        Found::Nothing => Held::default(),
        Found::Snapshot(snapshot) => Held {
            epoch: snapshot.epoch,
            members: snapshot.members,
        },
        Found::Damaged(damage) => {
            tracing::warn!(reason = %damage, "snapshot not used");
            Held::default()
        }
    };
    Ok(Memory::new(file, held))
}

/// Milliseconds since 1970, and in any case beyond the last start that is known of.
fn boot_epoch(last: u64) -> u64 {
    let since = clock::wall().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    millis.max(last.saturating_add(1))
}

/// What nobody can guess: the nonces of the probes follow from it (M-14).
fn random_seed() -> Result<u64, RpcError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| RpcError::internal("the system has no randomness"))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// The membership of a server's node, while it takes part.
pub(crate) fn membership_of(server: &RpcServer) -> Option<Arc<ClusterMembership>> {
    let door = server.stream_taker()?.downcast::<Door>().ok()?;
    door.membership()
}

/// Where gossip enters the membership from its server, and the server's end its ears.
#[derive(Debug)]
struct Door {
    links: Links,
    gate: Arc<Gate>,
    certificates: Certificates,
    membership: Inside,
}

/// The membership as its server holds it.
#[derive(Debug)]
enum Inside {
    Strong(Arc<ClusterMembership>),
    Weak(Weak<ClusterMembership>),
}

impl Door {
    /// The membership, while it takes part.
    fn membership(&self) -> Option<Arc<ClusterMembership>> {
        let membership = match &self.membership {
            Inside::Strong(membership) => Some(Arc::clone(membership)),
            Inside::Weak(membership) => membership.upgrade(),
        };
        membership.filter(|membership| !membership.board().has_ended())
    }
}

impl StreamTaker for Door {
    fn take(&self, stream: TakenStream) {
        self.links.take(stream);
    }

    fn may_open(&self, peer: &Peer) -> bool {
        let identity = peer.identity.as_ref();
        identity.is_some_and(|identity| self.gate.may_admit(identity))
    }

    fn notice(&self) -> Duration {
        let membership = self.membership();
        membership.map_or(Duration::ZERO, |membership| membership.drain_notice())
    }

    fn announce(&self, notice: Duration) -> Told {
        let membership = self.membership();
        Box::pin(async move {
            if let Some(membership) = membership {
                membership.announce_drain(notice).await;
            }
        })
    }

    fn leave_time(&self) -> Duration {
        let membership = self.membership();
        membership.map_or(Duration::ZERO, |membership| membership.leave_delay())
    }

    fn leave(&self) -> Told {
        let membership = self.membership();
        if let Some(membership) = &membership {
            membership.begin_leave();
        }
        Box::pin(async move {
            if let Some(membership) = membership {
                membership.board().ended().await;
            }
        })
    }

    fn renewed(&self, material: &Material) -> Result<Commit, RpcError> {
        self.certificates.check(material)
    }

    fn is_draining(&self) -> bool {
        let membership = self.membership();
        membership.is_some_and(|membership| membership.local().is_draining())
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.membership()?.board().revisions())
    }

    fn is_over(&self) -> bool {
        self.membership().is_none()
    }
}

/// Messages that wait for the driver; a link that has more to say waits.
const INBOUND_MAX: usize = 1_024;

/// Commands that wait for the driver; who has more to ask waits.
const COMMANDS_MAX: usize = 64;

/// How long queries may go on after the node has left.
const GRACE: Duration = Duration::from_secs(1);
