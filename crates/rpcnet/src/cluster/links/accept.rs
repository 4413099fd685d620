//! Gossip streams that a peer has opened: who may speak, and what becomes of it.

use std::sync::Arc;

use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::{ErrorCode, GossipEvent, Hello};
use tokio::time::timeout;

use super::Shared;
use super::link::Link;
use super::openings::Opening;
use super::outgoing;
use super::reading::{Cut, Reading};
use super::stream::STREAM_DEADLINE;
use crate::identity::PeerIdentity;
use crate::server::streams::TakenStream;
use crate::transport::quic::QuicConnection;

impl Shared {
    /// Takes a stream over, or refuses it; the connection lives on (W-62).
    pub(super) fn take(self: &Arc<Self>, mut stream: TakenStream) {
        let Some(identity) = stream.peer.identity.clone() else {
            return self.refuse(&mut stream, ErrorCode::NotAMember);
        };
        if self.is_closed() {
            return self.refuse(&mut stream, ErrorCode::Refused);
        }
        let Some(place) = self.openings.enter(identity.fingerprint()) else {
            return self.refuse(&mut stream, ErrorCode::Refused);
        };
        let shared = self.clone();
        self.spawn(async move { shared.accept(stream, identity, place).await });
    }

    fn refuse(&self, stream: &mut TakenStream, code: ErrorCode) {
        self.tally.streams_refused.add(1);
        stream.send.reset(code);
        stream.recv.stop(code);
    }

    async fn accept(self: Arc<Self>, stream: TakenStream, identity: PeerIdentity, place: Opening) {
        let TakenStream {
            mut send,
            recv,
            rest,
            quic,
            is_mutual,
            ..
        } = stream;
        let mut reading = Reading::new(recv, rest);
        let patience = self.rpc.limits().header_timeout;
        let heard = match timeout(patience, reading.hello()).await {
            Ok(Ok(hello)) => self.judge(&identity, hello),
            Ok(Err(cut)) => Err(self.note(&cut)),
            Err(_elapsed) => Err(ErrorCode::Stalled),
        };
        let hello = match heard {
            Ok(hello) => hello,
            Err(code) => {
                send.reset(code);
                return reading.stop(code);
            }
        };
        if hello.is_link {
            // W-63: nothing was sent on the stream, so there is room.
            let answer = outgoing::opening(&self.hello(true), None);
            if send.push(answer).is_err() {
                return;
            }
            let link = Link::new(hello.node, quic, send, None, is_mutual);
            let link = Arc::new(link);
            let knot = self.tie(link.clone());
            drop(place);
            self.serve(knot, reading).await;
            return link.finish();
        }
        let all = self.read_all(&hello.node, &quic, &mut reading);
        let ended = timeout(STREAM_DEADLINE, all).await;
        let code = match ended {
            // W-64. It fails only where nobody waits for it.
            Ok(Ok(())) => return drop(send.finish()),
            Ok(Err(cut)) => self.note(&cut),
            Err(_elapsed) => ErrorCode::Stalled,
        };
        send.reset(code);
        reading.stop(code);
    }

    /// W-62: a member of our cluster, of the name that its certificate carries.
    fn judge(&self, identity: &PeerIdentity, hello: Hello) -> Result<Hello, ErrorCode> {
        let is_ours = hello.cluster == self.cluster;
        let admitted = self.gate.admits(identity, &hello.node);
        if is_ours && admitted.is_ok() {
            return Ok(hello);
        }
        self.tally.streams_refused.add(1);
        let refusal = admitted.err();
        tracing::debug!(%identity, name = %hello.node, cluster = %hello.cluster, ?refusal, "gossip refused");
        Err(ErrorCode::NotAMember)
    }

    /// Reads the messages of a stream without the flag, to its end.
    async fn read_all(
        &self,
        from: &NodeName,
        quic: &QuicConnection,
        reading: &mut Reading,
    ) -> Result<(), Cut> {
        while let Some(event) = reading.next().await? {
            // W-64: the reader lets no BEAT through.
            if let GossipEvent::Message(body) = event {
                self.hear(from, quic);
                self.deliver(from, body).await?;
            }
        }
        Ok(())
    }
}
