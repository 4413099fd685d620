//! A connection on which gossip is spoken, and its streams.

use super::ALPN;
use crate::raw::{
    RawClient, RawError, RawIdentity, RawReceiver, RawSender, RawStream, RawTls, StreamEnd,
};
use crate::scripted::frames;
use bytes::{Bytes, BytesMut};
use rpcnet_proto::swim::{Message, NodeName};
use rpcnet_proto::wire::{GossipEvent, GossipReader, Hello, Settings, StreamKind, encode};
use std::net::SocketAddr;
use std::time::Duration;

/// A connection to a node, from a port of its own; dropped, it is gone.
#[derive(Debug)]
pub struct GossipPeer {
    client: RawClient,
    /// Kept open, as the protocol wants it.
    _control: RawSender,
}

impl GossipPeer {
    /// Connects as this identity, or as nobody, and sends SETTINGS that take gossip.
    ///
    /// `server_name` is a name in the node's certificate.
    ///
    /// # Errors
    ///
    /// As [`RawClient::connect`]. A server that wants a certificate says so later, when something is
    /// asked of it.
    ///
    /// # Cancel safety
    ///
    /// The attempt is given up.
    pub async fn connect(
        addr: SocketAddr,
        ca_pem: &str,
        identity: Option<&RawIdentity>,
        server_name: &str,
    ) -> Result<Self, RawError> {
        let tls = RawTls {
            ca_pem: ca_pem.to_owned(),
            identity: identity.cloned(),
            server_name: server_name.to_owned(),
            alpn: vec![ALPN.to_owned()],
        };
        let client = RawClient::connect(addr, &tls).await?;
        let mut control = client.open_uni().await?;
        control.write(&control_stream()).await?;
        Ok(Self {
            client,
            _control: control,
        })
    }

    /// The connection, for what is not about gossip.
    #[must_use]
    pub const fn raw(&self) -> &RawClient {
        &self.client
    }

    /// Opens a gossip stream that begins with these bytes after its kind, a HELLO perhaps.
    ///
    /// # Errors
    ///
    /// As [`RawClient::open_bidi`] and [`RawSender::write`].
    ///
    /// # Cancel safety
    ///
    /// The stream, where there is one already, ends.
    pub async fn open(&self, begin: &[u8]) -> Result<GossipStream, RawError> {
        let mut stream = self.client.open_bidi().await?;
        let mut bytes = BytesMut::new();
        encode::stream_kind(&mut bytes, StreamKind::Gossip);
        bytes.extend_from_slice(begin);
        stream.sender.write(&bytes).await?;
        Ok(GossipStream::new(stream))
    }

    /// Opens a link under this name, and does not wait for the answer.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As [`open`](Self::open).
    pub async fn link(&self, cluster: &str, name: &str) -> Result<GossipStream, RawError> {
        self.open(&hello(cluster, name, true)).await
    }

    /// Waits for a stream that the node opens.
    ///
    /// # Errors
    ///
    /// As [`RawClient::accept_bidi`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn accept(&mut self, within: Duration) -> Result<GossipStream, RawError> {
        let stream = self.client.accept_bidi(within).await?;
        Ok(GossipStream::accepted(stream))
    }
}

/// A gossip stream; its reader expects what the other side sends, its sender sends anything.
#[derive(Debug)]
pub struct GossipStream {
    /// Towards the node.
    pub sender: RawSender,
    receiver: RawReceiver,
    reader: GossipReader,
    /// Whether the stream's kind is still to come.
    awaits_kind: bool,
}

impl GossipStream {
    fn new(stream: RawStream) -> Self {
        Self {
            sender: stream.sender,
            receiver: stream.receiver,
            reader: GossipReader::new(),
            awaits_kind: false,
        }
    }

    /// A stream that the other side opened, of which the first bytes were read.
    pub(super) fn begun(stream: RawStream, mut first: Bytes) -> Self {
        let mut begun = Self::new(stream);
        let kind = first.split_to(1);
        assert_eq!(kind[..], [StreamKind::Gossip.to_byte()], "a gossip stream");
        begun.reader.push(first);
        begun
    }

