//! Child processes to be killed and paused.
//!
//! The parent starts a [`Process`] and waits for its line `ready <address>`, which the child prints
//! with [`announce`] once it can be called. Everything here waits on the runtime's clock, which must
//! not be paused: another process does not live in simulated time.

use crate::memory;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command as AsyncCommand};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// A child process that has said it is ready; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    addr: SocketAddr,
    /// Of a child that was started to talk.
    input: Option<ChildStdin>,
    /// Reads on, so that the child cannot block on a full pipe.
    reader: AbortHandle,
}

impl Process {
    /// Returns the command that runs this executable again, to be given arguments or variables.
    ///
    /// # Errors
    ///
    /// The system does not tell where the executable is.
    pub fn this_executable() -> io::Result<Command> {
        std::env::current_exe().map(Command::new)
    }

    /// Starts `command` and waits until it prints a line `ready <address>`.
    ///
    /// Lines before that one, and its output after it, are discarded; its standard error is this
    /// process's own.
    ///
    /// # Errors
    ///
    /// It cannot be started; [`io::ErrorKind::TimedOut`] if the line does not come `within` this time;
    /// [`io::ErrorKind::UnexpectedEof`] if the output ends, or exceeds [`OUTPUT_BYTES_MAX`], before
    /// it; [`io::ErrorKind::InvalidData`] if what follows `ready` is no address. The child is killed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it kills the child.
    pub async fn start(command: Command, within: Duration) -> io::Result<Self> {
        let (child, mut output, _) = spawn(command, Stdio::null())?;
        let addr = timeout(within, read_ready(&mut output)).await??;
        Self::reading(child, addr, None, async move {
            // Ends with the child, or with its last word.
            let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
        })
    }

    /// As [`start`](Self::start), for a child that goes on talking: what it prints once it is ready
    /// comes as [`Lines`], and [`say`](Self::say) writes to its standard input, which ends when this
    /// is dropped.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping it kills the child.
    pub async fn start_talking(command: Command, within: Duration) -> io::Result<(Self, Lines)> {
        let (child, mut output, input) = spawn(command, Stdio::piped())?;
        let addr = timeout(within, read_ready(&mut output)).await??;
        let (told, lines) = mpsc::channel(LINES_WAITING_MAX);
        let process = Self::reading(child, addr, input, async move {
            while let Ok(Some(line)) = read_line(&mut output).await {
                if told.send(line).await.is_err() {
                    return;
                }
            }
        })?;
        Ok((process, Lines { lines }))
    }

    fn reading(
        child: Child,
        addr: SocketAddr,
        input: Option<ChildStdin>,
        reads: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self> {
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self {
            child,
            pid,
            addr,
            input,
            reader: tokio::spawn(reads).abort_handle(),
        })
    }

