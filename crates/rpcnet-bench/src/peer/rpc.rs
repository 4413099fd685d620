//! This library, with its defaults; on shared buffers, as the peers that have them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpcnet::{Batching, CallOptions, Profile, RpcClient, RpcConfig, RpcServer};

use crate::load::Shape;
use crate::runner::{Caller, Error, announce, local, stream_plan};

/// How it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Not at all.
    Default,
    /// Each call has a stream of its own.
    NoBatches,
    /// For long messages, on a path that carries jumbo packets.
    Jumbo,
    /// For connections that are mostly idle.
    ManyConnections,
    /// A server for each of two threads, and a client with a socket of its own for each of
    /// four connections.
    Sharded,
    /// No calls are counted.
    Uncounted,
}

/// Servers of [`Setup::Sharded`], and connections of its client.
const SHARDS: usize = 2;
const SHARD_CLIENTS: usize = 4;

impl Setup {
    fn apply(self, config: RpcConfig) -> RpcConfig {
        match self {
            Self::Default => config,
            Self::NoBatches => config.with_batching(Batching::Never),
            Self::Jumbo => config
                .with_profile(Profile::Throughput)
                .with_jumbo_packets(),
            Self::ManyConnections => config.with_profile(Profile::ManyConnections),
            Self::Sharded => config.with_shared_port().with_own_socket(),
            Self::Uncounted => config.with_metrics(false),
        }
    }
}

/// A service whose messages are written and read.
#[rpcnet::service]
pub(crate) trait Texts {
    /// The same text.
    async fn echo(&self, text: String) -> Result<String, String>;
}

struct Echo;

impl TextsHandler for Echo {
    async fn echo(&self, text: String) -> Result<String, String> {
        Ok(text)
    }
}

pub(super) async fn serve(certs: &Path, setup: Setup) -> Result<(), Error> {
    let (server, quic_server) = bind(certs, setup, local()).await?;
    let addr = quic_server.local_addr()?;
    if setup == Setup::Sharded {
        drop((server, quic_server));
        for _ in 1..SHARDS {
            let certs = certs.to_owned();
            std::thread::spawn(move || shard(&certs, addr));
        }
        announce(addr);
        let certs = certs.to_owned();
        return tokio::task::spawn_blocking(move || shard(&certs, addr)).await?;
    }
    announce(addr);
    Ok(server.start(quic_server).await?)
}

/// One of the servers of a port, on a runtime of one thread.
fn shard(certs: &Path, addr: SocketAddr) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (server, quic_server) = bind(certs, Setup::Sharded, addr).await?;
        Ok(server.start(quic_server).await?)
    })
}

/// The server, with its handlers and its socket.
pub(crate) async fn bind(
    certs: &Path,
    setup: Setup,
    addr: SocketAddr,
) -> Result<(RpcServer, s2n_quic::Server), Error> {
    let config = RpcConfig::new(certs.join("server.pem"), addr.to_string())
        .with_key_path(certs.join("server-key.pem"));
    let mut server = RpcServer::new(setup.apply(config));
    server
        .register_bytes("echo", |_, payload| async move { Ok(payload) })
        .await;
    server
        .register_streaming_bytes("stream", |_, mut requests| async move {
            let plan = requests.next_bytes().await.and_then(Result::ok);
            let (count, size) = stream_plan(&plan.unwrap_or_default());
            let message = Bytes::from(vec![7; size]);
            futures::stream::iter((0..count).map(move |_| Ok(message.clone())))
        })
        .await;
    server.add_service(TextsServer::service(Echo));
    let quic_server = server.bind()?;
    Ok((server, quic_server))
}

/// As [`connect`], to call a method with a text, by the client that is generated for it.
pub(crate) async fn connect_typed(
    addr: SocketAddr,
    certs: &Path,
    setup: Setup,
) -> Result<Caller, Error> {
    let config = setup.apply(RpcConfig::new(certs.join("ca.pem"), local().to_string()));
    let texts = TextsClient::new(RpcClient::connect(addr, config).await?);
    Ok(Caller {
        unary: Arc::new(move |payload| {
            // One byte less than the payload has: its length travels along.
            let text = "t".repeat(payload.len() - 1);
            let call = texts.echo(text);
            Box::pin(async move { Ok(call.await?.len() + 1) })
        }),
        stream: None,
    })
}

pub(crate) async fn connect(
    addr: SocketAddr,
    certs: &Path,
    setup: Setup,
    shape: Shape,
) -> Result<Caller, Error> {
    let config = RpcConfig::new(certs.join("ca.pem"), local().to_string())
        .with_keep_alive_interval(Duration::from_secs(5));
    let config = setup.apply(config);
    let client = match shape {
        // It connects with the call, which is all that somebody wants who has one to make.
        Shape::Connect => RpcClient::new(addr, config.clone())?,
        _ => RpcClient::connect(addr, config.clone()).await?,
    };
    let streams = client.clone();
    let mut clients = vec![client];
    if setup == Setup::Sharded {
        for _ in 1..SHARD_CLIENTS {
            clients.push(RpcClient::connect(addr, config.clone()).await?);
        }
    }
    let turn = AtomicUsize::new(0);
    Ok(Caller {
        unary: Arc::new(move |payload| {
            let client = match clients.as_slice() {
                [only] => only,
                all => &all[turn.fetch_add(1, Ordering::Relaxed) % all.len()],
            };
            let call = client.call_bytes("echo", payload, CallOptions::new());
            Box::pin(async move { Ok(call.await?.len()) })
        }),
        stream: Some(Arc::new(move |plan| {
            let plan = futures::stream::iter([plan]);
            let opening = streams.call_streaming_bytes("stream", plan, CallOptions::new());
            Box::pin(async move {
                let mut items = opening.await?;
                let mut count = 0;
                while let Some(item) = items.next_bytes().await {
                    item?;
                    count += 1;
                }
                Ok(count)
            })
        })),
    })
}
