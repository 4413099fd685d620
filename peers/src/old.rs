//! rpcnet 0.1.0, as its page says to use it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rpcnet_0_1::{RpcClient, RpcConfig, RpcServer};

use crate::runner::{Caller, Error, announce, local, stream_plan};

pub(crate) async fn serve(certs: &Path) -> Result<(), Error> {
    let config = RpcConfig::new(certs.join("server.pem"), local().to_string())
        .with_key_path(certs.join("server-key.pem"))
        .with_server_name("localhost");
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

pub(crate) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    let config = RpcConfig::new(certs.join("ca.pem"), local().to_string())
        .with_server_name("localhost")
        .with_keep_alive_interval(Duration::from_secs(5));
    let client = Arc::new(RpcClient::connect(addr, config).await?);
    let streams = client.clone();
    Ok(Caller {
        unary: Arc::new(move |payload| {
            let client = client.clone();
            Box::pin(async move { Ok(client.call("echo", payload.into()).await?.len()) })
        }),
        stream: Some(Arc::new(move |plan| {
            let client = streams.clone();
            Box::pin(async move {
                let items = client.call_server_streaming("stream", plan.into()).await?;
                let mut items = Box::pin(items);
                let mut count = 0;
                while let Some(item) = items.next().await {
                    item.map_err(|error| format!("{error:?}"))?;
                    count += 1;
                }
                Ok(count)
            })
        })),
    })
}
