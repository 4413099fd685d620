//! From an address to a link: handshake, settings, HELLO and the member that is there.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::{ErrorCode, Settings, StreamKind};
use thiserror::Error;
use tokio::time::timeout;

use super::Shared;
use super::link::Link;
use super::outgoing;
use super::reading::{Cut, Reading};
use crate::cluster::proof::NotAdmitted;
use crate::context::Peer;
use crate::error::HandlerRan;
use crate::identity::PeerIdentity;
use crate::server::streams::TakenStream;
use crate::transport::control::{ControlFailure, ControlReceiver, ControlSender};
use crate::transport::interrupted::{Interrupted, connection_error};
use crate::transport::keep_alive::Rhythm;
use crate::transport::quic::{
    self, Acceptor, CallAcceptor, ConnectionEnd, ControlAcceptor, QuicConnection,
};
use crate::transport::{RecvHalf, SendHalf, events};

/// Why there is no link to whoever was dialled.
#[derive(Debug, Error)]
pub(super) enum DialFailure {
    /// No connection.
    #[error("{}", connection_error(*.0, HandlerRan::No, "a member"))]
    Lost(ConnectionEnd),
    /// No connection in time.
    #[error("nobody answered in time")]
    TimedOut,
    /// The peer does not speak the protocol.
    #[error("what is there does not speak the protocol")]
    Protocol,
    /// The peer is no member of any cluster.
    #[error("the server there belongs to no cluster")]
    NoGossip,
    /// The peer did not prove anything.
    #[error("the server there presented no readable certificate")]
    NoCertificate,
    /// The peer is of another cluster; the name is the peer's own, of legal characters.
    #[error("the node there belongs to the cluster `{0}`")]
    OtherCluster(NodeName),
    /// The peer did not let this node in.
    #[error("the node there does not take this one for a member")]
    Refused,
    /// This node does not take the peer for a member.
    #[error("the node there is none of ours: {0}")]
    NotAdmitted(NotAdmitted),
    /// The links are closed.
    #[error("the membership was closed")]
    Closed,
}

/// A connection to a member, and what it consists of.
pub(super) struct Dialled {
    pub(super) link: Arc<Link>,
    pub(super) reading: Reading,
    pub(super) attendant: Attendant,
}

/// What a dialled connection needs beside its link.
pub(super) struct Attendant {
    connection: Guarded,
    peer: Arc<Peer>,
    /// Lives as long as the connection, as the protocol wants it.
    _control: ControlSender,
    receiver: ControlReceiver,
    calls: CallAcceptor,
    controls: ControlAcceptor,
    rhythm: Rhythm,
}

/// A connection that is closed on drop: it was made for gossip alone.
struct Guarded(QuicConnection);

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.close(ErrorCode::NoError);
    }
}

/// Makes a connection to whoever is at the address, and a link to it.
///
/// # Cancel safety
///
/// Dropping the future abandons the attempt and closes what there is.
pub(super) async fn dial(
    shared: &Arc<Shared>,
    address: SocketAddr,
) -> Result<Dialled, DialFailure> {
    let attempt = attempt(shared, address);
    match timeout(shared.limits.dial_timeout, attempt).await {
        Ok(dialled) => dialled,
        Err(_elapsed) => Err(DialFailure::TimedOut),
    }
}

async fn attempt(shared: &Arc<Shared>, address: SocketAddr) -> Result<Dialled, DialFailure> {
    let dialer = shared.dialer.load_full().ok_or(DialFailure::Closed)?;
    let (quic, acceptor) = dialer
        .dial_member(address)
        .await
        .map_err(DialFailure::Lost)?;
    let connection = Guarded(quic.clone());
    let Ok(Some(identity)) = events::peer_identity(quic.handle()) else {
        return Err(DialFailure::NoCertificate);
    };
    let Acceptor {
        calls,
        mut controls,
    } = acceptor;
    let ours = Settings {
        // A dialled node serves no calls on this connection.
        concurrent_calls_max: 0,
        keep_alive: shared.rpc.keep_alive,
        ..Settings::default()
    };
    let ours = ours.accepting(StreamKind::Gossip);
    let half = quic.open_control().await.map_err(DialFailure::Lost)?;
    let control = ControlSender::open(half, &ours).await?;
    let mut receiver = ControlReceiver::accept(&mut controls).await?;
    let settings = receiver.settings().await?;
    // W-54.
    if !settings.accepts(StreamKind::Gossip) {
        return Err(DialFailure::NoGossip);
    }
    let (half, reading, name) = greet(shared, &quic, &identity).await?;
    let attendant = Attendant {
        peer: Arc::new(Peer {
            address: Some(address),
            identity: Some(identity),
        }),
        connection,
        _control: control,
        receiver,
        calls,
        controls,
        rhythm: Rhythm::new(&shared.rpc, &settings),
    };
    Ok(Dialled {
        link: Arc::new(Link::new(name, quic, half, Some(address), true)),
        reading,
        attendant,
    })
}

