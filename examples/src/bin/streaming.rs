//! The three shapes that stream, all served by `register_streaming`.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin streaming
//! ```
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use async_stream::stream;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{Code, RpcClient, RpcConfig, RpcError, RpcServer};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let certs = rpcnet::certs::dev_certificates(dir.path())?;
    let config = RpcConfig::new(certs.server(), "127.0.0.1:0").with_key_path(certs.server_key());
    let mut server = RpcServer::new(config);
    register(&server).await;
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("not bound")?;
    tokio::spawn(async move { server.start(quic_server).await });

    let client = RpcClient::connect(address, RpcConfig::new(certs.ca(), "127.0.0.1:0")).await?;
    count_down(&client).await?;
    upload(&client).await?;
    chat(&client).await?;
    failure_as_last_item(&client).await
}

async fn register(server: &RpcServer) {
    // One request, many responses. The handler runs no further ahead of its caller than flow
    // control lets it: a caller that reads slowly slows this loop down.
    server
        .register_streaming("count_down", |mut requests| async move {
            stream! {
                let from = requests.next().await.and_then(|request| request.first().copied());
                for number in (1..=from.unwrap_or(0)).rev() {
                    yield Ok(vec![number]);
                }
            }
        })
        .await;

    // Many requests, one response. `requests` ends where the caller ended its stream, and only
    // there: were the upload cut off, this handler would be dropped and never reach its `yield`.
    server
        .register_streaming("upload", |mut requests| async move {
            stream! {
                let mut bytes = 0u64;
                while let Some(chunk) = requests.next().await {
                    bytes += chunk.len() as u64;
                }
                yield Ok(bytes.to_be_bytes().to_vec());
            }
        })
        .await;

    // Both ways at once: the first response leaves before the second request has come.
    server
        .register_streaming("chat", |mut requests| async move {
            stream! {
                while let Some(mut line) = requests.next().await {
                    line.make_ascii_uppercase();
                    yield Ok(line);
                }
            }
        })
        .await;

    // An `Err` ends the call and is the last thing that the caller sees of it.
    server
        .register_streaming("tail", |_requests| async move {
            stream::iter([
                Ok(b"one line".to_vec()),
                Err(RpcError::status(Code::NotFound, "the log was rotated away")),
            ])
        })
        .await;
}

async fn count_down(client: &RpcClient) -> Result<()> {
    let mut numbers = client.call_server_streaming("count_down", vec![3]).await?;
    while let Some(number) = numbers.next().await {
        println!("counting down: {}", number?[0]);
    }
    Ok(())
}

async fn upload(client: &RpcClient) -> Result<()> {
    // An empty message is a message like any other.
    let chunks = stream::iter([vec![1; 60_000], vec![], vec![2; 5_536]]);
    let total = client.call_client_streaming("upload", chunks).await?;
    println!(
        "uploaded: {} bytes",
        u64::from_be_bytes(total.as_slice().try_into()?)
    );
    Ok(())
}

async fn chat(client: &RpcClient) -> Result<()> {
    let lines = stream::iter(["is anybody there?", "goodbye"]).map(|line| line.as_bytes().to_vec());
    let answers: Vec<Vec<u8>> = client
        .call_streaming("chat", lines)
        .await?
        .try_collect()
        .await?;
    for answer in answers {
        println!("chat: {}", String::from_utf8(answer)?);
    }
    Ok(())
}

async fn failure_as_last_item(client: &RpcClient) -> Result<()> {
    let mut lines = client.call_server_streaming("tail", vec![]).await?;
    while let Some(line) = lines.next().await {
        match line {
            Ok(line) => println!("tail: {}", String::from_utf8(line)?),
            Err(RpcError::Status(status)) => {
                println!("tail ended with {:?}: {}", status.code, status.message);
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}