    /// A stream that the other side opened.
    fn accepted(stream: RawStream) -> Self {
        Self {
            awaits_kind: true,
            ..Self::new(stream)
        }
    }

    /// Takes the halves apart: what is read comes from the first, the second sends.
    #[must_use]
    pub fn split(self) -> (Listener, RawSender) {
        let listener = Listener {
            receiver: self.receiver,
            reader: self.reader,
            awaits_kind: self.awaits_kind,
        };
        (listener, self.sender)
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// As [`RawSender::write`].
    ///
    /// # Cancel safety
    ///
    /// All of it was taken or nothing.
    pub async fn say(&mut self, message: &Message) -> Result<(), RawError> {
        self.sender.write(&super::message(message)).await
    }

    /// Waits for what the node says next; `Ok(None)` when it says no more and all was well.
    ///
    /// # Errors
    ///
    /// How the stream was broken off; [`StreamEnd::Deadline`] if nothing comes `within`.
    ///
    /// # Panics
    ///
    /// Panics where the node breaks the protocol: that is a defect of its own.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn hear(&mut self, within: Duration) -> Result<Option<GossipEvent>, StreamEnd> {
        next(
            &mut self.receiver,
            &mut self.reader,
            &mut self.awaits_kind,
            within,
        )
        .await
    }

    /// Waits until the node is done with the stream, and returns how; what it says is discarded.
    ///
    /// # Cancel safety
    ///
    /// What it said meanwhile is lost.
    pub async fn ended(&mut self, within: Duration) -> StreamEnd {
        loop {
            match self.hear(within).await {
                Ok(Some(_)) => {}
                Ok(None) => return StreamEnd::Fin,
                Err(end) => return end,
            }
        }
    }
}

/// The half of a gossip stream on which the node speaks.
#[derive(Debug)]
pub struct Listener {
    receiver: RawReceiver,
    reader: GossipReader,
    awaits_kind: bool,
}

impl Listener {
    /// As [`GossipStream::hear`].
    ///
    /// # Errors
    ///
    /// As [`GossipStream::hear`].
    ///
    /// # Panics
    ///
    /// As [`GossipStream::hear`].
    ///
    /// # Cancel safety
    ///
    /// As [`GossipStream::hear`].
    pub async fn hear(&mut self, within: Duration) -> Result<Option<GossipEvent>, StreamEnd> {
        next(
            &mut self.receiver,
            &mut self.reader,
            &mut self.awaits_kind,
            within,
        )
        .await
    }
}

async fn next(
    receiver: &mut RawReceiver,
    reader: &mut GossipReader,
    awaits_kind: &mut bool,
    within: Duration,
) -> Result<Option<GossipEvent>, StreamEnd> {
    loop {
        let event = reader.next_event().expect("the node keeps to the protocol");
        if event.is_some() {
            return Ok(event);
        }
        match receiver.read_chunk(within).await {
            Ok(mut chunk) => {
                if std::mem::take(awaits_kind) {
                    let kind = chunk.split_to(1);
                    assert_eq!(kind[..], [StreamKind::Gossip.to_byte()], "a gossip stream");
                }
                reader.push(chunk);
            }
            Err(StreamEnd::Fin) => return Ok(None),
            Err(end) => return Err(end),
        }
    }
}

/// The bytes of a HELLO.
///
/// # Panics
///
/// Panics where a name is not legal: to send such a thing, write its bytes.
#[must_use]
pub fn hello(cluster: &str, name: &str, is_link: bool) -> Bytes {
    let hello = Hello {
        cluster: NodeName::new(cluster).expect("a legal name"),
        node: NodeName::new(name).expect("a legal name"),
        is_link,
    };
    let mut bytes = BytesMut::new();
    encode::hello(&mut bytes, &hello);
    bytes.freeze()
}

/// The bytes of a GOSSIP frame.
#[must_use]
pub fn message(message: &Message) -> Bytes {
    let mut bytes = BytesMut::new();
    encode::gossip_prefix(&mut bytes, message.encoded_len());
    message.encode(&mut bytes);
    bytes.freeze()
}

/// A control stream whose SETTINGS take gossip.
pub(super) fn control_stream() -> Bytes {
    frames::control(&Settings::default().accepting(StreamKind::Gossip))
}
