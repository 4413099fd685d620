//! This library, as a user has it: the defaults, and the page's handler.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use rpcnet::{Batching, RpcClient, RpcConfig, RpcServer};

use crate::runner::{Caller, Error, announce, stream_plan};

pub(super) async fn serve(certs: &Path) -> Result<(), Error> {
    let config = RpcConfig::new(certs.join("server.pem"), "127.0.0.1:0")
        .with_key_path(certs.join("server-key.pem"));
    let mut server = RpcServer::new(config);
    server
        .register("echo", |payload| async move { Ok(payload) })
        .await;
    server
        .register_streaming("stream", |mut requests| async move {
            let plan = requests.next().await.unwrap_or_default();
            let (count, size) = stream_plan(&plan);
            futures::stream::iter((0..count).map(move |_| Ok(vec![7; size])))
        })
        .await;
    let quic_server = server.bind()?;
    announce(quic_server.local_addr()?);
    Ok(server.start(quic_server).await?)
}

pub(super) async fn connect(
    addr: SocketAddr,
    certs: &Path,
    is_batching: bool,
) -> Result<Caller, Error> {
    let mut config = RpcConfig::new(certs.join("ca.pem"), "127.0.0.1:0")
        .with_keep_alive_interval(Duration::from_secs(5));
    if !is_batching {
        config = config.with_batching(Batching::Never);
    }
    let client = RpcClient::connect(addr, config).await?;
    let streams = client.clone();
    Ok(Caller {
        unary: Arc::new(move |payload| {
            let call = client.call("echo", payload.into());
            Box::pin(async move { Ok(call.await?.len()) })
        }),
        stream: Some(Arc::new(move |plan| {
            let opening = streams.call_server_streaming("stream", plan.into());
            Box::pin(async move {
                let mut items = opening.await?;
                let mut count = 0;
                while let Some(item) = items.next().await {
                    item?;
                    count += 1;
                }
                Ok(count)
            })
        })),
    })
}
