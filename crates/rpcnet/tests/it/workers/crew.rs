//! A director and its workers for one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_stream::stream;
use rpcnet::cluster::{
    ClusterClient, ClusterConfig, HealthConfig, LoadBalancingStrategy, MemberState, Worker,
    WorkerConfig, WorkerRegistry,
};
use rpcnet::{Code, RpcConfig, RpcError};
use rpcnet_proto::swim::{Body, Message};
use rpcnet_testkit::gossip::Insider;
use tokio::sync::Semaphore;

use crate::cluster::attacks::arena::{CLUSTER, raw};
use crate::cluster::nodes::{Cluster, Node};
use crate::pair::soon;

/// A node that is a member and calls workers.
pub(crate) struct Crew {
    pub(crate) cluster: Cluster,
    pub(crate) director: Node,
    pub(crate) workers: Vec<CrewMember>,
}

/// A worker, and what its handlers do and have done.
pub(crate) struct CrewMember {
    pub(crate) node: Node,
    pub(crate) marks: Arc<Marks>,
}

/// What the handlers of one worker do and have done.
#[derive(Debug)]
pub(crate) struct Marks {
    /// How many calls of `hold` have been entered.
    pub(crate) held: AtomicU32,
    /// How many calls of any method have been entered.
    pub(crate) entered: AtomicU32,
    /// How many of the next calls of `work` fail.
    pub(crate) failing: AtomicU32,
    /// Lets so many calls of `hold` go, now or later.
    release: Semaphore,
}

impl Marks {
    fn new() -> Self {
        Self {
            held: AtomicU32::new(0),
            entered: AtomicU32::new(0),
            failing: AtomicU32::new(0),
            release: Semaphore::new(0),
        }
    }

    /// Lets so many calls go that are held, or will be.
    pub(crate) fn release(&self, calls: usize) {
        self.release.add_permits(calls);
    }

    async fn released(&self) {
        let permit = self.release.acquire().await;
        permit.expect("it is never closed").forget();
    }

    fn enter(&self) {
        self.entered.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn entered(&self) -> u32 {
        self.entered.load(Ordering::SeqCst)
    }

    pub(crate) fn held(&self) -> u32 {
        self.held.load(Ordering::SeqCst)
    }

    fn fails(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        let before = self
            .failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        before.is_ok()
    }
}

impl Crew {
    /// A director and workers of these names, who all know each other.
    pub(crate) async fn of(names: &[&str]) -> Self {
        let cluster = Cluster::new();
        let director = cluster.start("director").await;
        let mut crew = Self {
            cluster,
            director,
            workers: Vec::new(),
        };
        for name in names {
            let worker = crew.hire(name).await;
            crew.workers.push(worker);
        }
        crew
    }

    /// A further worker, which the director sees.
    pub(crate) async fn hire(&self, name: &str) -> CrewMember {
        self.hire_with(self.cluster.rpc(name), config()).await
    }

    pub(crate) async fn hire_with(&self, rpc: RpcConfig, config: ClusterConfig) -> CrewMember {
        let node = self.cluster.start_with(rpc, config).await;
        let worker = CrewMember::new(node).await;
        worker.node.join(&[&self.director]).await;
        self.director
            .sees(worker.node.name(), MemberState::Alive)
            .await;
        worker
    }

    /// A member that says it is a worker, and answers every call with what is no response.
    pub(crate) async fn hire_garbage(&self, name: &str) -> Insider {
        let identity = self.cluster.ca().node(&["localhost", name]).unwrap();
        let identity = raw(&identity);
        let ca = self.cluster.ca().certificate_pem();
        let mut insider = Insider::new(name, CLUSTER, ca, &identity).unwrap();
        let _record = insider.restate(|own| {
            own.tags.set("role", "worker").unwrap();
        });
        insider.link(self.director.addr, "localhost").await.unwrap();
        let record = insider.record();
        let joining = Message::new(Body::Join { nonce: 1, record });
        insider.say(0, &joining).await.unwrap();
        self.director.sees(name, MemberState::Alive).await;
        insider
    }

    /// A registry of the workers that is started and knows all of them.
    pub(crate) async fn registry(&self, config: impl Into<WorkerConfig>) -> Arc<WorkerRegistry> {
        let config = config.into().with_health(quick());
        let registry = WorkerRegistry::new(Arc::clone(&self.director.membership), config);
        registry.start().await;
        let registry = Arc::new(registry);
        let known = registry.wait_until(|workers| workers.len() >= self.workers.len());
        soon("the workers", known).await;
        registry
    }

    /// Waits until the registry knows so many workers.
    pub(crate) async fn all(&self, registry: &WorkerRegistry, count: usize) {
        let is_complete = |workers: &[Worker]| workers.len() == count;
        soon("the workers", registry.wait_until(is_complete)).await;
    }

    /// A client of a round robin registry.
    pub(crate) async fn client(&self) -> ClusterClient {
        self.client_by(LoadBalancingStrategy::RoundRobin).await
    }

    pub(crate) async fn client_by(&self, config: impl Into<WorkerConfig>) -> ClusterClient {
        let registry = self.registry(config).await;
        ClusterClient::new(registry, self.rpc())
    }

    /// The configuration of a client, whose server name nobody has.
    pub(crate) fn rpc(&self) -> RpcConfig {
        self.cluster.client("caller").with_server_name("nobody")
    }
}

impl CrewMember {
    async fn new(node: Node) -> Self {
        let marks = Arc::new(Marks::new());
        register(&node, &marks).await;
        Self { node, marks }
    }
}

async fn register(node: &Node, marks: &Arc<Marks>) {
    let name = node.name().to_owned();
    let of_who = Arc::clone(marks);
    let who = move |_| {
        of_who.enter();
        let name = name.clone().into_bytes();
        async move { Ok(name) }
    };
    node.server.register("who", who).await;
    let of_work = Arc::clone(marks);
    let work = move |payload| {
        of_work.enter();
        let fails = of_work.fails();
        async move {
            if fails {
                return Err(RpcError::status(Code::Internal, "out of order"));
            }
            Ok(payload)
        }
    };
    node.server.register("work", work).await;
    let of_hold = Arc::clone(marks);
    let hold = move |payload| {
        of_hold.enter();
        of_hold.held.fetch_add(1, Ordering::SeqCst);
        let marks = Arc::clone(&of_hold);
        async move {
            marks.released().await;
            Ok(payload)
        }
    };
    node.server.register("hold", hold).await;
    let name = node.name().to_owned();
    let of_count = Arc::clone(marks);
    let count = move |_| {
        of_count.enter();
        let (name, marks) = (name.clone(), Arc::clone(&of_count));
        async move {
            stream! {
                for number in 0..3 {
                    yield Ok(format!("{name} {number}").into_bytes());
                }
                marks.held.fetch_add(1, Ordering::SeqCst);
                marks.released().await;
            }
        }
    };
    node.server.register_streaming("count", count).await;
    node.server
        .register_streaming("join", |mut requests| async move {
            use futures::StreamExt;
            stream! {
                let mut all = Vec::new();
                while let Some(request) = requests.next().await {
                    all.extend(request);
                }
                yield Ok(all);
            }
        })
        .await;
}

/// A member that is a worker.
pub(crate) fn config() -> ClusterConfig {
    ClusterConfig::local().with_tag("role", "worker")
}

/// Heartbeats that notice a silent worker within half a second.
fn quick() -> HealthConfig {
    HealthConfig::lan()
        .with_heartbeat_interval(Duration::from_millis(100))
        .with_acceptable_pause(Duration::from_millis(400))
}
