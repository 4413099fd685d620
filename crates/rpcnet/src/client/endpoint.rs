//! [`Endpoint`]: one socket, and the certificates that its connections are made with.

use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::transport::quic::Dialer;
use crate::transport::tls::{self, ClientTls};

/// Where connections of one configuration go out from; any number of clients share one.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) dialer: Dialer,
    pub(crate) tls: ClientTls,
}

impl Endpoint {
    /// Reads the certificates and binds the socket. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::new`](crate::RpcClient::new).
    pub(crate) fn new(config: &RpcConfig) -> Result<Self, RpcError> {
        config.validate()?;
        let tls = tls::load_client(&config.tls_files())?;
        let dialer = Dialer::new(config, &tls)?;
        Ok(Self { dialer, tls })
    }
}
