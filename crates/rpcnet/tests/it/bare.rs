//! QUIC peers that do exactly what a test tells them, without the library.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{
    self, FrameLimits, Header, ResponseEvent, ResponseReader, Settings, StreamKind, encode,
};
use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};
use s2n_quic::client::Connect;
use s2n_quic::connection::{Connection, Error, Handle, StreamAcceptor};
use s2n_quic::provider::tls::s2n_tls;
use s2n_quic::stream::{BidirectionalStream, SendStream};

use crate::pair::soon;

pub(crate) const LIMITS: FrameLimits = FrameLimits {
    message_bytes_max: 4 << 20,
    header_bytes_max: 8 << 10,
};

/// A client that speaks the wire protocol by hand, and never gives up by itself.
pub(crate) struct BareClient {
    pub(crate) handle: Handle,
    pub(crate) control: SendStream,
    pub(crate) acceptor: StreamAcceptor,
    _endpoint: s2n_quic::Client,
}

/// Makes a handshake that offers these protocols.
pub(crate) async fn dial(
    address: SocketAddr,
    ca: &Path,
    protocol: &[u8],
) -> Result<(Connection, s2n_quic::Client), Error> {
    let tls = s2n_tls::Client::builder()
        .with_certificate(ca)
        .unwrap()
        .with_application_protocols([protocol])
        .unwrap()
        .build()
        .unwrap();
    let endpoint = s2n_quic::Client::builder()
        .with_tls(tls)
        .unwrap()
        .with_io("127.0.0.1:0")
        .unwrap()
        .start()
        .unwrap();
    let target = Connect::new(address).with_server_name("localhost");
    let connection = soon("the handshake", endpoint.connect(target)).await?;
    Ok((connection, endpoint))
}

impl BareClient {
    /// Connects and sends its settings.
    pub(crate) async fn ready(address: SocketAddr, ca: &Path) -> Self {
        let (connection, endpoint) = dial(address, ca, wire::ALPN).await.unwrap();
        let (mut handle, acceptor) = connection.split();
        let mut control = handle.open_send_stream().await.unwrap();
        control.send(settings(&Settings::default())).await.unwrap();
        Self {
            handle,
            control,
            acceptor,
            _endpoint: endpoint,
        }
    }

    /// Opens a call and sends its header.
    pub(crate) async fn open(&mut self, header: &Header) -> BidirectionalStream {
        let mut call = self.handle.open_bidirectional_stream().await.unwrap();
        let mut frames = BytesMut::new();
        encode::stream_kind(&mut frames, StreamKind::Call);
        encode::header(&mut frames, header);
        call.send(frames.freeze()).await.unwrap();
        call
    }
}

/// The first bytes of a control stream.
pub(crate) fn settings(settings: &Settings) -> Bytes {
    let mut frames = BytesMut::new();
    encode::stream_kind(&mut frames, StreamKind::Control);
    encode::settings(&mut frames, settings);
    frames.freeze()
}

/// A unary call's header.
pub(crate) fn header(call_id: u64, method: &str, timeout: Duration) -> Header {
    Header {
        call_id: CallId::new(call_id).unwrap(),
        kind: CallKind::Unary,
        codec: CodecId::RAW,
        idempotent: false,
        timeout,
        method: Method::new(method).unwrap(),
        trace: None,
        metadata: Metadata::new(),
    }
}

/// One message and the end of the requests.
pub(crate) fn message_and_end(body: &[u8]) -> Bytes {
    let mut frames = BytesMut::new();
    encode::message(&mut frames, body);
    encode::end(&mut frames);
    frames.freeze()
}

/// Reads a response to its end: the messages, and the event that ended it, if any.
pub(crate) async fn read_response(
    call: &mut BidirectionalStream,
) -> (Vec<Bytes>, Option<ResponseEvent>) {
    let mut reader = ResponseReader::new(LIMITS, CallKind::Bidirectional);
    let mut messages = Vec::new();
    loop {
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ResponseEvent::Message(message) => messages.push(message),
                last => return (messages, Some(last)),
            }
        }
        match soon("a response", call.receive()).await {
            Ok(Some(chunk)) => reader.push(chunk),
            Ok(None) | Err(_) => return (messages, None),
        }
    }
}
