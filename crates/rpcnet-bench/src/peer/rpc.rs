//! This library, as a user has it: the defaults, and the page's handler.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet::{RpcClient, RpcConfig, RpcServer};

use super::{Caller, announce};
use crate::Error;

pub(super) async fn serve(certs: &Path) -> Result<(), Error> {
    let config = RpcConfig::new(certs.join("server.pem"), "127.0.0.1:0")
        .with_key_path(certs.join("server-key.pem"));
    let mut server = RpcServer::new(config);
    server
        .register("echo", |payload| async move { Ok(payload) })
        .await;
    let quic_server = server.bind()?;
    announce(quic_server.local_addr()?);
    Ok(server.start(quic_server).await?)
}

pub(super) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    let config = RpcConfig::new(certs.join("ca.pem"), "127.0.0.1:0")
        .with_keep_alive_interval(Duration::from_secs(5));
    let client = RpcClient::connect(addr, config).await?;
    Ok(Arc::new(move |payload: Bytes| {
        let call = client.call("echo", payload.into());
        Box::pin(async move { Ok(call.await?.len()) })
    }))
}