    /// Writes a line to the standard input of a child that was started to talk.
    ///
    /// # Errors
    ///
    /// The child is gone or was not started to talk; [`io::ErrorKind::TimedOut`] if it does not read.
    ///
    /// # Cancel safety
    ///
    /// A part of the line may have been written: do not go on talking.
    pub async fn say(&mut self, line: &str) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let line = format!("{line}\n");
        timeout(SIGNAL_WAIT_MAX, input.write_all(line.as_bytes())).await?
    }

    /// Returns the address that the child announced.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the child's process id, for instance for [`memory`].
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the child as a crash would (SIGKILL) and waits until it is gone and its ports are free.
    ///
    /// # Errors
    ///
    /// What the system says, or [`io::ErrorKind::TimedOut`] after [`SIGNAL_WAIT_MAX`].
    ///
    /// # Cancel safety
    ///
    /// The child is killed all the same.
    pub async fn kill(mut self) -> io::Result<()> {
        timeout(SIGNAL_WAIT_MAX, self.child.kill()).await?
    }

    /// Asks the child to end (SIGTERM); [`wait`](Self::wait) tells when it has.
    ///
    /// # Errors
    ///
    /// The child is gone, or the command `kill` is missing or hangs.
    ///
    /// # Cancel safety
    ///
    /// The signal may have been sent or not.
    pub async fn terminate(&mut self) -> io::Result<()> {
        self.signal("-TERM").await
    }

    /// Stops the child in its tracks (SIGSTOP) and waits until it stands still.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate); [`io::ErrorKind::TimedOut`] if it still runs after
    /// [`SIGNAL_WAIT_MAX`].
    ///
    /// # Cancel safety
    ///
    /// The child may be stopped or not; [`resume`](Self::resume) is right either way.
    pub async fn pause(&mut self) -> io::Result<()> {
        self.signal("-STOP").await?;
        self.until_stopped(true).await
    }

    /// Lets a paused child run on (SIGCONT); one that runs anyway does so.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    ///
    /// # Cancel safety
    ///
    /// The child may be stopped or not; calling again is right either way.
    pub async fn resume(&mut self) -> io::Result<()> {
        self.signal("-CONT").await?;
        self.until_stopped(false).await
    }

    /// Waits until the child has ended by itself.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] if it still runs after `within`.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn wait(&mut self, within: Duration) -> io::Result<ExitStatus> {
        timeout(within, self.child.wait()).await?
    }

    async fn signal(&mut self, signal: &str) -> io::Result<()> {
        // Once it has been waited for, its id may belong to another process.
        if self.child.id().is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut kill = AsyncCommand::new("kill");
        let sent = kill
            .arg(signal)
            .arg(self.pid.to_string())
            .kill_on_drop(true)
            .status();
        let status = timeout(SIGNAL_WAIT_MAX, sent).await??;
        if !status.success() {
            return Err(io::Error::other(format!(
                "kill {signal} ended with {status}"
            )));
        }
        Ok(())
    }

    /// The system tells nobody when a signal has taken effect, so its table is read until it has.
    async fn until_stopped(&self, stopped: bool) -> io::Result<()> {
        let settled = async {
            while memory::is_stopped(self.pid)? != stopped {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        };
        timeout(SIGNAL_WAIT_MAX, settled).await?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What a child says once it is ready, line by line.
///
/// A child whose lines nobody takes is held up once [`LINES_WAITING_MAX`] wait: nothing is lost.
#[derive(Debug)]
pub struct Lines {
    lines: mpsc::Receiver<String>,
}

impl Lines {
    /// Returns the next line; `None` once the child's output has ended, or a line exceeded
    /// [`OUTPUT_BYTES_MAX`].
    ///
    /// # Cancel safety
    ///
    /// No line is lost.
    pub async fn next(&mut self) -> Option<String> {
        self.lines.recv().await
    }
}

/// Lines of a child that wait to be taken: 1,024.
pub const LINES_WAITING_MAX: usize = 1_024;

/// The most a child may print before it is ready, and on one line: 64 KiB.
pub const OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// How long a signal may take to have its effect: 10 s.
pub const SIGNAL_WAIT_MAX: Duration = Duration::from_secs(10);

/// Tells the parent that this process can be called at `addr`.
///
/// # Errors
///
/// Standard output is closed.
pub fn announce(addr: SocketAddr) -> io::Result<()> {
    let mut output = io::stdout().lock();
    // A test harness may have left a line unfinished.
    write!(output, "\n{READY}{addr}\n")?;
    output.flush()
}

const READY: &str = "ready ";

type Output = BufReader<ChildStdout>;

fn spawn(command: Command, input: Stdio) -> io::Result<(Child, Output, Option<ChildStdin>)> {
    let mut child = AsyncCommand::from(command)
        .stdin(input)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let input = child.stdin.take();
    Ok((child, BufReader::new(output), input))
}

async fn read_ready(output: &mut Output) -> io::Result<SocketAddr> {
    let mut lines = output.take(OUTPUT_BYTES_MAX);
    while let Some(line) = read_line(&mut lines).await? {
        if let Some(addr) = line.strip_prefix(READY) {
            return addr.trim().parse().map_err(|_| {
                let message = format!("the child is ready at {addr:?}, which is no address");
                io::Error::new(io::ErrorKind::InvalidData, message)
            });
        }
    }
    let message = "the child's output ended before it was ready";
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
}

/// Without its end; what is no UTF-8 is replaced.
async fn read_line(output: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut output = output.take(OUTPUT_BYTES_MAX);
    match output.read_until(b'\n', &mut line).await? as u64 {
        0 => return Ok(None),
        OUTPUT_BYTES_MAX => return Err(io::ErrorKind::InvalidData.into()),
        _ => {}
    }
    let line = String::from_utf8_lossy(&line);
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests;
