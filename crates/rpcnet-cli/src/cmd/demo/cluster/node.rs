//! `rpcnet demo-node`: one node of the demo's cluster.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use rpcnet::cluster::{ClusterConfig, ClusterMembership, HealthChecker, HealthConfig};
use rpcnet::{RpcConfig, RpcServer};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::super::process::{READY, STOPPED};
use super::super::server::say;

/// Be a node of the demo's cluster until standard input is closed, then leave it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the certificates are.
    #[arg(long)]
    dir: PathBuf,
    /// The node's name, which is that of its certificate too.
    #[arg(long)]
    name: String,
    /// Its tag `role`.
    #[arg(long)]
    role: String,
    /// A node that is in the cluster; none for the first one.
    #[arg(long)]
    seed: Option<SocketAddr>,
}

/// Begins a line on standard input that sets a tag: key and value follow.
pub(super) const TAG: &str = "tag ";
/// The answer once the tag is set.
pub(super) const TAGGED: &str = "tagged";

/// Takes part until standard input ends.
///
/// # Errors
///
/// What is wrong with the certificates, or why the cluster was not joined or left.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    die_with_parent()?;
    // Five such processes share the machine: one thread each is plenty.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(Box::pin(take_part(args)));
    // Reading standard input occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}

/// Has the system kill this process with its parent. The end of standard input says the same,
/// but a process that is paused cannot read it.
#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> io::Result<()> {
    Ok(())
}

async fn take_part(args: &Args) -> Result<(), Box<dyn Error>> {
    let file = |suffix: &str| args.dir.join(format!("{}{suffix}.pem", args.name));
    let config = RpcConfig::new(file(""), "127.0.0.1:0")
        .with_key_path(file("-key"))
        .with_ca_path(args.dir.join("ca.pem"));
    let mut server = RpcServer::new(config);
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("bound to no address")?;
    let config = ClusterConfig::lan()
        .with_cluster_name("demo")
        .with_node_name(&args.name)
        .with_tag("role", &args.role);
    let cluster = server.enable_cluster(config).await?;
    let health = HealthChecker::new(cluster.clone(), HealthConfig::default());
    health.start().await;
    let work = async {
        if let Some(seed) = args.seed {
            cluster.join([seed]).await?;
        }
        say(&format!("{READY}{address}"))?;
        obey(&cluster).await?;
        cluster.leave().await?;
        say(&format!("{STOPPED}after leaving the cluster"))?;
        Ok(())
    };
    tokio::select! {
        served = server.start(quic_server) => Err(served.err().map_or("the server ended".into(), Into::into)),
        outcome = Box::pin(work) => outcome,
    }
}

/// Does what standard input says, until it ends.
async fn obey(cluster: &ClusterMembership) -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let tag = line.strip_prefix(TAG).and_then(|tag| tag.split_once(' '));
        let (key, value) = tag.ok_or("standard input says what no node understands")?;
        cluster.set_tag(key, value).await?;
        say(TAGGED)?;
    }
    Ok(())
}
