//! s2n-quic as it is: what an RPC layer adds is measured against this.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use s2n_quic::provider::limits::Limits;
use s2n_quic::stream::BidirectionalStream;
use s2n_quic::{Client, Server, client::Connect};
use tokio::sync::OnceCell;

use crate::runner::{Caller, Error, announce, local, stream_plan};

/// The largest request that asks for a stream, whose first four bytes are no echo's.
const PLAN_BYTES: usize = 8;

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
        .with_io(local())?
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
    let Ok(request) = read_to_end(&mut stream).await else {
        return;
    };
    if request.len() != PLAN_BYTES {
        if stream.send(request).await.is_ok() {
            let _ = stream.finish();
        }
        return;
    }
    let (count, size) = stream_plan(&request);
    let mut message = BytesMut::with_capacity(4 + size);
    message.put_u32(size as u32);
    message.put_bytes(7, size);
    let message = message.freeze();
    for _ in 0..count {
        if stream.send(message.clone()).await.is_err() {
            return;
        }
    }
    let _ = stream.finish();
}

pub(super) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    // One socket for all connections, as an application has it.
    static CLIENT: OnceCell<Client> = OnceCell::const_new();
    let made = async || -> Result<Client, Error> {
        Ok(Client::builder()
            .with_tls(certs.join("ca.pem").as_path())?
            .with_io(local())?
            .with_limits(limits()?)?
            .start()?)
    };
    let client = CLIENT.get_or_try_init(made).await?;
    let target = Connect::new(addr).with_server_name("localhost");
    let mut connection = client.connect(target).await?;
    connection.keep_alive(true)?;
    let handle = connection.handle();
    let streams = handle.clone();
    Ok(Caller {
        unary: Arc::new(move |payload: Bytes| {
            let mut handle = handle.clone();
            Box::pin(async move {
                let mut stream = handle.open_bidirectional_stream().await?;
                stream.send(payload).await?;
                stream.finish()?;
                Ok(read_to_end(&mut stream).await?.len())
            })
        }),
        stream: Some(Arc::new(move |plan: Bytes| {
            let mut handle = streams.clone();
            Box::pin(async move {
                let mut stream = handle.open_bidirectional_stream().await?;
                stream.send(plan).await?;
                stream.finish()?;
                let (mut read, mut count) = (BytesMut::new(), 0);
                while let Some(chunk) = stream.receive().await? {
                    read.extend_from_slice(&chunk);
                    while let Some(length) = read.first_chunk() {
                        let whole = 4 + u32::from_be_bytes(*length) as usize;
                        if read.len() < whole {
                            break;
                        }
                        read.advance(whole);
                        count += 1;
                    }
                }
                Ok(count)
            })
        })),
    })
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
