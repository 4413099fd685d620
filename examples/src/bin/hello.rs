//! The smallest whole: a server with one method, a client that calls it.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin hello
//! ```
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use rpcnet::{RpcClient, RpcConfig, RpcServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Every connection is encrypted, so there is no start without certificates. These are for
    // development; `rpcnet certs dev` makes the same ones from the command line.
    let dir = tempfile::tempdir()?;
    let certs = rpcnet::certs::dev_certificates(dir.path())?;

    // The server shows its certificate and proves that it has the key. Port 0 means any that is
    // free; which one it was is in `socket_addr` after `bind`.
    let config = RpcConfig::new(certs.server(), "127.0.0.1:0").with_key_path(certs.server_key());
    let mut server = RpcServer::new(config);
    server
        .register("greet", |name| async move {
            Ok([b"hello, ", &name[..]].concat())
        })
        .await;
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    println!("serving on {address}");

    // `start` runs as long as the server does. A clone of the server can stop it from elsewhere.
    let serving = server.clone();
    let serving = tokio::spawn(async move { serving.start(quic_server).await });

    // The client needs the certificate of the CA that signed the server's, and nothing else.
    // What travels is bytes; which codec makes them is yours to say.
    let config = RpcConfig::new(certs.ca(), "127.0.0.1:0");
    let client = RpcClient::connect(address, config).await?;
    let greeting = client.call("greet", b"world".to_vec()).await?;
    println!("{}", String::from_utf8(greeting)?);

    // Calls that run may finish, for at most this long.
    let report = server.shutdown(std::time::Duration::from_secs(1)).await;
    serving.await??;
    println!("shut down, {} calls cut", report.cut);
    Ok(())
}
