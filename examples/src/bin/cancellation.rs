//! Deadlines and cancellation, through two servers: a front that calls a store.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin cancellation
//! ```
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use rpcnet::certs::DevCerts;
use rpcnet::{CallOptions, RpcClient, RpcConfig, RpcServer};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let certs = rpcnet::certs::dev_certificates(dir.path())?;
    // What the store's handler goes through, for this program to wait for and print.
    let (events, mut seen) = mpsc::channel(16);

    let store = serve_store(&certs, events).await?;
    let front = serve_front(&certs, store).await?;
    let client = connect(&certs, front).await?;

    // A deadline. It travels from here to the front and from there to the store: the front never
    // mentions it, calls made in a handler inherit what is left of the handler's own.
    let options = CallOptions::new().with_timeout(Duration::from_millis(500));
    let outcome = client.call_with("report", vec![], options).await;
    println!(
        "caller: {}",
        outcome.err().ok_or("the query cannot have ended")?
    );
    println!("store: {}", seen.recv().await.ok_or("no event")?);
    println!("store: {}", seen.recv().await.ok_or("no event")?);

    // A cancellation, which is what dropping a call's future is. `select!` drops the loser.
    // No deadline is near: the store hears of it because the front's handler is dropped, and
    // with it the call that the front was making.
    tokio::select! {
        _ = client.call("report", vec![]) => return Err("the query cannot have ended".into()),
        event = seen.recv() => println!("store: {}", event.ok_or("no event")?),
    }
    println!("caller: lost interest");
    println!("store: {}", seen.recv().await.ok_or("no event")?);

    // The connections are as good as new.
    let answer = client.call("ping", vec![]).await?;
    println!("caller: {}", String::from_utf8(answer)?);
    Ok(())
}

/// A store whose one query never ends by itself.
async fn serve_store(
    certs: &DevCerts,
    events: mpsc::Sender<&'static str>,
) -> Result<SocketAddr, Box<dyn Error>> {
    let server = RpcServer::new(server_config(certs));
    server
        .register_with_context("query", move |context, _| {
            let events = events.clone();
            async move {
                let has_short_deadline = context.remaining() <= Duration::from_millis(500);
                let _ = events
                    .send(match has_short_deadline {
                        true => "a query with a deadline inherited from the caller begins",
                        false => "a query begins",
                    })
                    .await;
                // No code follows the wait that could tell how it ended; what a handler has to
                // tidy up, it leaves to the drop of a value.
                let _tidy = OnDrop(events);
                std::future::pending().await
            }
        })
        .await;
    start(server)
}

/// Tells that the handler was dropped.
struct OnDrop(mpsc::Sender<&'static str>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // Full or closed, there is nobody left to tell.
        let _ = self.0.try_send("the query was dropped");
    }
}

async fn serve_front(certs: &DevCerts, store: SocketAddr) -> Result<SocketAddr, Box<dyn Error>> {
    let store = connect(certs, store).await?;
    let server = RpcServer::new(server_config(certs));
    server
        .register("report", move |_| {
            let query = store.clone();
            async move { query.call("query", vec![]).await }
        })
        .await;
    server
        .register("ping", |_| async { Ok(b"pong".to_vec()) })
        .await;
    start(server)
}

fn server_config(certs: &DevCerts) -> RpcConfig {
    RpcConfig::new(certs.server(), "127.0.0.1:0").with_key_path(certs.server_key())
}

fn start(mut server: RpcServer) -> Result<SocketAddr, Box<dyn Error>> {
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    tokio::spawn(async move { server.start(quic_server).await });
    Ok(address)
}

async fn connect(certs: &DevCerts, address: SocketAddr) -> Result<RpcClient, Box<dyn Error>> {
    Ok(RpcClient::connect(address, RpcConfig::new(certs.ca(), "127.0.0.1:0")).await?)
}
