//! `rpcnet demo-node`: one node of the demo's cluster.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rpcnet::builtin::Access;
use rpcnet::cluster::{ClusterConfig, ClusterMembership, HealthChecker, HealthConfig};
use rpcnet::{RpcConfig, RpcServer};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::super::process::{READY, STOPPED, run_alone};
use super::super::server::say;
use crate::cmd::hangup::Hangups;

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

/// Of this machine, whichever is free.
pub(in super::super) const ANY_PORT: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Takes part until standard input ends.
///
/// # Errors
///
/// What is wrong with the certificates, or why the cluster was not joined or left.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    run_alone(take_part(args))
}

async fn take_part(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut server = RpcServer::new(member(&args.dir, &args.name, ANY_PORT));
    let quic_server = server.bind()?;
    let hangups = Hangups::listen()?;
    let address = server.socket_addr.ok_or("bound to no address")?;
    let config = ClusterConfig::lan()
        .with_cluster_name("demo")
        .with_node_name(&args.name)
        .with_tag("role", &args.role);
    let cluster = server.enable_cluster(config).await?;
    server.enable_health(Access::anyone()).await;
    server.enable_introspection(Access::verified()).await;
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
        never = hangups.reload(&server) => match never {},
    }
}

/// What a member is configured with, whose certificate is in `dir`.
pub(in super::super) fn member(dir: &Path, name: &str, bind: SocketAddr) -> RpcConfig {
    let file = |suffix: &str| dir.join(format!("{name}{suffix}.pem"));
    RpcConfig::new(file(""), bind.to_string())
        .with_key_path(file("-key"))
        .with_ca_path(dir.join("ca.pem"))
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