/// Opens the link's stream and learns who is there (W-63).
async fn greet(
    shared: &Shared,
    quic: &QuicConnection,
    identity: &PeerIdentity,
) -> Result<(SendHalf, Reading, NodeName), DialFailure> {
    let (mut send, recv) = quic.open_call().await.map_err(DialFailure::Lost)?;
    let hello = shared.hello(true);
    let opening = outgoing::opening(&hello, Some(StreamKind::Gossip));
    send.write([opening]).await?;
    let mut reading = Reading::new(recv, Bytes::new());
    let theirs = reading.hello().await.map_err(|cut| match cut {
        cut if cut.is_refusal() => DialFailure::Refused,
        Cut::Interrupted(interrupted) => interrupted.into(),
        _ => DialFailure::Protocol,
    })?;
    if theirs.cluster != hello.cluster {
        return Err(DialFailure::OtherCluster(theirs.cluster));
    }
    if !theirs.is_link {
        return Err(DialFailure::Protocol);
    }
    shared
        .gate
        .admits(identity, &theirs.node)
        .map_err(DialFailure::NotAdmitted)?;
    Ok((send, reading, theirs.node))
}

impl Attendant {
    /// Follows the connection until it is gone; closes it on drop.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub(super) async fn attend(mut self, shared: Arc<Shared>) {
        let quic = self.connection.0.clone();
        let patience = shared.rpc.limits().header_timeout;
        let failure = tokio::select! {
            failure = follow(&mut self.receiver) => Some(failure),
            failure = ControlReceiver::refuse_more(&mut self.controls, patience) => Some(failure),
            () = self.rhythm.keep(&quic, || false) => None,
            () = accept(&shared, &quic, &self.peer, &mut self.calls) => None,
        };
        // W-43.
        if let Some(code) = failure.and_then(|failure| failure.close_code()) {
            quic.close(code);
        }
    }
}

/// Reads the control stream: a member that drains goes on with its links until it is gone.
async fn follow(receiver: &mut ControlReceiver) -> ControlFailure {
    loop {
        match receiver.next().await {
            Ok(_) => {}
            Err(ControlFailure::Finished) => std::future::pending().await,
            Err(failure) => return failure,
        }
    }
}

/// Takes the streams that the member opens; their number is bounded by the transport.
async fn accept(
    shared: &Arc<Shared>,
    quic: &QuicConnection,
    peer: &Arc<Peer>,
    calls: &mut CallAcceptor,
) {
    while let Ok(Some((send, recv))) = quic::accept_call(calls).await {
        let (shared, peer, quic) = (shared.clone(), peer.clone(), quic.clone());
        let patience = shared.rpc.limits().header_timeout;
        shared.clone().spawn(async move {
            let taken = timeout(patience, of_kind(send, recv)).await;
            if let Ok(Some((send, recv, rest))) = taken {
                shared.take(TakenStream {
                    peer,
                    quic,
                    send,
                    recv,
                    rest,
                    is_mutual: true,
                });
            }
        });
    }
}

/// Reads the kind of a stream; refuses it where it is no gossip (W-4, W-5).
async fn of_kind(mut send: SendHalf, mut recv: RecvHalf) -> Option<(SendHalf, RecvHalf, Bytes)> {
    let mut chunks = bytes::BytesMut::new();
    while chunks.is_empty() {
        let received = recv.receive(|chunk| chunks.extend_from_slice(&chunk));
        if !received.await.ok()? && chunks.is_empty() {
            return None;
        }
    }
    let kind = chunks.split_to(1);
    if kind.first().copied().and_then(StreamKind::from_byte) != Some(StreamKind::Gossip) {
        send.reset(ErrorCode::UnknownStreamKind);
        recv.stop(ErrorCode::UnknownStreamKind);
        return None;
    }
    Some((send, recv, chunks.freeze()))
}

impl From<Interrupted> for DialFailure {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Lost(error) => Self::Lost(error),
            _ => Self::Protocol,
        }
    }
}

impl From<ControlFailure> for DialFailure {
    fn from(failure: ControlFailure) -> Self {
        match failure {
            ControlFailure::Interrupted(interrupted) => interrupted.into(),
            _ => Self::Protocol,
        }
    }
}
