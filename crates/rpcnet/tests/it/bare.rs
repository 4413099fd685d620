//! QUIC peers that do exactly what a test tells them, without the library.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rpcnet_proto::wire::{
    self, ControlEvent, ControlReader, FrameLimits, Header, RequestEvent, RequestReader,
    ResponseEvent, ResponseReader, Settings, StreamKind, encode,
};
use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};
use s2n_quic::client::Connect;
use s2n_quic::connection::{Connection, Error, Handle, StreamAcceptor};
use s2n_quic::provider::limits::Limits;
use s2n_quic::provider::tls::s2n_tls;
use s2n_quic::stream::{BidirectionalStream, ReceiveStream, SendStream};
use tokio::sync::watch;

use crate::pair::{Certs, soon};
use crate::probe::Probe;

pub(crate) const LIMITS: FrameLimits = FrameLimits {
    message_bytes_max: 4 << 20,
    header_bytes_max: 8 << 10,
};

/// A client that speaks the wire protocol by hand, and never gives up by itself.
pub(crate) struct BareClient {
    pub(crate) handle: Handle,
    _acceptor: StreamAcceptor,
    /// The server's control stream.
    pub(crate) control: ServerControl,
    /// Ours, which must stay open.
    _ours: SendStream,
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
    /// Connects and exchanges settings.
    pub(crate) async fn ready(address: SocketAddr, ca: &Path) -> Self {
        let (connection, endpoint) = dial(address, ca, wire::ALPN).await.unwrap();
        let (mut handle, mut acceptor) = connection.split();
        let mut ours = handle.open_send_stream().await.unwrap();
        ours.send(settings(&Settings::default())).await.unwrap();
        let control = ServerControl::accept(&mut acceptor).await;
        Self {
            handle,
            _acceptor: acceptor,
            control,
            _ours: ours,
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
        schema: None,
        load_report: false,
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
                ResponseEvent::Load(_) => {}
                last => return (messages, Some(last)),
            }
        }
        match soon("a response", call.receive()).await {
            Ok(Some(chunk)) => reader.push(chunk),
            Ok(None) | Err(_) => return (messages, None),
        }
    }
}

/// A server that echoes every call by hand, and counts connections and calls.
pub(crate) struct BareServer {
    pub(crate) address: SocketAddr,
    /// A connection is a `started`, a call an `items`.
    pub(crate) probe: Probe,
    close: watch::Sender<usize>,
}

impl BareServer {
    /// Closes every connection there is.
    pub(crate) fn close_connections(&self) {
        self.close.send_modify(|round| *round += 1);
    }

    /// Serves until the test's runtime is gone.
    pub(crate) fn start(certs: &Certs, protocol: &[u8], ours: Settings, idle: Duration) -> Self {
        let tls = s2n_tls::Server::builder()
            .with_certificate(&*certs.path("server.pem"), &*certs.path("server-key.pem"))
            .unwrap()
            .with_application_protocols([protocol])
            .unwrap()
            .build()
            .unwrap();
        let mut endpoint = s2n_quic::Server::builder()
            .with_tls(tls)
            .unwrap()
            .with_limits(Limits::new().with_max_idle_timeout(idle).unwrap())
            .unwrap()
            .with_io("127.0.0.1:0")
            .unwrap()
            .start()
            .unwrap();
        let address = endpoint.local_addr().unwrap();
        let probe = Probe::new();
        let of = probe.clone();
        let close = watch::Sender::new(0);
        let closing = close.clone();
        tokio::spawn(async move {
            while let Some(connection) = endpoint.accept().await {
                let (of, closing) = (of.clone(), closing.subscribe());
                tokio::spawn(echo_calls(connection, ours, of, closing));
            }
        });
        Self {
            address,
            probe,
            close,
        }
    }
}

async fn echo_calls(
    connection: Connection,
    ours: Settings,
    probe: Probe,
    mut closing: watch::Receiver<usize>,
) {
    let _stay = probe.enter();
    let (mut handle, mut acceptor) = connection.split();
    let mut control = handle.open_send_stream().await.unwrap();
    control.send(settings(&ours)).await.unwrap();
    let serve = async {
        while let Ok(Some(call)) = acceptor.accept_bidirectional_stream().await {
            probe.item();
            tokio::spawn(echo_call(call));
        }
    };
    tokio::select! {
        () = serve => {}
        _ = closing.changed() => {}
    }
    handle.close(wire::ErrorCode::NoError.to_wire().try_into().unwrap());
}

async fn echo_call(mut call: BidirectionalStream) {
    let mut reader = RequestReader::new(LIMITS);
    let mut is_first = true;
    while let Ok(Some(mut chunk)) = call.receive().await {
        if is_first {
            assert_eq!(chunk.split_to(1)[0], StreamKind::Call.to_byte());
            is_first = false;
        }
        reader.push(chunk);
        while let Ok(Some(event)) = reader.next_event() {
            if let RequestEvent::Message(message) = event {
                // The client may have gone meanwhile.
                let _ = call.send(message_and_end(&message)).await;
                let _ = call.finish();
            }
        }
    }
}

/// The server's control stream, behind its settings.
pub(crate) struct ServerControl {
    stream: ReceiveStream,
    reader: ControlReader,
    pub(crate) settings: Settings,
}

impl ServerControl {
    async fn accept(acceptor: &mut StreamAcceptor) -> Self {
        let accepted = soon("the control stream", acceptor.accept_receive_stream()).await;
        let mut stream = accepted.unwrap().unwrap();
        let mut first = soon("control", stream.receive()).await.unwrap().unwrap();
        assert_eq!(first.split_to(1)[0], StreamKind::Control.to_byte());
        let mut reader = ControlReader::new();
        reader.push(first);
        let settings = Settings::default();
        let mut control = Self {
            stream,
            reader,
            settings,
        };
        control.settings = match control.next().await {
            ControlEvent::Settings(settings) => settings,
            other => panic!("settings come first, not {other:?}"),
        };
        control
    }

    pub(crate) async fn next(&mut self) -> ControlEvent {
        loop {
            if let Some(event) = self.reader.next_event().unwrap() {
                return event;
            }
            let chunk = soon("control", self.stream.receive()).await.unwrap();
            self.reader
                .push(chunk.expect("the control stream stays open"));
        }
    }
}
