//! Every snippet of the concept page, as the page writes it.
//!
//! The page is the contract of the names used here, so the snippets are not reformatted, and what
//! rustc and clippy would have written otherwise is let be. They name their certificates by
//! relative paths: this program moves to a directory that has a `certs/` before it runs any of
//! them, which is why it has a single test.
//!
//! Two snippets name port 8080. The one that configures a server binds nothing and runs as it is.
//! The one that connects would meet whatever listens there, so it is compiled as it is and run with
//! the address of the server that this test started; that is its only difference.
#![cfg(all(feature = "bincode", feature = "dev-certs"))]
#![expect(
    clippy::unwrap_used,
    reason = "the page unwraps, and a test fails by panicking"
)]
#![expect(clippy::print_stdout, reason = "the page prints what it receives")]
#![expect(clippy::print_stderr, reason = "the page prints what goes wrong")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rpcnet::certs::DevCa;
use rpcnet::cluster::{ClusterConfig, ClusterMembership, HealthConfig};
use rpcnet::{RpcClient, RpcConfig, RpcError, RpcServer};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::test]
async fn every_snippet_of_the_concept_page_runs_as_written() -> Outcome {
    let dir = tempfile::tempdir()?;
    rpcnet::certs::dev_certificates(dir.path().join("certs"))?;
    std::env::set_current_dir(dir.path())?;

    creating_the_server();
    let mut server = RpcServer::new(configuration());
    registering_unary_handlers(&mut server).await;
    registering_streaming_handlers(&mut server).await;
    implementing_streaming_handlers(&mut server).await;
    what_the_page_calls_without_showing(&server).await;

    let bound = server.clone();
    let (announce, announced) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(async move { binding_and_starting(server, announce).await });
    let address = announced.await?;

    let client = connecting(address).await?;
    error_handling(&client).await;
    unary_calls(&client).await?;
    bidirectional(&client).await?;
    server_streaming(&client).await?;
    client_streaming(&client).await?;
    uppercase_answers_in_uppercase(&client).await?;
    concurrent_calls(client).await;

    let (worker, caller) = cluster_of_two().await?;
    node_registry(caller.clone()).await;
    worker_registry(caller.clone()).await?;
    health_checking(caller.clone(), HealthConfig::default()).await;
    cluster_client(caller, member("caller"), b"21".to_vec()).await?;
    assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());

    graceful_shutdown().await?;
    assert!(bound.shutdown(Duration::from_secs(5)).await.is_clean());
    Ok(serving.await??)
}

/// "Configuration"
#[rustfmt::skip]
#[expect(clippy::let_and_return, reason = "the page binds it")]
fn configuration() -> RpcConfig {
use rpcnet::RpcConfig;

let config = RpcConfig::new("certs/server.pem", "127.0.0.1:0")
    .with_key_path("certs/server-key.pem")
    .with_server_name("localhost")
    .with_keep_alive_interval(std::time::Duration::from_secs(30));
config
}

/// "Error Handling"
#[rustfmt::skip]
async fn error_handling(client: &RpcClient) {
match client.call("ping", vec![]).await {
    Ok(bytes) => println!("pong: {}", String::from_utf8_lossy(&bytes)),
    Err(rpcnet::RpcError::Timeout) => eprintln!("server took too long"),
    Err(other) => eprintln!("unhandled rpc error: {other}")
}
}

/// "Creating the Server"
#[rustfmt::skip]
fn creating_the_server() {
use rpcnet::{RpcServer, RpcConfig};

let config = RpcConfig::new("certs/server.pem", "127.0.0.1:8080")
    .with_key_path("certs/server-key.pem")
    .with_server_name("localhost");
let mut server = RpcServer::new(config);
// The page goes on with `&mut server`; here it is only let go of, unbound.
let _ = &mut server;
}

/// "Registering Unary Handlers"
#[rustfmt::skip]
async fn registering_unary_handlers(server: &mut RpcServer) {
use rpcnet::{RpcError, RpcServer};

server.register("add", |params| async move {
    let (a, b): (i32, i32) = bincode::deserialize(&params)
        .map_err(RpcError::SerializationError)?;
    let sum = a + b;
    Ok(bincode::serialize(&sum)? )
}).await;

// The page's import of a name that its snippet leaves unused.
let _: Option<RpcServer> = None;
}

/// "Registering Streaming Handlers"
#[rustfmt::skip]
async fn registering_streaming_handlers(server: &mut RpcServer) {
use async_stream::stream;
use futures::StreamExt;

server.register_streaming("echo_stream", |mut reqs| async move {
    stream! {
        while let Some(payload) = reqs.next().await {
            yield Ok(payload); // echo back exactly what we received
        }
    }
}).await;
}

