//! The client of this library against the server of `clients/python`, which is written from the
//! specification alone.
//!
//! It needs a Python that has the packages of `clients/python/requirements.txt`: the one that
//! `RPCNET_PYTHON` names. Where that is not set, the tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::certs::{DevCerts, dev_certificates};
use rpcnet::{CallError, CallOptions, CodecId, Metadata, RpcClient, RpcConfig, RpcError};
use rpcnet_examples::interop::{InteropClient, InteropError};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A hang guard; what it guards takes well under a second.
const TIME_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn calls_of_every_shape_are_answered_by_a_server_in_python() {
    let Some(server) = Server::start().await else {
        return;
    };
    let client = server.typed().await;
    assert_eq!(client.echo("é".into()).await.unwrap(), "é");
    assert_eq!(client.divide(84, 2).await.unwrap(), 42);
    client.nothing().await.unwrap();
    let counted = client.count(4).await.unwrap();
    let counted: Vec<_> = wait(counted.try_collect()).await.unwrap();
    assert_eq!(counted, [0, 1, 2, 3]);
    let sum = client.sum(10, stream::iter([1, 2])).await;
    assert_eq!(sum.unwrap(), 13);
    let quotients = client.quotients(12, stream::iter([1, 2, 3])).await.unwrap();
    let quotients: Vec<_> = wait(quotients.try_collect()).await.unwrap();
    assert_eq!(quotients, [12, 6, 4]);

    let raw = server.connect().await;
    let reply = raw.call("raw.reverse", b"abc".to_vec()).await.unwrap();
    assert_eq!(reply, b"cba");
}

#[tokio::test]
async fn a_server_in_python_answers_before_the_requests_have_ended() {
    let Some(server) = Server::start().await else {
        return;
    };
    let client = server.typed().await;
    let endless = stream::iter(7..).then(|number| async move {
        tokio::task::yield_now().await;
        number
    });
    assert_eq!(wait(client.first(endless)).await.unwrap(), 7);
}

#[tokio::test]
async fn long_messages_pass_both_ways() {
    let Some(server) = Server::start().await else {
        return;
    };
    let text = "0123456789".repeat(200_000);
    let client = server.typed().await;
    assert!(wait(client.echo(text.clone())).await.unwrap() == text);
}

#[tokio::test]
async fn errors_of_a_server_in_python_arrive_as_what_they_are() {
    let Some(server) = Server::start().await else {
        return;
    };
    let client = server.typed().await;
    let error = client.divide(1, 0).await.unwrap_err();
    assert_eq!(error.service(), Some(&InteropError::DivisionByZero));

    let mut quotients = client.quotients(8, stream::iter([2, 0])).await.unwrap();
    assert_eq!(wait(quotients.next()).await.unwrap().unwrap(), 4);
    let error = wait(quotients.next()).await.unwrap().unwrap_err();
    assert_eq!(error.service(), Some(&InteropError::DivisionByZero));

    let error = client.panic().await.unwrap_err();
    let CallError::Rpc(RpcError::InternalError(_)) = error else {
        panic!("{error:?}");
    };
    // Postcard, which that server does not speak.
    let in_postcard = InteropClient::new(server.connect().await);
    let error = in_postcard.nothing().await.unwrap_err();
    let CallError::Rpc(RpcError::InvalidRequest(_)) = error else {
        panic!("{error:?}");
    };
    let unheard = server.connect().await.call("unheard.of", vec![]).await;
    assert!(
        matches!(unheard, Err(RpcError::UnknownMethod(_))),
        "{unheard:?}"
    );
}

#[tokio::test]
async fn a_server_in_python_reads_what_the_header_says() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut metadata = Metadata::new();
    metadata.insert("user", "é").unwrap();
    let options = CallOptions::new()
        .with_timeout(Duration::from_secs(7))
        .with_metadata(metadata)
        .idempotent();
    let client = server.typed().await.with_options(options);
    let described = client.describe().await.unwrap();
    assert_eq!(described.method, "Interop.describe");
    assert!((5000..=7000).contains(&described.remaining_ms));
    assert!(described.idempotent);
    assert_eq!(described.metadata["user"], "c3a9");
}

#[tokio::test]
async fn deadlines_and_drops_end_the_handlers_of_a_server_in_python() {
    let Some(server) = Server::start().await else {
        return;
    };
    let client = server.typed().await;
    let hurried = CallOptions::new().with_timeout(Duration::from_millis(200));
    let late = client.clone().with_options(hurried);
    let error = wait(late.wait("late".into())).await.unwrap_err();
    assert!(
        matches!(error, CallError::Rpc(RpcError::Timeout)),
        "{error:?}"
    );
    wait(client.dropped("late".into())).await.unwrap();

    let unwanted = tokio::spawn({
        let client = client.clone();
        async move { client.wait("unwanted".into()).await }
    });
    wait(client.entered("unwanted".into())).await.unwrap();
    unwanted.abort();
    wait(client.dropped("unwanted".into())).await.unwrap();
}

#[tokio::test]
async fn a_draining_server_in_python_finishes_what_runs() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let client = server.typed().await;
    let running = client.quotients(12, stream::iter([3]).chain(stream::pending()));
    let mut running = running.await.unwrap();
    assert_eq!(wait(running.next()).await.unwrap().unwrap(), 4);
    client.drain(300).await.unwrap();
    assert_eq!(server.line().await, "draining");
    // It is cut when the time is over, and may have run.
    let error = wait(running.next()).await.unwrap().unwrap_err();
    assert!(
        matches!(error, CallError::Rpc(RpcError::Unavailable(_))),
        "{error:?}"
    );
    assert_eq!(server.line().await, "shut down");
    assert!(wait(server.process.wait()).await.unwrap().success());
}

/// The server, in a process of its own, with certificates of its own.
struct Server {
    address: String,
    certs: DevCerts,
    _folder: TempDir,
    process: Child,
    printed: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// `None` where there is no Python for it, which it says.
    #[expect(clippy::print_stdout, reason = "a test that says why it does nothing")]
    async fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("RPCNET_PYTHON") else {
            println!("not run: RPCNET_PYTHON names no Python with aioquic");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let certs = dev_certificates(folder.path()).unwrap();
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python");
        let path = [client.join("src"), client.join("tests")];
        let mut process = Command::new(PathBuf::from(python))
            .args(["-m", "peer"])
            .arg(certs.dir())
            .env("PYTHONPATH", std::env::join_paths(path).unwrap())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut printed = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = wait(printed.next_line()).await.unwrap().expect("a line");
        let address = first.strip_prefix("serving on ").expect("an address");
        Some(Self {
            address: address.to_owned(),
            certs,
            _folder: folder,
            process,
            printed,
        })
    }

    async fn connect(&self) -> RpcClient {
        let config = RpcConfig::new(self.certs.ca(), "127.0.0.1:0");
        let address = self.address.parse().unwrap();
        wait(RpcClient::connect(address, config)).await.unwrap()
    }

    async fn typed(&self) -> InteropClient {
        InteropClient::new(self.connect().await).with_codec(CodecId::JSON)
    }

    async fn line(&mut self) -> String {
        wait(self.printed.next_line()).await.unwrap().expect("more")
    }
}

async fn wait<F: Future>(future: F) -> F::Output {
    timeout(TIME_LIMIT, future).await.expect("in time")
}
