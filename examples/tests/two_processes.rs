//! Runs the server and the client of each typed example as processes of their own.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A hang guard; what it guards takes well under a second.
const TIME_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn greeting_serves_a_client_in_another_process() {
    let server = Server::start(env!("CARGO_BIN_EXE_greeting"), &[]).await;
    let printed = server.client(&["Ada"]).await;
    assert_eq!(printed, "hello, Ada\nan empty name is refused\n");
    server.stop().await;
}

#[tokio::test]
async fn calculator_remembers_between_processes() {
    let server = Server::start(env!("CARGO_BIN_EXE_calculator"), &[]).await;
    assert!(server.client(&[]).await.contains("\nremembered 42\n"));
    assert!(server.client(&[]).await.contains("\nremembered 84\n"));
    server.stop().await;
}

#[tokio::test]
async fn file_transfer_stores_what_was_sent_and_nothing_of_what_was_refused() {
    let folders = tempfile::tempdir().unwrap();
    let store = folders.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let source = folders.path().join("source");
    std::fs::write(&source, b"0123456789".repeat(20_000)).unwrap();

    let server = Server::start(env!("CARGO_BIN_EXE_file_transfer"), &[&text(&store)]).await;
    let printed = server.client(&[&text(&source)]).await;
    assert!(printed.starts_with("uploaded 200000 bytes\n"), "{printed}");
    assert!(printed.contains("\nrefused: HashMismatch\n"), "{printed}");
    server.stop().await;

    let stored: Vec<_> = std::fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(stored, ["sample"]);
    assert!(std::fs::read(store.join("sample")).unwrap() == std::fs::read(source).unwrap());
}

#[tokio::test]
async fn chat_carries_lines_between_processes_until_the_server_ends() {
    let server = Server::start(env!("CARGO_BIN_EXE_chat"), &[]).await;
    let mut ann = Guest::join(&server, "ann").await;
    ann.hears("ann joined").await;
    let mut bob = Guest::join(&server, "bob").await;
    ann.hears("bob joined").await;
    bob.hears("bob joined").await;

    bob.says("hello\n").await;
    ann.hears("bob: hello").await;
    bob.hears("bob: hello").await;

    // The end of his standard input is the end of his lines, which is an end in order.
    drop(bob.lines);
    assert!(wait(bob.process.wait()).await.unwrap().success());
    ann.hears("bob left").await;

    // Calls that still run when a server stops are cut, and their callers see that.
    let mut cat = Guest::join(&server, "cat").await;
    ann.hears("cat joined").await;
    cat.hears("cat joined").await;

    let cut = server.stop().await;
    assert_eq!(cut, "shut down, 2 calls cut\n");
    for mut guest in [ann, cat] {
        assert!(!wait(guest.process.wait()).await.unwrap().success());
    }
}

/// A server in a process of its own, with certificates of its own.
struct Server {
    program: &'static str,
    address: String,
    certs: TempDir,
    process: Child,
    printed: Lines<BufReader<ChildStdout>>,
}

impl Server {
    async fn start(program: &'static str, rest: &[&str]) -> Self {
        let certs = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["server", "--address", "127.0.0.1:0", "--certs"])
            .arg(certs.path())
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut printed = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = wait(printed.next_line()).await.unwrap().expect("a line");
        let address = first
            .strip_prefix("serving on ")
            .expect("an address")
            .to_owned();
        Self {
            program,
            address,
            certs,
            process,
            printed,
        }
    }

    fn client_command(&self, rest: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(["client", "--address", &self.address, "--certs"])
            .arg(self.certs.path())
            .args(rest)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a client to its end, and returns what it printed.
    async fn client(&self, rest: &[&str]) -> String {
        let output = wait(self.client_command(rest).output()).await.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Interrupts the server as a user would, and returns what else it printed.
    async fn stop(mut self) -> String {
        let id = self.process.id().expect("it runs").to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(wait(kill).await.unwrap().success());
        assert!(wait(self.process.wait()).await.unwrap().success());
        let mut rest = String::new();
        let printed = self.printed.get_mut();
        wait(printed.read_to_string(&mut rest)).await.unwrap();
        rest
    }
}

/// A client of the chat, with somebody who types.
struct Guest {
    process: Child,
    lines: ChildStdin,
    printed: Lines<BufReader<ChildStdout>>,
}

impl Guest {
    async fn join(server: &Server, name: &str) -> Self {
        let mut process = server
            .client_command(&[name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            lines: process.stdin.take().unwrap(),
            printed: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    async fn says(&mut self, lines: &str) {
        wait(self.lines.write_all(lines.as_bytes())).await.unwrap();
        wait(self.lines.flush()).await.unwrap();
    }

    async fn hears(&mut self, expected: &str) {
        let line = wait(self.printed.next_line()).await.unwrap();
        assert_eq!(line.as_deref(), Some(expected));
    }
}

async fn wait<F: Future>(future: F) -> F::Output {
    timeout(TIME_LIMIT, future).await.expect("in time")
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path is UTF-8").to_owned()
}
