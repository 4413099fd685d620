//! The command under test: started, fed, read and judged.

use std::ffi::OsStr;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// `rpcnet` with these arguments, nothing on standard input, and no options from the environment.
pub(crate) fn rpcnet<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcnet"));
    command.args(args).kill_on_drop(true).stdin(Stdio::null());
    for variable in ["RPCNET_CA", "RPCNET_CERT", "RPCNET_KEY"] {
        command.env_remove(variable);
    }
    command
}

/// Waits for its end.
pub(crate) async fn finished(mut command: Command) -> Output {
    timeout(PATIENCE, command.output()).await.unwrap().unwrap()
}

/// Gives it this on standard input, and waits for its end.
pub(crate) async fn fed(mut command: Command, input: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let run = async {
        let (written, output) = tokio::join!(
            async move {
                let written = stdin.write_all(input).await;
                drop(stdin);
                written
            },
            child.wait_with_output()
        );
        // It need not read all of it.
        let _ = written;
        output.unwrap()
    };
    timeout(PATIENCE, run).await.unwrap()
}

/// What a command that must succeed has printed.
#[track_caller]
pub(crate) fn printed(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that must fail with exit code 1 has complained of, with nothing printed.
#[track_caller]
pub(crate) fn complaint(output: Output) -> String {
    let (printed, complaint) = failed(output, 1);
    assert_eq!(printed, "", "{complaint}");
    complaint
}

/// Both outputs of a command that must end with this code.
#[track_caller]
pub(crate) fn failed(output: Output, code: i32) -> (String, String) {
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let ended = output.status.code();
    assert_eq!(ended, Some(code), "printed {printed:?}, then {errors}");
    (printed, errors)
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

/// A command that goes on, and the lines that it prints.
pub(crate) struct Running {
    child: Child,
    /// Until it is dropped, standard input is open.
    pub(crate) input: Option<ChildStdin>,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take();
        Self {
            child,
            input,
            lines,
        }
    }

    /// Writes a line to its standard input.
    pub(crate) async fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    /// The next line, if there is one.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        line.unwrap().unwrap()
    }

    /// The next line that has all of these in it.
    pub(crate) async fn until(&mut self, expected: &[&str]) -> String {
        let mut seen = Vec::new();
        while let Some(line) = self.line().await {
            if expected.iter().all(|expected| line.contains(expected)) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {expected:?} after {seen:#?}");
    }

    /// As Ctrl-C; returns the exit code.
    pub(crate) async fn interrupt(mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        self.ended().await
    }

    /// Reads no more, and waits for its end; returns the exit code.
    pub(crate) async fn ended_unread(self) -> Option<i32> {
        let Self {
            mut child, lines, ..
        } = self;
        drop(lines);
        let ended = timeout(PATIENCE, child.wait()).await;
        ended.unwrap().unwrap().code()
    }

    /// Waits for its end; returns the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap().unwrap().code()
    }
}
