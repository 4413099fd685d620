//! [`ServiceServer`]: one service on a server of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::server::{QuicServer, RpcServer, Service, ShutdownReport};

/// A server with one service; the generated server is a thin cover of it.
///
/// More services may be added through [`rpc_server`](Self::rpc_server).
#[derive(Debug)]
pub struct ServiceServer {
    server: RpcServer,
    listener: Option<QuicServer>,
}

impl ServiceServer {
    /// Makes a server; nothing is read or bound yet.
    #[must_use]
    pub fn new(config: RpcConfig, service: Service) -> Self {
        let server = RpcServer::new(config);
        server.add_service(service);
        Self {
            server,
            listener: None,
        }
    }

    /// Reads the certificates and binds the port; [`serve`](Self::serve) does so where
    /// it has not been done. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`RpcServer::bind`].
    pub fn bind(&mut self) -> Result<SocketAddr, RpcError> {
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => self.server.bind()?,
        };
        let address = listener.local_addr()?;
        self.listener = Some(listener);
        Ok(address)
    }

    /// Serves calls until the server is shut down.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the server at once, as [`RpcServer::start`] does.
    pub async fn serve(mut self) -> Result<(), RpcError> {
        let listener = self.listener()?;
        self.server.start(listener).await
    }

    /// Serves until `signal` completes, then shuts down with this much grace.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the server at once, as [`RpcServer::start`] does.
    pub async fn serve_with_shutdown(
        mut self,
        signal: impl Future<Output = ()>,
        grace: Duration,
    ) -> Result<ShutdownReport, RpcError> {
        let listener = self.listener()?;
        self.server
            .serve_with_shutdown(listener, signal, grace)
            .await
    }

    /// The server underneath: to add services, shut down, or read counters. Its clones
    /// stay valid while [`serve`](Self::serve) runs.
    #[must_use]
    pub fn rpc_server(&self) -> &RpcServer {
        &self.server
    }

    fn listener(&mut self) -> Result<QuicServer, RpcError> {
        match self.listener.take() {
            Some(listener) => Ok(listener),
            None => self.server.bind(),
        }
    }
}
