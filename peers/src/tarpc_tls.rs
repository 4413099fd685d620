//! tarpc over TLS, with bincode.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::server::{BaseChannel, Channel as _};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport};
use tokio::net::TcpListener;
use tokio_util::codec::LengthDelimitedCodec;

use crate::runner::{Caller, Error, announce, local};
use crate::tls;

/// As many calls as the largest race has in flight, and some.
const CALLS_MAX: usize = 2048;

#[tarpc::service]
trait Echo {
    async fn echo(payload: ByteBuf) -> ByteBuf;
}

#[derive(Debug, Clone)]
struct Echoing;

impl Echo for Echoing {
    async fn echo(self, _: context::Context, payload: ByteBuf) -> ByteBuf {
        payload
    }
}

pub(crate) async fn serve(certs: &Path) -> Result<(), Error> {
    let acceptor = tls::acceptor(certs)?;
    let listener = TcpListener::bind(local()).await?;
    announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A connection that fails ends here; the client reports it.
            let Ok(stream) = tls::accept(acceptor, stream).await else {
                return;
            };
            let framed = LengthDelimitedCodec::builder().new_framed(stream);
            let transport = serde_transport::new(framed, Bincode::default());
            let config = tarpc::server::Config {
                pending_response_buffer: CALLS_MAX,
            };
            BaseChannel::new(config, transport)
                .execute(Echoing.serve())
                .for_each(|call| async {
                    tokio::spawn(call);
                })
                .await;
        });
    }
}

pub(crate) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    let stream = tls::connect(addr, certs).await?;
    let framed = LengthDelimitedCodec::builder().new_framed(stream);
    let transport = serde_transport::new(framed, Bincode::default());
    let mut config = client::Config::default();
    config.max_in_flight_requests = CALLS_MAX;
    config.pending_request_buffer = CALLS_MAX;
    let client = EchoClient::new(config, transport).spawn();
    Ok(Caller {
        unary: Arc::new(move |payload| {
            let client = client.clone();
            Box::pin(async move {
                let mut context = context::current();
                context.deadline = Instant::now() + Duration::from_secs(30);
                let reply = client.echo(context, ByteBuf::from(payload)).await?;
                Ok(reply.len())
            })
        }),
        stream: None,
    })
}
