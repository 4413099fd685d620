//! `rpcnet demo`: what the library promises, shown between processes of this machine.

pub(crate) mod cluster;
mod process;
mod report;
pub(crate) mod server;
mod stages;
mod words;
pub(crate) mod workers;

use std::error::Error;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rpcnet::{RpcClient, RpcConfig, RpcError};
use tokio::time::timeout;

use self::process::Process;
use self::report::{Report, StageFailure, StageReport, milliseconds};
use self::stages::Stage;

/// Show in less than a minute what rpcnet does, between processes on this machine.
///
/// Makes certificates in a temporary directory, starts a server in a process of its own and
/// calls it over UDP on the loopback interface. Then five processes form a cluster: one of them
/// is killed and restarted, one paused, one leaves, and the times are shown within which the
/// others know. Then four workers are under load while they are killed, paused, drained and
/// restarted, and every call is accounted for. Exits with 0 only if everything behaved, and no
/// idempotent call failed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Show one part alone.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

const EXAMPLES: &str = "Examples:
  rpcnet demo
  rpcnet demo --only workers

Exit code: 0 everything behaved, 1 something did not, 2 misused.";

/// What the demo has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Calls, between a client and a server.
    Rpc,
    /// Membership, among five nodes.
    Cluster,
    /// Load on four workers, whatever becomes of single ones.
    Workers,
}

/// No stage takes this long; one that does has failed.
const STAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// Short, so that the client notices a killed server that answers nothing.
const KEEP_ALIVE: Duration = Duration::from_millis(100);

/// Runs every stage, printing as it goes.
///
/// # Errors
///
/// Names the stages that did not behave, or says why there could be none.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(Box::pin(show(Report::stdout(), args.only)));
    // A stage that timed out may have left tasks behind; they are not waited for.
    runtime.shutdown_background();
    outcome
}

async fn show(mut report: Report, only: Option<Part>) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let mut failed = Vec::new();
    let is_shown = |part| only.is_none_or(|only| only == part);
    if is_shown(Part::Rpc) {
        failed.extend(Box::pin(show_calls(&mut report)).await?);
    }
    if is_shown(Part::Cluster) {
        failed.extend(Box::pin(cluster::show(&mut report)).await?);
    }
    if is_shown(Part::Workers) {
        failed.extend(Box::pin(workers::show(&mut report)).await?);
    }
    report.summary(failed.len(), began.elapsed())?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("did not behave: {}", failed.join(", ")).into())
}

/// Runs the stages between one client and one server; returns the titles of those that failed.
async fn show_calls(report: &mut Report) -> Result<Vec<&'static str>, Box<dyn Error>> {
    let mut failed = Vec::new();
    let dir = tempfile::tempdir()?;
    let mut demo = Demo::prepare(dir.path(), report).await?;
    for stage in Stage::ALL {
        let run = Box::pin(stage.run(&mut demo));
        if !staged(report, stage.title(), STAGE_TIMEOUT, run).await? {
            failed.push(stage.title());
        }
    }
    Ok(failed)
}

/// Runs one stage and prints what came of it; returns whether it behaved.
async fn staged(
    report: &mut Report,
    title: &str,
    within: Duration,
    run: impl Future<Output = Result<StageReport, StageFailure>> + Unpin,
) -> io::Result<bool> {
    report.begin(title)?;
    report.ended(&bounded(within, run).await)
}

/// Runs one stage, which fails where it takes longer.
async fn bounded(
    within: Duration,
    run: impl Future<Output = Result<StageReport, StageFailure>> + Unpin,
) -> Result<StageReport, StageFailure> {
    let outcome = timeout(within, run).await;
    outcome.unwrap_or_else(|_| Err(StageFailure::new("it did not end in time")))
}

/// A server in another process, and a client of it in this one.
struct Demo<'a> {
    dir: &'a Path,
    server: Process,
    client: RpcClient,
}

impl<'a> Demo<'a> {
    async fn prepare(dir: &'a Path, report: &mut Report) -> Result<Self, Box<dyn Error>> {
        report.begin("a server and a client")?;
        let began = Instant::now();
        rpcnet::certs::dev_certificates(dir)?;
        let made = began.elapsed();
        let server = start_server(dir, "127.0.0.1:0").await?;
        let began = Instant::now();
        let client = connect(server.address(), anonymous(dir)).await?;
        report.passed(&[
            format!("certificates made in {}", milliseconds(made)),
            format!(
                "server: process {}, udp {}; client: process {}",
                server.pid(),
                server.address(),
                std::process::id(),
            ),
            format!(
                "connected with TLS 1.3 over QUIC in {}",
                milliseconds(began.elapsed())
            ),
        ])?;
        Ok(Self {
            dir,
            server,
            client,
        })
    }
}

/// A server in a process of its own, with the certificates in `dir`.
async fn start_server(dir: &Path, bind_address: &str) -> io::Result<Process> {
    let arguments = [
        OsStr::new("--dir"),
        dir.as_os_str(),
        OsStr::new("--bind"),
        OsStr::new(bind_address),
    ];
    Process::start("demo-server", arguments).await
}

/// A client that verifies the server and shows no certificate of its own.
fn anonymous(dir: &Path) -> RpcConfig {
    RpcConfig::new(dir.join("ca.pem"), "127.0.0.1:0").with_keep_alive_interval(KEEP_ALIVE)
}

/// A client that presents the certificate of the development client.
fn identified(dir: &Path) -> RpcConfig {
    RpcConfig::new(dir.join("client.pem"), "127.0.0.1:0")
        .with_key_path(dir.join("client-key.pem"))
        .with_ca_path(dir.join("ca.pem"))
}

async fn connect(address: SocketAddr, config: RpcConfig) -> Result<RpcClient, RpcError> {
    RpcClient::connect(address, config).await
}

/// Whoever closes the pipe early, such as `head`, has seen enough: the stages go on.
fn tolerate_closed_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
