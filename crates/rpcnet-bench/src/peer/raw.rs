//! s2n-quic as it is: what an RPC layer adds is measured against this.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use s2n_quic::provider::limits::Limits;
use s2n_quic::stream::BidirectionalStream;
use s2n_quic::{Client, Server, client::Connect};

use super::{Caller, announce};
use crate::Error;

/// Streams at once: as many as the largest race has in flight, and some.
const STREAMS_MAX: u64 = 2048;

fn limits() -> Result<Limits, Error> {
    Ok(Limits::new()
        .with_max_open_local_bidirectional_streams(STREAMS_MAX)?
        .with_max_open_remote_bidirectional_streams(STREAMS_MAX)?)
}

pub(super) async fn serve(certs: &Path) -> Result<(), Error> {
    let (cert, key) = (certs.join("server.pem"), certs.join("server-key.pem"));
    let mut server = Server::builder()
        .with_tls((cert.as_path(), key.as_path()))?
        .with_io("127.0.0.1:0")?
        .with_limits(limits()?)?
        .start()?;
    announce(server.local_addr()?);
    while let Some(mut connection) = server.accept().await {
        tokio::spawn(async move {
            while let Ok(Some(stream)) = connection.accept_bidirectional_stream().await {
                tokio::spawn(echo(stream));
            }
        });
    }
    Ok(())
}

async fn echo(mut stream: BidirectionalStream) {
    // A stream that fails ends here; the client reports it.
    if let Ok(request) = read_to_end(&mut stream).await
        && stream.send(request).await.is_ok()
    {
        let _ = stream.finish();
    }
}

pub(super) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    let ca = certs.join("ca.pem");
    let client = Client::builder()
        .with_tls(ca.as_path())?
        .with_io("127.0.0.1:0")?
        .with_limits(limits()?)?
        .start()?;
    let target = Connect::new(addr).with_server_name("localhost");
    let mut connection = client.connect(target).await?;
    connection.keep_alive(true)?;
    let handle = connection.handle();
    Ok(Arc::new(move |payload: Bytes| {
        let mut handle = handle.clone();
        Box::pin(async move {
            let mut stream = handle.open_bidirectional_stream().await?;
            stream.send(payload).await?;
            stream.finish()?;
            Ok(read_to_end(&mut stream).await?.len())
        })
    }))
}

async fn read_to_end(stream: &mut BidirectionalStream) -> Result<Bytes, s2n_quic::stream::Error> {
    let first = stream.receive().await?.unwrap_or_default();
    let Some(second) = stream.receive().await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    while let Some(chunk) = stream.receive().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}
