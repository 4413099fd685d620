//! A server that demands a certificate of its clients, and a handler that reads it.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin mutual_tls
//! ```
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use rpcnet::certs::DevCa;
use rpcnet::{ClientAuth, Code, RpcClient, RpcConfig, RpcError, RpcServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One CA signs everybody: the server, and two clients by different names.
    let dir = tempfile::tempdir()?;
    let file = |name: &str| dir.path().join(name);
    let ca = DevCa::generate("example CA")?;
    ca.write(dir.path())?;
    ca.server(&["localhost"])?.write(dir.path(), "server")?;
    ca.client("billing.internal")?
        .write(dir.path(), "billing")?;
    ca.client("reports.internal")?
        .write(dir.path(), "reports")?;

    // `with_ca_path` alone would verify a certificate where a client presents one. `Required`
    // turns away, in the handshake, whoever has none.
    let config = RpcConfig::new(file("server.pem"), "127.0.0.1:0")
        .with_key_path(file("server-key.pem"))
        .with_ca_path(file("ca.pem"))
        .with_client_auth(ClientAuth::Required);
    let mut server = RpcServer::new(config);

    // TLS says who is calling; what they may do is the handler's decision.
    server
        .register_with_context("invoice", |context, _request| async move {
            let Some(caller) = context.peer_identity() else {
                return Err(RpcError::status(Code::Unauthenticated, "who are you?"));
            };
            if !caller.has_name("billing.internal") {
                return Err(RpcError::status(Code::PermissionDenied, "billing only"));
            }
            Ok(format!("invoice for {}", caller.dns_names().join(", ")).into_bytes())
        })
        .await;
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    tokio::spawn(async move { server.start(quic_server).await });

    // With a key, the first path is the client's own certificate, and the trust root is given
    // apart.
    let named = |stem: &str| {
        RpcConfig::new(file(&format!("{stem}.pem")), "127.0.0.1:0")
            .with_key_path(file(&format!("{stem}-key.pem")))
            .with_ca_path(file("ca.pem"))
    };

    let billing = RpcClient::connect(address, named("billing")).await?;
    let invoice = billing.call("invoice", vec![]).await?;
    println!("billing: {}", String::from_utf8(invoice)?);

    let reports = RpcClient::connect(address, named("reports")).await?;
    match reports.call("invoice", vec![]).await {
        Err(RpcError::Status(status)) if status.code == Code::PermissionDenied => {
            println!("reports: permission denied, {}", status.message);
        }
        other => return Err(format!("expected to be refused, got {other:?}").into()),
    }

    let anonymous = RpcConfig::new(file("ca.pem"), "127.0.0.1:0");
    match RpcClient::connect(address, anonymous).await {
        Err(error @ RpcError::TlsError(_)) => println!("anonymous: {error}"),
        other => return Err(format!("expected a TLS error, got {other:?}").into()),
    }
    Ok(())
}
