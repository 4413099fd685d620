//! `rpcnet demo-worker`: one worker of the demo.

use std::error::Error;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rpcnet::RpcServer;
use rpcnet::builtin::Access;
use rpcnet::cluster::ClusterConfig;

use super::super::cluster::node::member;
use super::super::process::{READY, STOPPED, run_alone};
use super::super::server::say;
use super::work::{Bench, WorkServer};
use crate::cmd::hangup::Hangups;

/// Work in the demo's cluster until standard input is closed, then drain.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the certificates are.
    #[arg(long)]
    dir: PathBuf,
    /// The worker's name, which is that of its certificate too.
    #[arg(long)]
    name: String,
    /// A node that is in the cluster.
    #[arg(long)]
    seed: SocketAddr,
    /// The address to listen on.
    #[arg(long)]
    bind: SocketAddr,
}

/// Time that calls under way are given to finish.
const GRACE: Duration = Duration::from_secs(5);

/// Works until standard input ends.
///
/// # Errors
///
/// What is wrong with the certificates, or why the cluster was not joined.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    run_alone(work(args))
}

async fn work(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut server = RpcServer::new(member(&args.dir, &args.name, args.bind));
    server.add_service(WorkServer::service(Bench::new(&args.name)));
    let quic_server = server.bind()?;
    let hangups = Hangups::listen()?;
    let address = server.socket_addr.ok_or("bound to no address")?;
    let config = ClusterConfig::lan()
        .with_cluster_name("demo")
        .with_node_name(&args.name)
        .with_tag("role", "worker");
    let cluster = server.enable_cluster(config).await?;
    server.enable_health(Access::anyone()).await;
    server.enable_introspection(Access::verified()).await;
    let asked_to_stop = async {
        // Data or an error would be no less of a reason.
        let _ = tokio::task::spawn_blocking(|| io::stdin().read(&mut [0])).await;
    };
    let serve = server.serve_with_shutdown(quic_server, asked_to_stop, GRACE);
    let enter = async {
        cluster.join([args.seed]).await?;
        say(&format!("{READY}{address}"))?;
        Ok::<(), Box<dyn Error>>(())
    };
    let report = tokio::select! {
        report = serve => report?,
        Err(error) = enter => return Err(error),
        never = hangups.reload(&server) => match never {},
    };
    say(&format!(
        "{STOPPED}{} completed, {} cut",
        report.completed, report.cut
    ))?;
    Ok(())
}
