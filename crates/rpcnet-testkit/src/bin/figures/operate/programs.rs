//! The programs that are measured beside this one: `rpcnet` and `rpcnet-bench`.

use crate::group::BoxError;
use rpcnet_testkit::process::Process;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// A program that has not done what it was started for by then never will.
const PROGRAM_WITHIN: Duration = Duration::from_secs(120);

/// Threads of each program: as many as the project's own benchmark takes.
const THREADS: &str = "2";

/// Both programs, built as this one is, and certificates for them.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    certs: TempDir,
}

/// What the project's own benchmark measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Calls per second.
    pub(super) rate: f64,
    /// The median latency.
    pub(super) p50_us: f64,
}

impl Programs {
    /// Builds them where they are not up to date, which takes minutes the first time: see
    /// [`prepare`](super::prepare).
    pub(super) async fn build() -> Result<Self, BoxError> {
        Self::built(None).await
    }

    /// The project's own benchmark alone, in which spans and log lines were left out by the compiler.
    pub(super) async fn without_spans() -> Result<Self, BoxError> {
        Self::built(Some("without-spans")).await
    }

    async fn built(without: Option<&str>) -> Result<Self, BoxError> {
        let executable = std::env::current_exe()?;
        let folder = executable.parent().ok_or("no folder of programs")?;
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") => "dev",
            Some(profile) => profile,
            None => return Err("no folder of programs".into()),
        };
        let target = folder.parent().ok_or("no folder of builds")?;
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--quiet", "--profile", profile]);
        cargo.args(["-p", "rpcnet-bench", "--bin", "rpcnet-bench"]);
        let (target, folder) = match without {
            None => {
                cargo.args(["-p", "rpcnet-cli", "--bin", "rpcnet"]);
                (target.to_owned(), folder.to_owned())
            }
            Some(name) => {
                cargo.args(["--features", "tracing/max_level_off"]);
                let target = target.join(name);
                let folder = target.join(folder.file_name().unwrap_or_default());
                (target, folder)
            }
        };
        cargo.arg("--manifest-path").arg(WORKSPACE);
        cargo.arg("--target-dir").arg(target).kill_on_drop(true);
        if !cargo.status().await?.success() {
            return Err("rpcnet and rpcnet-bench do not build".into());
        }
        let certs = tempfile::tempdir()?;
        rpcnet::certs::dev_certificates(certs.path())?;
        Ok(Self { folder, certs })
    }

    /// Starts the server of the project's own benchmark; its method `echo` returns what it is sent.
    pub(super) async fn serve(&self) -> Result<Process, BoxError> {
        let mut command = std::process::Command::new(self.folder.join("rpcnet-bench"));
        command.args(["serve", "rpcnet"]).arg(self.certs.path());
        Ok(Process::start(command, PROGRAM_WITHIN).await?)
    }

    /// Runs the project's own benchmark against the server.
    pub(super) async fn load(
        &self,
        server: &Process,
        in_flight: usize,
        millis: u64,
    ) -> Result<Sample, BoxError> {
        let mut command = Command::new(self.folder.join("rpcnet-bench"));
        command.args(["load", "rpcnet"]).arg(self.certs.path());
        command.args([server.addr().to_string(), server.pid().to_string()]);
        command.args(["--bytes", "64", "--in-flight", &in_flight.to_string()]);
        command.args(["--millis", &millis.to_string()]);
        let line = printed(command).await?;
        let value = |name: &str| {
            let of_name = |pair: &str| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
            let found: Option<f64> = line.split_whitespace().find_map(of_name);
            found.ok_or_else(|| format!("no {name} in {line:?}"))
        };
        Ok(Sample {
            rate: value("rate")?,
            p50_us: value("p50")?,
        })
    }

    /// Runs `rpcnet bench` against the server there, with these options; its result.
    pub(super) async fn bench(
        &self,
        server: SocketAddr,
        options: &[&str],
    ) -> Result<serde_json::Value, BoxError> {
        let mut command = Command::new(self.folder.join("rpcnet"));
        command.args(["bench", &server.to_string(), "echo"]);
        command.arg("--ca").arg(self.ca());
        command.args(["--bytes", "64", "--json"]).args(options);
        Ok(serde_json::from_str(&printed(command).await?)?)
    }

    fn ca(&self) -> PathBuf {
        self.certs.path().join("ca.pem")
    }
}

/// What a program prints that must succeed.
async fn printed(mut command: Command) -> Result<String, BoxError> {
    command.env("TOKIO_WORKER_THREADS", THREADS);
    command.kill_on_drop(true).stdin(Stdio::null());
    let output = timeout(PROGRAM_WITHIN, command.output()).await??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{:?} failed: {said}", program(&command)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn program(command: &Command) -> &Path {
    Path::new(command.as_std().get_program())
}

/// The manifest of the workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