/// The handlers behind the methods that the page's client snippets call.
async fn what_the_page_calls_without_showing(server: &RpcServer) {
    server
        .register("ping", |_| async { Ok(b"alive".to_vec()) })
        .await;
    server.register("first", |_| async { Ok(vec![1]) }).await;
    server.register("second", |_| async { Ok(vec![2]) }).await;
    server
        .register_streaming("chat", |requests| async move { requests.map(Ok) })
        .await;
    server
        .register_streaming("list_items", |_| async {
            futures::stream::iter([Ok(b"item".to_vec()), Ok(vec![])])
        })
        .await;
    server
        .register_streaming("upload", |requests| async move {
            let all = requests.concat();
            futures::stream::once(async move { Ok(all.await) })
        })
        .await;
}

/// "Binding and Starting"; between the page's second line and its third, the test learns the
/// address.
#[rustfmt::skip]
async fn binding_and_starting(
    mut server: RpcServer,
    announce: tokio::sync::oneshot::Sender<SocketAddr>,
) -> Result<(), RpcError> {
let quic_server = server.bind()?;
println!("listening on {}", server.socket_addr.unwrap());
announce.send(server.socket_addr.unwrap()).unwrap();
server.start(quic_server).await?;
Ok(())
}

/// "Graceful Shutdown", which the page describes in words: the `start` future in a `select!` with
/// a signal.
async fn graceful_shutdown() -> Outcome {
    let mut server = RpcServer::new(configuration());
    let quic_server = server.bind()?;
    let signal = tokio::task::yield_now();
    tokio::select! {
        ended = server.start(quic_server) => ended?,
        () = signal => {}
    }
    Ok(())
}

/// "Connecting", as it is written; see the head of this file.
#[rustfmt::skip]
#[expect(dead_code, reason = "compiled only: the port is not ours")]
async fn connecting_as_written() -> Result<RpcClient, RpcError> {
use rpcnet::{RpcClient, RpcConfig};
use std::net::SocketAddr;

let config = RpcConfig::new("certs/ca.pem", "127.0.0.1:0")
    .with_server_name("localhost");
let server_addr: SocketAddr = "127.0.0.1:8080".parse().unwrap();
let client = RpcClient::connect(server_addr, config).await?;
Ok(client)
}

/// "Connecting", to the server of this test.
async fn connecting(server_addr: SocketAddr) -> Result<RpcClient, RpcError> {
    let config = RpcConfig::new("certs/ca.pem", "127.0.0.1:0").with_server_name("localhost");
    RpcClient::connect(server_addr, config).await
}

/// "Unary Calls"
#[rustfmt::skip]
async fn unary_calls(client: &RpcClient) -> Outcome {
let payload = bincode::serialize(&(21, 21))?;
let response = client.call("add", payload).await?;
let result: i32 = bincode::deserialize(&response)?;
assert_eq!(result, 42);
Ok(())
}

/// "Concurrent Calls"
#[rustfmt::skip]
async fn concurrent_calls(client: RpcClient) {
use std::sync::Arc;
use tokio::join;

let client = Arc::new(client);
let (a, b) = join!(
    client.clone().call("first", vec![]),
    client.clone().call("second", vec![])
);
assert_eq!((a.unwrap(), b.unwrap()), (vec![1], vec![2]));
}

/// "Bidirectional"
#[rustfmt::skip]
async fn bidirectional(client: &RpcClient) -> Outcome {
use futures::stream;
use futures::StreamExt;

let requests = stream::iter(vec![
    b"hello".to_vec(),
    b"world".to_vec(),
]);

let responses = client.call_streaming("chat", requests).await?;
let mut responses = Box::pin(responses);
while let Some(frame) = responses.next().await {
    println!("response: {:?}", frame?);
}
Ok(())
}

/// "Server Streaming"
#[rustfmt::skip]
async fn server_streaming(client: &RpcClient) -> Outcome {
use futures::StreamExt;

let stream = client.call_server_streaming("list_items", Vec::new()).await?;
let mut stream = Box::pin(stream);
while let Some(frame) = stream.next().await {
    println!("item: {:?}", frame?);
}
Ok(())
}

