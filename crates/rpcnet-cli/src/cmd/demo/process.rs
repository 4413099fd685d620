//! The server's process, as its parent sees it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines, Take};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::server::{READY, STOPPED};

/// Longest wait for a process to start or to end.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(10);
/// Most that a server may print: two short lines.
const OUTPUT_BYTES_MAX: u64 = 4096;

/// This executable as `rpcnet demo-server`; killed when dropped.
pub(super) struct ServerProcess {
    child: Child,
    /// Closing it asks the server to shut down. It closes by itself where this
    /// process dies, so that no server is left behind.
    stdin: Option<ChildStdin>,
    output: Lines<BufReader<Take<ChildStdout>>>,
    address: SocketAddr,
    pid: u32,
}

impl ServerProcess {
    /// Starts a server and waits until it can be called.
    pub(super) async fn start(dir: &Path, bind_address: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("demo-server")
            .arg("--dir")
            .arg(dir)
            .args(["--bind", bind_address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut output = BufReader::new(stdout.take(OUTPUT_BYTES_MAX)).lines();
        let address = line_after(&mut output, READY).await?;
        let address = address.parse().map_err(io::Error::other)?;
        Ok(Self {
            child,
            stdin,
            output,
            address,
            pid,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the process where it stands and waits until it is gone, its port with it.
    pub(super) async fn kill(&mut self) -> io::Result<()> {
        timeout(PROCESS_TIMEOUT, self.child.kill()).await?
    }

    /// Asks the server to shut down gracefully; does not wait.
    pub(super) fn ask_to_stop(&mut self) {
        self.stdin = None;
    }

    /// Waits for the process to end well, and returns its report on the shutdown.
    pub(super) async fn stopped(&mut self) -> io::Result<String> {
        let report = line_after(&mut self.output, STOPPED).await?;
        let status = timeout(PROCESS_TIMEOUT, self.child.wait()).await??;
        if status.success() {
            Ok(report)
        } else {
            Err(io::Error::other(format!(
                "the server's process ended with {status}"
            )))
        }
    }
}

/// The rest of the next line, which must begin with `keyword`.
async fn line_after(
    output: &mut Lines<BufReader<Take<ChildStdout>>>,
    keyword: &str,
) -> io::Result<String> {
    let line = timeout(PROCESS_TIMEOUT, output.next_line()).await??;
    let rest = line.as_deref().and_then(|line| line.strip_prefix(keyword));
    rest.map(|rest| rest.trim().to_owned())
        .ok_or_else(|| io::Error::other(format!("the server did not say `{keyword}`")))
}
