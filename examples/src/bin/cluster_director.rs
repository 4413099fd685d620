//! The director of a cluster of workers: it knows who works, and sends every client to one of them.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin cluster_director
//! WORKER_LABEL=a cargo run -p rpcnet-examples --bin cluster_worker
//! WORKER_LABEL=b cargo run -p rpcnet-examples --bin cluster_worker
//! cargo run -p rpcnet-examples --bin cluster_client
//! ```
//!
//! What can be set is in `examples/src/cluster/mod.rs`.
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::future;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures::Stream;
use rpcnet::RpcServer;
use rpcnet::builtin::Access;
use rpcnet::cluster::{
    ClusterEvent, ClusterEvents, ClusterMembership, LoadBalancingStrategy, NodeName,
    SelectedWorker, WorkerError, WorkerRegistry,
};
use rpcnet_examples::cluster::{
    Assignment, Certificates, DIRECTOR, DirectorError, DirectorHandler, DirectorServer,
    cluster_config, environment, join, stop_signal,
};
use rpcnet_examples::{GRACE, Outcome};

/// How long a client waits for a worker where there is none.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Outcome {
    environment::log_to_stderr();
    let stop = stop_signal()?;

    // A server as any other, which becomes a member of a cluster on the port that it serves.
    let certificates = Certificates::node(DIRECTOR)?;
    let mut server = RpcServer::new(certificates.config(environment::director()?));
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    let config = cluster_config(DIRECTOR, "director");
    let cluster = server.enable_cluster(config).await?;

    // Follows who is a worker, and watches from here whether they answer, so that nobody is sent
    // to a worker that has just gone silent.
    let strategy = LoadBalancingStrategy::LeastConnections;
    let registry = Arc::new(WorkerRegistry::new(cluster.clone(), strategy));
    registry.start().await;
    let desk = Desk {
        cluster: cluster.clone(),
        registry,
    };
    server.add_service(DirectorServer::service(desk));
    server.enable_health(Access::anyone()).await;
    server.enable_introspection(Access::verified()).await;

    println!("directing on {address}");
    tokio::spawn(tell(cluster.subscribe()));
    let serve = server.serve_with_shutdown(quic_server, stop, GRACE);
    // The first member of a cluster has nobody to join. One that is started again, or in another
    // place, is told whom to ask.
    let enter = async {
        match environment::seeds()? {
            Some(_) => join(&cluster).await,
            None => Ok(()),
        }
    };
    let report = tokio::select! {
        report = serve => report?,
        Err(error) = enter => return Err(error),
    };
    println!("shut down, {} clients were still there", report.cut);
    Ok(())
}

/// Where clients ask.
struct Desk {
    cluster: Arc<ClusterMembership>,
    registry: Arc<WorkerRegistry>,
}

impl DirectorHandler for Desk {
    async fn assign(
        &self,
        avoid: Option<String>,
    ) -> Result<impl Stream<Item = Assignment>, DirectorError> {
        let worker = self.choose(avoid).await?;
        let assignment = Assignment {
            name: worker.name().to_string(),
            address: worker.address(),
            label: worker.label().unwrap_or("no label").to_owned(),
        };
        println!("{} gets a client", assignment.name);
        Ok(stream! {
            yield assignment;
            // The client is counted as one of the worker's for as long as `worker` lives: until
            // the client drops its end of this stream, or is gone.
            let _place = worker;
            future::pending::<()>().await;
        })
    }
}

impl Desk {
    async fn choose(&self, avoid: Option<String>) -> Result<SelectedWorker, DirectorError> {
        if let Some(lost) = avoid {
            let lost = NodeName::new(&lost).map_err(|_| DirectorError::BadName)?;
            // A hint: the members find out for themselves whether it is gone.
            self.cluster.report_failure(lost.as_str());
            // Its label is its name.
            let another = format!("!label={lost}");
            if let Ok(worker) = self.registry.select_worker(Some(&another)).await {
                return Ok(worker);
            }
        }
        let any = self.registry.select_worker_within(None, PATIENCE).await;
        any.map_err(|error: WorkerError| {
            println!("no worker: {error}");
            DirectorError::NoWorker
        })
    }
}

/// Prints what becomes of the members.
async fn tell(mut events: ClusterEvents) {
    while let Some(event) = events.next().await {
        match event {
            ClusterEvent::NodeJoined(member) => println!("joined: {member}"),
            ClusterEvent::NodeTagsUpdated { member, .. } if member.is_draining() => {
                println!("draining: {member}");
            }
            ClusterEvent::NodeLeft(member) => println!("left: {member}"),
            ClusterEvent::NodeFailed(member) => println!("failed: {member}"),
            ClusterEvent::NodeRecovered(member) => println!("back: {member}"),
            ClusterEvent::NodeRestarted(member) => println!("restarted: {member}"),
            ClusterEvent::NodeUnreachable { member, .. } => println!("silent: {member}"),
            ClusterEvent::NodeReachable(member) => println!("heard again: {member}"),
            _ => {}
        }
    }
}
