//! The server that clients in other languages are tested against.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin interop_server -- --certs certs
//! ```
//!
//! It makes development certificates in the folder, prints its address, and serves until its
//! standard input ends or a client calls `Interop.drain`.
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use rpcnet::certs::DevCa;
use rpcnet::{ClientAuth, RpcConfig, RpcServer};
use rpcnet_examples::Outcome;
use rpcnet_examples::interop::{InteropServer, Wards};
use tokio::sync::oneshot;

/// A service that shows every way in which a call can go.
#[derive(Parser)]
struct Cli {
    /// Where to listen; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    address: SocketAddr,
    /// The folder of the certificates: those of a CA, a server `localhost` and a client
    /// `interop-client`, which are made where there are none.
    #[arg(long)]
    certs: PathBuf,
    /// Demand a certificate of every client.
    #[arg(long)]
    mutual: bool,
    /// How many calls a connection may run at once.
    #[arg(long, default_value_t = 100)]
    calls_max: usize,
    /// The longest message, in bytes.
    #[arg(long, default_value_t = 4 << 20)]
    message_bytes_max: usize,
    /// How often clients are to show that they are there, in milliseconds.
    #[arg(long)]
    keep_alive_ms: Option<u64>,
}

#[tokio::main]
async fn main() -> Outcome {
    let cli = Cli::parse();
    let mut server = RpcServer::new(config(&cli)?);
    let (wards, mut drained) = Wards::new();
    server.add_service(InteropServer::service(wards));
    server
        .register("raw.reverse", |bytes| async move {
            Ok(bytes.into_iter().rev().collect())
        })
        .await;
    let quic_server = server.bind()?;
    println!("serving on {}", server.socket_addr.ok_or("not bound")?);

    let serving = server.clone();
    let serving = tokio::spawn(async move { serving.start(quic_server).await });
    let (ended, starter_is_gone) = oneshot::channel();
    // A thread, because the runtime would wait for a read of its own before it lets go.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let grace = tokio::select! {
        grace = drained.recv() => grace.unwrap_or_default(),
        _ = starter_is_gone => Duration::ZERO,
    };
    println!("draining");
    let report = server.shutdown(grace).await;
    serving.await??;
    println!("shut down, {} calls cut", report.cut);
    Ok(())
}

fn config(cli: &Cli) -> Outcome<RpcConfig> {
    let file = |name| cli.certs.join(name);
    if !file("server.pem").exists() {
        std::fs::create_dir_all(&cli.certs)?;
        let ca = DevCa::generate("interop CA")?;
        ca.write(&cli.certs)?;
        ca.client("interop-client")?.write(&cli.certs, "client")?;
        // The last one, because it is what says that all are there.
        ca.server(&["localhost", "127.0.0.1", "::1"])?
            .write(&cli.certs, "server")?;
    }
    let mut config = RpcConfig::new(file("server.pem"), cli.address.to_string())
        .with_key_path(file("server-key.pem"))
        .with_max_calls(cli.calls_max, 10 * cli.calls_max)
        .with_max_message_bytes(cli.message_bytes_max);
    if let Some(interval) = cli.keep_alive_ms {
        config = config.with_keep_alive_interval(Duration::from_millis(interval));
    }
    if cli.mutual {
        config = config
            .with_ca_path(file("ca.pem"))
            .with_client_auth(ClientAuth::Required);
    }
    Ok(config)
}
