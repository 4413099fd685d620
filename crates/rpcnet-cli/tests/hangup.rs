//! SIGHUP to a server of the command, as an operator or a timer sends it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rpcnet::certs::{DevCa, dev_certificates};
use rpcnet::{RpcClient, RpcConfig};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server in a process of its own.
struct Server {
    child: Child,
    errors: Lines<BufReader<ChildStderr>>,
    address: SocketAddr,
}

impl Server {
    async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rpcnet"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = next(&mut output).await;
        Self {
            errors: BufReader::new(child.stderr.take().unwrap()).lines(),
            address: ready.strip_prefix("ready ").unwrap().parse().unwrap(),
            child,
        }
    }

    /// Sends SIGHUP; returns what the server says of it.
    async fn hang_up(&mut self) -> String {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::HUP).unwrap();
        next(&mut self.errors).await
    }

    /// The serial number of the certificate that a new connection is made with.
    async fn serial(&self, dir: &Path) -> String {
        let config = RpcConfig::new(dir.join("ca.pem"), "127.0.0.1:0").with_own_socket();
        let client = RpcClient::connect(self.address, config);
        let client = timeout(PATIENCE, client).await.unwrap().unwrap();
        client.server_identity().unwrap().serial_hex().to_owned()
    }
}

async fn next<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    let line = timeout(PATIENCE, lines.next_line()).await;
    line.expect("it says something in time")
        .unwrap()
        .expect("it says something")
}

/// Takes over certificate and key of one node of another authority's directory.
fn copy(from: &Path, to: &Path, stem: &str) {
    for file in [format!("{stem}.pem"), format!("{stem}-key.pem")] {
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn a_server_reloads_its_certificates_on_sighup_and_says_so_in_a_line() {
    let (dir, next_dir) = (scratch(), scratch());
    dev_certificates(dir.path()).unwrap();
    let ca = DevCa::load(dir.path()).unwrap();
    let path = dir.path().to_str().unwrap();
    let mut server = Server::start(&["demo-server", "--dir", path]).await;
    let before = server.serial(dir.path()).await;

    fs::write(dir.path().join("server-key.pem"), "no key").unwrap();
    let line = server.hang_up().await;
    assert!(
        line.starts_with("certificates not replaced, those in force stay: "),
        "{line}"
    );
    assert!(line.contains("server-key.pem"), "{line}");
    assert_eq!(server.serial(dir.path()).await, before);

    ca.node(&["localhost"])
        .unwrap()
        .write(next_dir.path(), "server")
        .unwrap();
    copy(next_dir.path(), dir.path(), "server");
    let line = server.hang_up().await;
    let after = server.serial(dir.path()).await;
    assert_ne!(before, after);
    assert_eq!(
        line,
        format!("certificates replaced: serial {after}, 89 days left")
    );
}

#[tokio::test]
async fn a_node_of_a_cluster_reloads_on_sighup_too() {
    let (dir, next_dir) = (scratch(), scratch());
    let ca = DevCa::generate("hangup").unwrap();
    ca.write(dir.path()).unwrap();
    let sign = |to: &Path| {
        ca.node(&["localhost", "alpha"])
            .unwrap()
            .write(to, "alpha")
            .unwrap()
    };
    sign(dir.path());
    sign(next_dir.path());
    let path = dir.path().to_str().unwrap();
    let arguments = [
        "demo-node",
        "--dir",
        path,
        "--name",
        "alpha",
        "--role",
        "worker",
    ];
    let mut node = Server::start(&arguments).await;
    copy(next_dir.path(), dir.path(), "alpha");
    let line = node.hang_up().await;
    let after = node.serial(dir.path()).await;
    assert_eq!(
        line,
        format!("certificates replaced: serial {after}, 89 days left")
    );
}
