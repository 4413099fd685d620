//! A server and its clients for one test: own certificates, own port, owned tasks.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rpcnet::{Batching, RpcClient, RpcConfig, RpcError, RpcServer};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// What no wait of a test may exceed: a guard against hanging, not a measurement.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// Waits for something that has to happen.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    let event = tokio::time::timeout(HANG, event).await;
    event.unwrap_or_else(|_| panic!("{what}: not within {HANG:?}"))
}

/// Waits for a condition that nothing announces.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let holds = async {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        while !condition() {
            looks.tick().await;
        }
    };
    soon(what, holds).await;
}

/// How unary calls travel in this run of the tests: all of them pass whether calls share
/// streams or not.
pub(crate) fn batching() -> Batching {
    match std::env::var("RPCNET_TEST_BATCHING").as_deref() {
        Ok("always") => Batching::Always,
        Ok("never") => Batching::Never,
        Ok(other) => panic!("RPCNET_TEST_BATCHING is {other}: say always or never"),
        Err(_) => Batching::Auto,
    }
}

/// Development certificates in a directory that goes with the test.
pub(crate) struct Certs(TempDir);

impl Certs {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        rpcnet::certs::dev_certificates(dir.path()).unwrap();
        Self(dir)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server's configuration on a free port.
    pub(crate) fn server(&self) -> RpcConfig {
        self.server_at(([127, 0, 0, 1], 0).into())
    }

    /// A server's configuration on the port of a predecessor.
    pub(crate) fn server_at(&self, address: SocketAddr) -> RpcConfig {
        RpcConfig::new(self.path("server.pem"), address.to_string())
            .with_key_path(self.path("server-key.pem"))
            .with_batching(batching())
    }

    /// The configuration of a client that trusts the development CA.
    pub(crate) fn client(&self) -> RpcConfig {
        RpcConfig::new(self.path("ca.pem"), "127.0.0.1:0")
            .with_server_name("localhost")
            .with_batching(batching())
    }
}

/// A running server.
pub(crate) struct Running {
    pub(crate) certs: Certs,
    pub(crate) server: RpcServer,
    pub(crate) addr: SocketAddr,
    task: JoinHandle<Result<(), RpcError>>,
}

impl Running {
    /// Starts a server with default configuration and these handlers.
    pub(crate) async fn new<F: Future<Output = ()>>(register: impl FnOnce(RpcServer) -> F) -> Self {
        Self::with(|config| config, register).await
    }

    /// Starts a server with a changed configuration and these handlers.
    pub(crate) async fn with<F: Future<Output = ()>>(
        configure: impl FnOnce(RpcConfig) -> RpcConfig,
        register: impl FnOnce(RpcServer) -> F,
    ) -> Self {
        let certs = Certs::new();
        let config = configure(certs.server());
        Self::from_config(certs, config, register).await
    }

    /// Starts a server with this configuration, whose files are among `certs`.
    pub(crate) async fn from_config<F: Future<Output = ()>>(
        certs: Certs,
        config: RpcConfig,
        register: impl FnOnce(RpcServer) -> F,
    ) -> Self {
        let mut server = RpcServer::new(config);
        register(server.clone()).await;
        let quic = server.bind().unwrap();
        let addr = server.socket_addr.unwrap();
        let serving = server.clone();
        let task = tokio::spawn(async move { serving.start(quic).await });
        Self {
            certs,
            server,
            addr,
            task,
        }
    }

    /// Connects a client with default configuration.
    pub(crate) async fn client(&self) -> RpcClient {
        self.client_with(|config| config).await
    }

    /// Connects a client with a changed configuration.
    pub(crate) async fn client_with(
        &self,
        configure: impl FnOnce(RpcConfig) -> RpcConfig,
    ) -> RpcClient {
        RpcClient::connect(self.addr, configure(self.certs.client()))
            .await
            .unwrap()
    }

    /// Drops `start` where it stands, which ends the server at once.
    pub(crate) async fn cut(self) -> Certs {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.certs
    }

    /// Waits for `start` to return.
    pub(crate) async fn stopped(self) -> Result<Certs, RpcError> {
        self.task.await.unwrap().map(|()| self.certs)
    }
}

/// Registers `echo` (unary) and `echo_stream` (streaming).
pub(crate) async fn echo(server: RpcServer) {
    server
        .register("echo", |payload| async move { Ok(payload) })
        .await;
    server
        .register_streaming("echo_stream", |mut requests| async move {
            async_stream::stream! {
                while let Some(payload) = futures::StreamExt::next(&mut requests).await {
                    yield Ok(payload);
                }
            }
        })
        .await;
}