/// "Client Streaming"
#[rustfmt::skip]
async fn client_streaming(client: &RpcClient) -> Outcome {
use futures::stream;

let uploads = stream::iter(vec![b"chunk-a".to_vec(), b"chunk-b".to_vec()]);
let digest = client.call_client_streaming("upload", uploads).await?;
println!("digest bytes: {digest:?}");
assert_eq!(digest, b"chunk-achunk-b");
Ok(())
}

/// "Implementing Streaming Handlers"
#[rustfmt::skip]
async fn implementing_streaming_handlers(server: &mut RpcServer) {
use async_stream::stream;
use futures::StreamExt;

server.register_streaming("uppercase", |mut reqs| async move {
    stream! {
        while let Some(bytes) = reqs.next().await {
            let mut owned = bytes.clone();
            owned.make_ascii_uppercase();
            yield Ok(owned);
        }
    }
}).await;
}

/// What the page's two streaming handlers answer.
async fn uppercase_answers_in_uppercase(client: &RpcClient) -> Outcome {
    for (method, expected) in [("uppercase", b"HELLO"), ("echo_stream", b"hello")] {
        let requests = futures::stream::iter([b"hello".to_vec()]);
        let mut responses = client.call_streaming(method, requests).await?;
        assert_eq!(
            responses.next().await.transpose()?.as_deref(),
            Some(&expected[..])
        );
        assert!(responses.next().await.is_none());
    }
    Ok(())
}

/// What the page's cluster snippets take for granted: a worker that serves `compute`, and a member
/// of the same cluster that runs the snippets.
async fn cluster_of_two() -> Result<(RpcServer, Arc<ClusterMembership>), Box<dyn Error>> {
    let ca = DevCa::load("certs")?;
    for name in ["worker", "caller"] {
        ca.node(&[name])?.write("certs", name)?;
    }
    let mut server = RpcServer::new(member("worker"));
    server
        .register("compute", |data| async move {
            Ok([&data[..], b" * 2"].concat())
        })
        .await;
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    let config = ClusterConfig::local();
    let tagged = config
        .clone()
        .with_tag("role", "worker")
        .with_tag("gpu", "a100");
    server.enable_cluster(tagged).await?;
    let serving = server.clone();
    tokio::spawn(async move { serving.start(quic_server).await });

    let caller = ClusterMembership::new(member("caller"), config).await?;
    caller.join([address]).await?;
    Ok((server, caller))
}

fn member(name: &str) -> RpcConfig {
    RpcConfig::new(format!("certs/{name}.pem"), "127.0.0.1:0")
        .with_key_path(format!("certs/{name}-key.pem"))
        .with_ca_path("certs/ca.pem")
}

/// "NodeRegistry"
#[rustfmt::skip]
async fn node_registry(cluster: Arc<ClusterMembership>) {
use rpcnet::cluster::NodeRegistry;

let registry = NodeRegistry::new(cluster);
let gpu_workers = registry.nodes_with_tag("gpu").await;
assert_eq!(gpu_workers.len(), 1);
assert_eq!(gpu_workers[0].name().as_str(), "worker");
}

/// "WorkerRegistry"
#[rustfmt::skip]
async fn worker_registry(cluster: Arc<ClusterMembership>) -> Outcome {
use rpcnet::cluster::{WorkerRegistry, LoadBalancingStrategy};

let registry = WorkerRegistry::new(
    cluster,
    LoadBalancingStrategy::LeastConnections
);
registry.start().await;

let worker = registry.select_worker(Some("role=worker")).await?;
assert_eq!((worker.name().as_str(), worker.in_flight()), ("worker", 1));
Ok(())
}

/// "Health Checking"
#[rustfmt::skip]
async fn health_checking(cluster: Arc<ClusterMembership>, config: HealthConfig) {
use rpcnet::cluster::HealthChecker;

let health = HealthChecker::new(cluster, config);
health.start().await;

// Automatically marks nodes as failed/recovered
assert!(health.is_reachable("worker"));
}

/// "ClusterClient"; the page leaves out where `Arc` is from.
#[rustfmt::skip]
async fn cluster_client(
    cluster: Arc<ClusterMembership>,
    config: RpcConfig,
    data: Vec<u8>,
) -> Outcome {
use rpcnet::cluster::{ClusterClient, WorkerRegistry, LoadBalancingStrategy};

let registry = Arc::new(WorkerRegistry::new(
    cluster,
    LoadBalancingStrategy::LeastConnections
));
registry.start().await;

let client = Arc::new(ClusterClient::new(registry, config));

// Call any worker in the pool
let result = client.call_worker("compute", data, Some("role=worker")).await?;
assert_eq!(result, b"21 * 2");
Ok(())
}
