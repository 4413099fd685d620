//! The commands `ip` and `nft`, run under a deadline.

use super::error::NetnsError;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// Runs `words`, the first of which is the program, with `input` on its standard input, and returns
/// what it prints.
pub(super) async fn run(words: &[&str], input: &str) -> Result<String, NetnsError> {
    let command = || words.join(" ");
    let ended = timeout(COMMAND_WAIT_MAX, output(words, input)).await;
    let output = ended
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| NetnsError::Run {
            command: command(),
            source,
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().take(3).collect::<Vec<_>>().join(" / ");
        return Err(NetnsError::Refused {
            command: command(),
            said,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn output(words: &[&str], input: &str) -> io::Result<Output> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    // One that ends without reading says why on its standard error.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await
}

/// None of these commands waits for anything; one that does not end hangs in the kernel.
const COMMAND_WAIT_MAX: Duration = Duration::from_secs(20);
