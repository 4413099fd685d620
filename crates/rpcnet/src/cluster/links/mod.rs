//! The way of messages between members: links over QUIC, dials, streams.

mod counters;

use std::net::SocketAddr;
use std::sync::Arc;

use rpcnet_proto::swim::{Destination, Message, NodeName};
use tokio::sync::{broadcast, mpsc};

pub use self::counters::LinkCounters;
use self::counters::Tally;
use super::ClusterLimits;
use super::proof::Gate;
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::server::streams::{StreamTaker, TakenStream};
use crate::task::Tasks;

/// What the links of a membership are made of.
#[derive(Debug)]
pub(crate) struct LinksSetup {
    /// The cluster's name.
    pub(crate) cluster: String,
    /// This node's name.
    pub(crate) name: NodeName,
    /// Who is let in.
    pub(crate) gate: Arc<Gate>,
    /// Certificates, limits, and the address whose interface dials go out from.
    pub(crate) rpc: RpcConfig,
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

/// The answer to a heartbeat's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// Who answered.
    pub(crate) from: NodeName,
    /// The nonce of the question.
    pub(crate) nonce: u64,
}

/// The links of a membership. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Links(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    setup: LinksSetup,
    tally: Tally,
    beats: broadcast::Sender<Beat>,
}

impl Links {
    /// Loads the certificates and binds the socket from which members are dialled.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::new`](crate::RpcClient::new).
    pub(crate) fn new(setup: LinksSetup) -> Result<Self, RpcError> {
        Ok(Self(Arc::new(Shared {
            setup,
            tally: Tally::default(),
            beats: broadcast::Sender::new(BEATS_MAX),
        })))
    }

    /// Sends a message, as far as there is a way and room; never waits.
    pub(crate) fn send(&self, _to: &Destination, _message: &Message, _reliable: bool) {}

    /// Dials the address, to see whether the member is there.
    pub(crate) fn prove(&self, _name: &NodeName, _address: SocketAddr) {}

    /// Asks a member for a sign of life; its answer comes through [`beats`](Self::beats).
    pub(crate) fn beat(&self, _name: &NodeName, _address: SocketAddr, _nonce: u64) {}

    /// The answers to heartbeats from now on.
    pub(crate) fn beats(&self) -> broadcast::Receiver<Beat> {
        self.0.beats.subscribe()
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> LinkCounters {
        self.0.tally.read(0)
    }

    /// Closes every link after a short flush, and takes no more.
    pub(crate) fn close(&self) {
        self.0.setup.tasks.stop();
    }
}

impl StreamTaker for Links {
    fn take(&self, _stream: TakenStream) {}

    fn draining(&self) {}
}

/// Heartbeats that wait for a listener; the oldest are lost to it.
const BEATS_MAX: usize = 1024;
