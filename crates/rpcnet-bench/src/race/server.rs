//! A peer's server in a process of its own, and the loads on it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rpcnet_testkit::netns::Network;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::plan::{Peer, Work};
use super::table::Sample;
use crate::runner::{Error, LOCAL};

/// Time for a server process to bind.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Time for a load beyond what it measures.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The programs that take part.
#[derive(Debug)]
pub(super) struct Programs {
    own: PathBuf,
    foreign: PathBuf,
}

impl Programs {
    /// Builds those that are built apart, where they take part.
    pub(super) fn build(peers: &[Peer]) -> Result<Self, Error> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../peers");
        if peers.iter().any(|peer| peer.is_foreign()) {
            let build = |features: &[&str]| {
                std::process::Command::new("cargo")
                    .args(["build", "--release", "--locked", "--manifest-path"])
                    .arg(folder.join("Cargo.toml"))
                    .args(features)
                    .status()
            };
            if !build(&[])?.success() {
                println!("rpcnet 0.1.0 cannot be built here: it needs CMake");
                build(&["--no-default-features"])?;
            }
        }
        Ok(Self {
            own: std::env::current_exe()?,
            foreign: folder.join("target/release/rpcnet-bench-peers"),
        })
    }

    fn of(&self, peer: Peer) -> &Path {
        match peer.is_foreign() {
            true => &self.foreign,
            false => &self.own,
        }
    }
}

/// Where the processes run.
#[derive(Debug)]
pub(super) enum Place {
    Loopback,
    /// Each side is a host of a network.
    Network(Network),
}

/// Which host is whose.
const SERVER: usize = 0;
const CLIENT: usize = 1;

impl Place {
    /// Two hosts with Ethernet between them.
    pub(super) async fn network() -> Result<Self, Error> {
        Ok(Self::Network(Network::new(2).await?))
    }

    /// Loses this many of 100 packets from now on, whatever they carry.
    pub(super) async fn set_loss(&mut self, percent: f64) -> Result<(), Error> {
        match self {
            Self::Loopback => {}
            Self::Network(network) => network.set_loss(percent).await?,
        }
        Ok(())
    }

    /// The command, to be run on that host.
    fn command(&self, host: usize, mut command: std::process::Command) -> Command {
        if let Self::Network(network) = self {
            command.env(LOCAL, network.address(host).to_string());
            let there = network.command(host, &command);
            command = there.unwrap_or(command);
        }
        command.into()
    }
}

/// A server process, killed on drop.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) peer: Peer,
    program: PathBuf,
    addr: SocketAddr,
    child: Child,
}

impl Server {
    pub(super) async fn start(
        peer: Peer,
        programs: &Programs,
        certs: &Path,
        place: &Place,
    ) -> Result<Self, Error> {
        let program = programs.of(peer).to_owned();
        let mut command = std::process::Command::new(&program);
        command.args(["serve", peer.argument()]).arg(certs);
        let mut child = place
            .command(SERVER, command)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            // One of them has something to say first.
            while let Some(line) = lines.next_line().await? {
                if let Some(addr) = line.strip_prefix("ready ") {
                    return Ok::<_, Error>(addr.parse()?);
                }
            }
            Err("it did not start".into())
        };
        let addr = timeout(START_TIMEOUT, ready).await??;
        Ok(Self {
            peer,
            program,
            addr,
            child,
        })
    }

    /// Runs a load on it from another process.
    pub(super) async fn load(
        &self,
        work: &Work,
        certs: &Path,
        place: &Place,
    ) -> Result<Sample, Error> {
        let server = self.child.id().ok_or("the server has ended")?;
        let mut command = std::process::Command::new(&self.program);
        command
            .args(["load", self.peer.argument()])
            .arg(certs)
            .args([self.addr.to_string(), server.to_string()])
            .args(["--shape", work.shape])
            .args(["--in-flight", &work.in_flight.to_string()])
            .args(["--bytes", &work.bytes.to_string()])
            .args(["--messages", &work.messages.to_string()])
            .args(["--millis", &work.millis.to_string()]);
        let running = place
            .command(CLIENT, command)
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .output();
        let limit = LOAD_TIMEOUT + Duration::from_millis(work.millis);
        let output = timeout(limit, running).await??;
        let text = String::from_utf8(output.stdout)?;
        let sample = text.lines().find_map(|line| line.strip_prefix("sample "));
        let sample =
            sample.ok_or_else(|| format!("{} at {}: no sample", self.peer.name(), work.name))?;
        Sample::parse(sample)
    }
}
