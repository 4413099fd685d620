//! A client without the library's manners: it resets at will and does not read.

use crate::group::BoxError;
use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{
    ALPN, FrameLimits, HeaderRef, ResponseEvent, ResponseReader, Settings, StreamKind, encode,
};
use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};
use s2n_quic::client::Connect;
use s2n_quic::connection::Handle;
use s2n_quic::provider::limits::Limits;
use s2n_quic::provider::tls::s2n_tls;
use s2n_quic::stream::{BidirectionalStream, SendStream};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// One connection that has said its SETTINGS and may do anything.
#[derive(Debug)]
pub(crate) struct RawClient {
    handle: Handle,
    next_id: u64,
    /// The connection lives as long as these.
    _control: SendStream,
    _endpoint: s2n_quic::Client,
}

impl RawClient {
    pub(crate) async fn connect(server: SocketAddr, site: &Path) -> Result<Self, BoxError> {
        let tls = s2n_tls::Client::builder()
            .with_application_protocols([ALPN])?
            .with_certificate(site.join("ca.pem").as_path())?
            .build()?;
        let limits = Limits::new()
            .with_data_window(CONNECTION_WINDOW)?
            .with_bidirectional_local_data_window(STREAM_WINDOW)?
            .with_max_open_local_bidirectional_streams(1 << 16)?;
        let endpoint = s2n_quic::Client::builder()
            .with_tls(tls)?
            .with_io("127.0.0.1:0")?
            .with_limits(limits)?
            .start()?;
        let connect = Connect::new(server).with_server_name("localhost");
        let mut connection = endpoint.connect(connect).await?;
        connection.keep_alive(true)?;
        let mut handle = connection.handle();
        let mut control = handle.open_send_stream().await?;
        let mut hello = BytesMut::new();
        encode::stream_kind(&mut hello, StreamKind::Control);
        encode::settings(&mut hello, &Settings::default());
        control.send(hello.freeze()).await?;
        Ok(Self {
            handle,
            next_id: 1,
            _control: control,
            _endpoint: endpoint,
        })
    }

    /// Opens a stream and sends kind and header of a call, nothing more.
    pub(crate) async fn begin(
        &mut self,
        method: &str,
        kind: CallKind,
    ) -> Result<BidirectionalStream, BoxError> {
        let mut stream = self.handle.open_bidirectional_stream().await?;
        let call_id = CallId::new(self.next_id).ok_or("call numbers have run out")?;
        self.next_id += 1;
        let mut head = BytesMut::new();
        encode::stream_kind(&mut head, StreamKind::Call);
        let header = HeaderRef {
            call_id,
            kind,
            codec: CodecId::RAW,
            idempotent: false,
            timeout: Duration::from_secs(60),
            method: &Method::new(method)?,
            trace: None,
            metadata: &Metadata::new(),
            schema: None,
            load_report: false,
        };
        encode::header_ref(&mut head, &header);
        stream.send(head.freeze()).await?;
        Ok(stream)
    }

    /// Sends a whole unary call and leaves the reply unread.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        payload: &[u8],
    ) -> Result<BidirectionalStream, BoxError> {
        let mut stream = self.begin(method, CallKind::Unary).await?;
        let mut message = BytesMut::new();
        encode::message(&mut message, payload);
        encode::end(&mut message);
        stream.send(message.freeze()).await?;
        // W-34: a server that has the whole request may answer and stop the rest, which is
        // the end of the half alone.
        let _ = stream.finish();
        Ok(stream)
    }

    /// Makes a unary call; `None` where the answer is an error.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        payload: &[u8],
    ) -> Result<Option<Bytes>, BoxError> {
        let mut stream = self.ask(method, payload).await?;
        let mut reader = ResponseReader::new(FrameLimits::default(), CallKind::Unary);
        let mut reply = None;
        loop {
            while let Some(event) = reader.next_event()? {
                match event {
                    ResponseEvent::Message(message) => reply = Some(message),
                    ResponseEvent::Load(_) => {}
                    ResponseEvent::End => return Ok(reply),
                    ResponseEvent::Failed(..) => return Ok(None),
                }
            }
            let chunk = stream.receive().await?;
            reader.push(chunk.ok_or("the reply was cut off")?);
        }
    }
}

/// What the library's own clients allow: 256 KiB on a stream, 128 times that on the connection.
const STREAM_WINDOW: u64 = 256 << 10;
const CONNECTION_WINDOW: u64 = 128 * STREAM_WINDOW;
