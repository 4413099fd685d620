//! `rpcnet dashboard`: what goes on in a cluster, as a web page.

mod answer;
mod hosts;
mod serve;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use self::hosts::Hosts;
use crate::cmd::cluster::Access;
use crate::cmd::observe::observe;

/// Watch a cluster in a browser: members, rates, latencies, errors and events.
///
/// Serves one page, which follows the cluster as `rpcnet top` does, and prints its address. Whoever
/// reaches that address sees what this command's certificate may see: it is this machine alone
/// unless --bind says otherwise, and there is no password. Requests for other names than the address
/// itself, `localhost` and those of --host are refused, so that no page from elsewhere can read it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    access: Access,
    /// Where to serve the page; port 0 is any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    /// Another name that browsers may ask for, such as that of a proxy; may be repeated.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Milliseconds between two looks.
    #[arg(long, value_name = "MS", default_value = "1000",
          value_parser = clap::value_parser!(u64).range(200..=60_000))]
    interval: u64,
}

const EXAMPLES: &str = "Examples (certificates left out):
  rpcnet dashboard --seed 10.0.0.1:4433 --seed 10.0.0.2:4433 ...
  rpcnet dashboard --seed localhost:4433 --bind 127.0.0.1:8088 ...

Exit code: 0 ended by Ctrl-C, 1 no seed tells what it does, or the address cannot be had (standard
error says why), 2 misused.";

/// Serves the page until Ctrl-C.
///
/// # Errors
///
/// Why no seed tells what it does, or the address cannot be had.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            served = Box::pin(serve(args)) => served,
            asked_to_end = tokio::signal::ctrl_c() => asked_to_end.map_err(Into::into),
        }
    });
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}

async fn serve(args: &Args) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(args.bind)
        .await
        .map_err(|error| format!("--bind {}: {error}", args.bind))?;
    let address = listener.local_addr()?;
    let watched = observe(&args.access, Duration::from_millis(args.interval)).await?;
    if !address.ip().is_loopback() {
        let warning = "warning: whoever reaches this address sees the cluster\n";
        io::stderr().write_all(warning.as_bytes())?;
    }
    crate::print(&format!("http://{address}/\n"))?;
    io::stdout().flush()?;
    let hosts = Hosts::new(address, &args.hosts);
    serve::run(&listener, hosts, &watched.pictures).await?;
    Ok(())
}
