//! The process of a client that is a member: this program, started again, for hosts of its own.

use crate::group::BoxError;
use crate::load::{Ending, Load, Shape};
use crate::roster::member_config;
use crate::told::{What, say};
use clap::Args;
use rpcnet::cluster::{
    ClusterClient, ClusterConfig, ClusterMembership, LoadBalancingStrategy, Worker, WorkerRegistry,
};
use rpcnet_testkit::process::{self, Process};
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

/// What a calling process is told.
#[derive(Debug, Args)]
pub(crate) struct Caller {
    /// Directory with the certificates
    #[arg(long)]
    pub(super) roster: PathBuf,
    /// Its node name
    #[arg(long)]
    pub(super) name: String,
    /// Address of the member
    #[arg(long)]
    pub(super) bind: String,
    /// Whom to join the cluster by
    #[arg(long)]
    pub(super) join: String,
    /// How many workers there are
    #[arg(long)]
    pub(super) workers: usize,
    /// Calls per second
    #[arg(long)]
    pub(super) rate: u32,
    /// Seed of what is random, and what tells the clients of a run apart
    #[arg(long)]
    pub(super) number: u64,
}

impl Caller {
    /// Returns the command that starts it.
    pub(super) fn command(&self) -> io::Result<Command> {
        let mut command = Process::this_executable()?;
        command.arg("caller").arg("--roster").arg(&self.roster);
        command.args([
            "--name", &self.name, "--bind", &self.bind, "--join", &self.join,
        ]);
        command.args(["--workers", &self.workers.to_string()]);
        command.args(["--rate", &self.rate.to_string()]);
        command.args(["--number", &self.number.to_string()]);
        Ok(command)
    }

    /// Joins, calls once it sees all workers, and says how each call ends, until its input ends. Ready
    /// once it can be joined.
    pub(crate) async fn run(self) -> Result<(), BoxError> {
        // Silent unless `RUST_LOG` asks for more.
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_writer(io::stderr)
            .init();
        let rpc = member_config(&self.roster, &self.name, &self.bind);
        let config = ClusterConfig::lan().with_node_name(&self.name);
        let cluster = ClusterMembership::new(rpc, config).await?;
        process::announce(cluster.local_addr())?;
        let calling = async {
            if let Err(error) = self.call(cluster).await {
                say(&self.name, What::Failed(error.to_string()));
            }
            std::future::pending::<()>().await;
        };
        let mut input = Vec::new();
        let mut stdin = tokio::io::stdin();
        tokio::select! {
            read = stdin.read_to_end(&mut input) => drop(read?),
            () = calling => {}
        }
        Ok(())
    }

    async fn call(&self, cluster: Arc<ClusterMembership>) -> Result<(), BoxError> {
        cluster.join([&self.join]).await?;
        let registry = WorkerRegistry::new(cluster, LoadBalancingStrategy::default());
        registry.start().await;
        let all = |workers: &[Worker]| workers.len() == self.workers;
        timeout(SEEN_WITHIN, registry.wait_until(all)).await?;
        let rpc = member_config(&self.roster, &self.name, "0.0.0.0:0");
        let client = ClusterClient::new(registry, rpc);
        let shape = Shape::per_second(f64::from(self.rate));
        let load = Load::start(&client.pool(None)?, self.number, shape);
        for seen in 0.. {
            let ending = load.first("a call", seen, CALL_WITHIN, |_| true).await?;
            say(&self.name, told(&ending));
        }
        Ok(())
    }
}

fn told(ending: &Ending) -> What {
    What::Call {
        took_us: ending.latency().as_micros() as u64,
        by: ending.by,
        failed: (!ending.is_ok()).then(|| format!("{:?}", ending.outcome)),
    }
}

/// Workers that are not seen by then never will be.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// So long no call takes, nor the pause between two.
const CALL_WITHIN: Duration = Duration::from_secs(30);
