//! `rpcnet demo`: what the library promises, shown between two processes.

mod process;
mod report;
pub(crate) mod server;
mod stages;
mod words;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rpcnet::{RpcClient, RpcConfig, RpcError};
use tokio::time::timeout;

use self::process::ServerProcess;
use self::report::{Report, StageFailure, milliseconds};
use self::stages::Stage;

/// Show in a few seconds what rpcnet does, between two processes on this machine.
///
/// Makes certificates in a temporary directory, starts a server in a process of its own and
/// calls it over UDP on the loopback interface. Exits with 0 only if everything behaved.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// No stage takes this long; one that does has failed.
const STAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// Short, so that the client notices a killed server that answers nothing.
const KEEP_ALIVE: Duration = Duration::from_millis(100);

/// Runs every stage, printing as it goes.
///
/// # Errors
///
/// Names the stages that did not behave, or says why there could be none.
pub(crate) fn run(_args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(Box::pin(show(Report::stdout())));
    // A stage that timed out may have left tasks behind; they are not waited for.
    runtime.shutdown_background();
    outcome
}

async fn show(mut report: Report) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let mut failed = Vec::new();
    let dir = tempfile::tempdir()?;
    let mut demo = Demo::prepare(dir.path(), &mut report).await?;
    for stage in Stage::ALL {
        report.begin(stage.title())?;
        let outcome = timeout(STAGE_TIMEOUT, Box::pin(stage.run(&mut demo))).await;
        match outcome.unwrap_or_else(|_| Err(StageFailure::new("it did not end in time"))) {
            Ok(lines) => report.passed(&lines)?,
            Err(failure) => {
                report.failed(&failure)?;
                failed.push(stage.title());
            }
        }
    }
    report.summary(failed.len(), began.elapsed())?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("did not behave: {}", failed.join(", ")).into())
}

/// A server in another process, and a client of it in this one.
struct Demo<'a> {
    dir: &'a Path,
    server: ServerProcess,
    client: RpcClient,
}

impl<'a> Demo<'a> {
    async fn prepare(dir: &'a Path, report: &mut Report) -> Result<Self, Box<dyn Error>> {
        report.begin("a server and a client")?;
        let began = Instant::now();
        rpcnet::certs::dev_certificates(dir)?;
        let made = began.elapsed();
        let server = ServerProcess::start(dir, "127.0.0.1:0").await?;
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
