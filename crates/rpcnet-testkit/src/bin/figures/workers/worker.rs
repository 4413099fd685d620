//! The worker process: this program, started again.

use crate::answerer::Answerer;
use crate::group::BoxError;
use crate::roster::member_config;
use crate::service::{self, Manner, Service};
use crate::site::LEDGER;
use clap::Args;
use rpcnet::RpcServer;
use rpcnet::cluster::ClusterConfig;
use rpcnet_testkit::ledger::Ledger;
use rpcnet_testkit::process::{self, Process};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What a worker process is told when it starts. Later it is told on its standard input, line by line:
/// `work MICROSECONDS`, `fail PERCENT`, `reload` for its certificates. It ends in good order at SIGTERM, and at once with its input.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Directory with the certificates and the ledger
    #[arg(long)]
    roster: PathBuf,
    /// Address to serve on
    #[arg(long)]
    bind: String,
    /// Whom to join the cluster by
    #[arg(long)]
    join: Vec<String>,
    /// Which worker it is
    #[arg(long)]
    number: u16,
    /// How often it has been started
    #[arg(long)]
    start: u16,
    /// How long a call takes, in microseconds: a random time up to this
    #[arg(long)]
    work: u64,
    /// Calls always take that long
    #[arg(long)]
    fixed: bool,
    /// Calls that may run at once
    #[arg(long)]
    calls: usize,
}

/// What a worker is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How long a call takes: a random time up to this, or always this long.
    pub(crate) work: Duration,
    pub(crate) is_work_fixed: bool,
    /// Calls that may run at once.
    pub(crate) calls: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            work: Duration::from_millis(3),
            is_work_fixed: false,
            calls: 1_024,
        }
    }
}

impl Terms {
    /// Returns the command that starts a worker.
    pub(crate) fn command(
        &self,
        roster: &Path,
        bind: &str,
        join: &str,
        who: Answerer,
    ) -> io::Result<Command> {
        let mut command = Process::this_executable()?;
        command.arg("worker").arg("--roster").arg(roster);
        command.args(["--bind", bind, "--join", join]);
        command.args(["--number", &who.worker.to_string()]);
        command.args(["--start", &who.start.to_string()]);
        command.args(["--work", &self.work.as_micros().to_string()]);
        command.args(["--calls", &self.calls.to_string()]);
        if self.is_work_fixed {
            command.arg("--fixed");
        }
        Ok(command)
    }
}

/// The node name of a worker.
pub(crate) fn name(worker: u16) -> String {
    format!("w{worker}")
}

/// Returns how many other calls its worker runs, a big-endian u64.
pub(crate) const RUNNING: &str = "running";

impl Worker {
    /// Serves until SIGTERM, then gives the calls under way [`GRACE`]. Ready once it can be called,
    /// before it has joined.
    pub(crate) async fn run(self) -> Result<(), BoxError> {
        // Silent unless `RUST_LOG` asks for more.
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_writer(io::stderr)
            .init();
        // Before the worker is ready: a signal that comes earlier would kill.
        let mut terminate = signal(SignalKind::terminate())?;
        let name = name(self.number);
        let config = member_config(&self.roster, &name, &self.bind);
        // A limit per connection is announced, and clients wait for a place instead of being refused.
        let config = config.with_max_calls(PER_CONNECTION_MAX, self.calls);
        let mut server = RpcServer::new(config);
        let service = self.service()?;
        service::register(&server, service.clone()).await;
        register_running(&server).await;
        let quic_server = server.bind()?;
        let addr = server.socket_addr.ok_or("a bound server has an address")?;
        let config = ClusterConfig::lan().with_node_name(&name);
        let cluster = server
            .enable_cluster(config.with_tag("role", "worker"))
            .await?;
        process::announce(addr)?;
        let terminated = async move {
            terminate.recv().await;
        };
        let served = server.serve_with_shutdown(quic_server, terminated, GRACE);
        let obeyed = obey(&service, &server);
        tokio::pin!(served, obeyed);
        // Where nobody answers, asking goes on in the background.
        let joined = async { drop(cluster.join(&self.join).await) };
        tokio::select! {
            served = async { tokio::join!(&mut served, joined).0 } => drop(served?),
            obeyed = &mut obeyed => return obeyed,
        }
        cluster.leave().await?;
        // The runtime would wait for the read of the standard input, which nothing ends.
        std::process::exit(0)
    }

    fn service(&self) -> io::Result<std::sync::Arc<Service>> {
        let manner = Manner {
            work: Duration::from_micros(self.work),
            is_work_fixed: self.fixed,
            answerer: Some(Answerer {
                worker: self.number,
                start: self.start,
            }),
            ..Manner::default()
        };
        let ledger = Ledger::append_to(&self.roster.join(LEDGER))?;
        Ok(Service::new(ledger, manner))
    }
}

/// Does what is said on the standard input, until it ends.
async fn obey(service: &Service, server: &RpcServer) -> Result<(), BoxError> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ') {
            Some(("work", us)) => service.work(Duration::from_micros(us.parse()?)),
            Some(("fail", percent)) => service.fail(percent.parse()?),
            None if line == "reload" => server.reload_tls()?,
            _ => return Err(format!("there is no order `{line}`").into()),
        }
    }
    Ok(())
}

async fn register_running(server: &RpcServer) {
    let asked = server.clone();
    server
        .register(RUNNING, move |_payload| {
            // The call that asks runs too.
            let others = asked.running_calls().saturating_sub(1) as u64;
            async move { Ok(others.to_be_bytes().to_vec()) }
        })
        .await;
}

/// More than any client has in flight on one worker.
const PER_CONNECTION_MAX: usize = 4_096;

/// Longer than any call takes.
const GRACE: Duration = Duration::from_secs(10);
