//! Streams that are no calls, handed to whoever asked for their kind.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::wire::StreamKind;
use tokio::sync::watch;

use super::RpcServer;
use crate::context::Peer;
use crate::error::RpcError;
use crate::transport::quic::QuicConnection;
use crate::transport::tls::{Commit, Material};
use crate::transport::{RecvHalf, SendHalf};

/// Takes over the streams of one kind.
pub(crate) trait StreamTaker: Any + fmt::Debug + Send + Sync {
    /// Takes a stream over. Does not wait: the connection's other streams would, too.
    fn take(&self, stream: TakenStream);

    /// Whether this peer may open such streams. Its connections are not held to be
    /// callers' alone: they live, and are made, until a server that drains has left.
    fn may_open(&self, _peer: &Peer) -> bool {
        true
    }

    /// How long [`announce`](Self::announce) wants to take; zero where it has nothing to say.
    fn notice(&self) -> Duration {
        Duration::ZERO
    }

    /// Says that the server is about to drain, and is done when that has got about, or
    /// after this long. The server serves as before meanwhile.
    fn announce(&self, _notice: Duration) -> Told {
        Box::pin(std::future::ready(()))
    }

    /// How long [`leave`](Self::leave) takes, as a rule.
    fn leave_time(&self) -> Duration {
        Duration::ZERO
    }

    /// The calls are done, or out of time: it leaves, beginning at once, and is done when
    /// it needs the server no more.
    fn leave(&self) -> Told {
        Box::pin(std::future::ready(()))
    }

    /// Checks what is to replace the certificates of its own, and changes nothing yet.
    fn renewed(&self, _material: &Material) -> Result<Commit, RpcError> {
        Ok(Box::new(|| {}))
    }

    /// Whether it told others that the server wants no more work, which it serves still.
    fn is_draining(&self) -> bool {
        false
    }

    /// Changes whenever [`is_draining`](Self::is_draining) may have.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Whether it takes no more, so that another may take its place.
    fn is_over(&self) -> bool {
        false
    }
}

/// Done when others were told.
pub(crate) type Told = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream of the kind that was asked for, and where it came from.
#[derive(Debug)]
pub(crate) struct TakenStream {
    /// Who opened it.
    pub(crate) peer: Arc<Peer>,
    /// The connection, for streams in the other direction.
    pub(crate) quic: QuicConnection,
    /// Our half.
    pub(crate) send: SendHalf,
    /// The peer's half, after `rest`.
    pub(crate) recv: RecvHalf,
    /// What was read after the kind byte.
    pub(crate) rest: Bytes,
    /// Whether the peer takes streams of this kind as well (W-54).
    pub(crate) is_mutual: bool,
}

/// Who takes streams of which kind.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) kind: StreamKind,
    pub(crate) taker: Arc<dyn StreamTaker>,
}

impl RpcServer {
    /// Who takes streams now, for those who know what it is.
    pub(crate) fn stream_taker(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        let taken = self.shared.taken().clone()?;
        let taker: Arc<dyn Any + Send + Sync> = taken.taker;
        Some(taker)
    }

    /// Hands streams of this kind to `taker`, on connections to come, which are told in
    /// their SETTINGS. False where the server has a taker already that is not over; it
    /// keeps that one.
    pub(crate) fn take_streams(&self, kind: StreamKind, taker: Arc<dyn StreamTaker>) -> bool {
        let mut taken = self.shared.taken();
        let is_free = taken.as_ref().is_none_or(|taken| taken.taker.is_over());
        if is_free {
            *taken = Some(Taken { kind, taker });
        }
        drop(taken);
        self.shared.shutdown.news.send_replace(());
        is_free
    }
}
