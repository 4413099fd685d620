//! Another process of the demo, as its parent sees it.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines, Take};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Begins the line that says where a process listens.
pub(super) const READY: &str = "ready ";
/// Begins the line that says how a process ended its work.
pub(super) const STOPPED: &str = "stopped ";

/// Longest wait for a process to start, to answer or to end.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(15);
/// Most that a process may print: a few short lines.
const OUTPUT_BYTES_MAX: u64 = 4096;

/// This executable with a hidden subcommand; killed when dropped, also where it is stopped.
pub(super) struct Process {
    child: Child,
    /// Closing it asks the process to end. It closes by itself where this
    /// process dies, so that none is left behind.
    stdin: Option<ChildStdin>,
    output: Lines<BufReader<Take<ChildStdout>>>,
    address: SocketAddr,
    pid: u32,
}

impl Process {
    /// Starts the subcommand and waits until it can be called.
    ///
    /// # Errors
    ///
    /// It does not start, or says nothing in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the process.
    pub(super) async fn start<A: AsRef<OsStr>>(
        subcommand: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(subcommand)
            .args(arguments)
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

    /// Stops the process in its tracks (SIGSTOP): it is there, and does nothing.
    pub(super) fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process run on (SIGCONT).
    pub(super) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Writes a line to the process, and waits for the one that answers it.
    pub(super) async fn tell(&mut self, line: &str, answer: &str) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        timeout(PROCESS_TIMEOUT, stdin.write_all(line.as_bytes())).await??;
        timeout(PROCESS_TIMEOUT, stdin.write_all(b"\n")).await??;
        line_after(&mut self.output, answer).await.map(drop)
    }

    /// Asks the process to end gracefully; does not wait.
    pub(super) fn ask_to_stop(&mut self) {
        self.stdin = None;
    }

    /// Waits for the process to end well, and returns what it says about it.
    pub(super) async fn stopped(&mut self) -> io::Result<String> {
        let report = line_after(&mut self.output, STOPPED).await?;
        let status = timeout(PROCESS_TIMEOUT, self.child.wait()).await??;
        if status.success() {
            Ok(report)
        } else {
            Err(io::Error::other(format!("the process ended with {status}")))
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        // Once it has been waited for, its id may belong to another process.
        let pid = self.child.id().ok_or(io::ErrorKind::NotFound)?;
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or(io::ErrorKind::NotFound)?, signal)?;
        Ok(())
    }
}

/// Has the system kill this process with its parent. The end of standard input says the same,
/// but a process that is paused cannot read it.
#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    use rustix::process::set_parent_process_death_signal;
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> io::Result<()> {
    Ok(())
}

/// The rest of the next line, which must begin with `keyword`.
async fn line_after(
    output: &mut Lines<BufReader<Take<ChildStdout>>>,
    keyword: &str,
) -> io::Result<String> {
    let line = timeout(PROCESS_TIMEOUT, output.next_line()).await??;
    let rest = line.as_deref().and_then(|line| line.strip_prefix(keyword));
    rest.map(|rest| rest.trim().to_owned())
        .ok_or_else(|| io::Error::other(format!("the process did not say `{}`", keyword.trim())))
}

/// Runs what a process of the demo is there for, and no longer than the demo itself lives.
pub(super) fn run_alone(
    work: impl Future<Output = Result<(), Box<dyn std::error::Error>>>,
) -> Result<(), Box<dyn std::error::Error>> {
    die_with_parent()?;
    // Some such processes share the machine: one thread each is plenty.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(Box::pin(work));
    // Reading standard input occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}
