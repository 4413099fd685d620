//! tonic over TLS, with a codec that hands the bytes through.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt;
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{NamedService, ServerStreamingService, UnaryService};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use crate::runner::{Caller, Error, announce, local, stream_plan};

/// The largest message of the race, and some.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

#[derive(Debug, Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let len = src.remaining();
        Ok(Some(src.copy_to_bytes(len)))
    }
}

#[derive(Debug, Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "bench.Echo";
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Answer<Bytes>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        Box::pin(async move { Ok(Response::new(request.into_inner())) })
    }
}

type Items = Pin<Box<dyn futures::Stream<Item = Result<Bytes, Status>> + Send>>;

impl ServerStreamingService<Bytes> for Echo {
    type Response = Bytes;
    type ResponseStream = Items;
    type Future = Answer<Items>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        Box::pin(async move {
            let (count, size) = stream_plan(request.get_ref());
            let message = Bytes::from(vec![7; size]);
            let items = futures::stream::iter((0..count).map(move |_| Ok(message.clone())));
            Ok(Response::new(items.boxed()))
        })
    }
}

impl tower_service::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Raw)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            Ok(match request.uri().path() {
                "/bench.Echo/Stream" => grpc.server_streaming(Self, request).await,
                _ => grpc.unary(Self, request).await,
            })
        })
    }
}

pub(crate) async fn serve(certs: &Path) -> Result<(), Error> {
    let pem = |name: &str| std::fs::read(certs.join(name));
    let identity = Identity::from_pem(pem("server.pem")?, pem("server-key.pem")?);
    let listener = TcpListener::bind(local()).await?;
    announce(listener.local_addr()?);
    // Given its connections, the builder leaves their options as they are.
    let incoming = TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    });
    Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))?
        .add_service(Echo)
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

pub(crate) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    let ca = Certificate::from_pem(std::fs::read(certs.join("ca.pem"))?);
    let tls = ClientTlsConfig::new()
        .ca_certificate(ca)
        .domain_name("localhost");
    let channel = Channel::from_shared(format!("https://{addr}"))?
        .tcp_nodelay(true)
        .tls_config(tls)?
        .connect()
        .await?;
    let client = move || {
        tonic::client::Grpc::new(channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    };
    let streams = client.clone();
    Ok(Caller {
        unary: Arc::new(move |payload| {
            let mut client = client();
            Box::pin(async move {
                client.ready().await?;
                let path = PathAndQuery::from_static("/bench.Echo/Unary");
                let reply = client.unary(Request::new(payload), path, Raw).await?;
                Ok(reply.into_inner().len())
            })
        }),
        stream: Some(Arc::new(move |plan| {
            let mut client = streams();
            Box::pin(async move {
                client.ready().await?;
                let path = PathAndQuery::from_static("/bench.Echo/Stream");
                let reply = client
                    .server_streaming(Request::new(plan), path, Raw)
                    .await?;
                let mut items = reply.into_inner();
                let mut count = 0;
                while let Some(item) = items.next().await {
                    item?;
                    count += 1;
                }
                Ok(count)
            })
        })),
    })
}
