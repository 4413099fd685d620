//! The way of messages between members: links over QUIC, dials, streams.
//!
//! A *link* is a gossip stream that stays open. Messages are pushed into it without
//! waiting, and dropped where it has no room; what has to arrive, and what is long, gets a
//! stream of its own on the same connection. Where there is no link, one is dialled, and a
//! few messages wait for it.

mod accept;
mod addresses;
mod counters;
mod dial;
mod dials;
mod link;
mod openings;
mod outgoing;
mod reading;
mod shared;
mod shares;
mod stream;
mod table;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use rpcnet_proto::swim::{Destination, Message, NodeName};
use tokio::sync::{broadcast, mpsc};

pub use self::counters::LinkCounters;
use self::dials::Target;
use self::outgoing::Outgoing;
use self::shared::Shared;
pub(crate) use self::shares::Place;
use super::ClusterLimits;
use super::proof::Gate;
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::server::streams::{StreamTaker, TakenStream};
use crate::task::Tasks;
use crate::transport::tls::ClientTls;

/// What the links of a membership are made of.
#[derive(Debug)]
pub(crate) struct LinksSetup {
    /// The cluster's name.
    pub(crate) cluster: String,
    /// This node's name.
    pub(crate) name: NodeName,
    /// Who is let in.
    pub(crate) gate: Arc<Gate>,
    /// Limits, and the address whose interface dials go out from.
    pub(crate) rpc: RpcConfig,
    /// What members are dialled with.
    pub(crate) tls: ClientTls,
    /// Bounds.
    pub(crate) limits: ClusterLimits,
    /// Where what arrives goes.
    pub(crate) inbound: mpsc::Sender<Inbound>,
    /// Who owns the tasks.
    pub(crate) tasks: Arc<Tasks>,
}

/// What the links tell their membership.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A message of a member that was let in.
    Message {
        /// Who sent it.
        from: NodeName,
        /// What it says.
        message: Message,
        /// Its place in the queue, of its sender's share.
        place: Place,
    },
    /// Who was dialled at the address has proven to be this member.
    Proven {
        /// Who is there.
        name: NodeName,
        /// Where it was dialled.
        address: SocketAddr,
    },
    /// A seed was of no use.
    SeedFailed {
        /// Where it was looked for.
        address: SocketAddr,
        /// Why, for people.
        reason: String,
    },
}

/// What passed between this node and a member, for whoever watches its reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It answered a heartbeat's question.
    Answer {
        /// Who answered.
        from: NodeName,
        /// The nonce of the question.
        nonce: u64,
    },
    /// It said something else.
    Heard(NodeName),
    /// It was sent a message, which most often has an answer.
    Asked(NodeName),
}

/// The links of a membership. Clones share everything.
///
/// Their tasks hold them: [`close`](Self::close) ends them, and so does the owner of the
/// tasks.
#[derive(Clone, Debug)]
pub(crate) struct Links(Arc<Shared>);

impl Links {
    /// Binds the socket from which members are dialled.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::new`](crate::RpcClient::new).
    pub(crate) fn new(setup: LinksSetup) -> Result<Self, RpcError> {
        Shared::new(setup).map(|shared| Self(Arc::new(shared)))
    }

    /// Sends a message, as far as there is a way and room; never waits.
    pub(crate) fn send(&self, to: &Destination, message: &Message, reliable: bool) {
        let Some(out) = Outgoing::message(message, reliable) else {
            return self.0.tally.dropped_no_way.add(1);
        };
        let (name, address) = match to {
            Destination::Member { name, address } => (Some(name.clone()), *address),
            Destination::Seed(address) => (None, *address),
            Destination::Sender(name) => return self.0.answer(name, out),
        };
        self.0.route(&Target { name, address }, out);
    }

    /// Dials the address, to see whether the member is there.
    pub(crate) fn prove(&self, name: &NodeName, address: SocketAddr) {
        let name = Some(name.clone());
        self.0.begin(&Target { name, address });
    }

    /// Asks a member for a sign of life; its answer comes through [`signs`](Self::signs).
    pub(crate) fn beat(&self, name: &NodeName, address: SocketAddr, nonce: u64) {
        let name = Some(name.clone());
        self.0
            .route(&Target { name, address }, Outgoing::question(nonce));
    }

    /// Tells who listens that a member was asked something by other means.
    pub(crate) fn asked(&self, name: &NodeName) {
        self.0.sign(|| Sign::Asked(name.clone()));
    }

    /// What passes from now on. A listener that lags loses the oldest.
    pub(crate) fn signs(&self) -> broadcast::Receiver<Sign> {
        self.0.signs.subscribe()
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> LinkCounters {
        self.0.counters()
    }

    /// Closes every link after a short flush, and takes no more. The flush is a task of
    /// the setup's.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl StreamTaker for Links {
    fn take(&self, stream: TakenStream) {
        self.0.take(stream);
    }
}
