//! What a monitor watches, and what it wants done.

use crate::swim::{Address, NodeName};

/// A node that may be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What it is called.
    pub name: NodeName,
    /// Where it is asked.
    pub address: Address,
    /// Which start of the node it is: a new one is watched from scratch.
    pub epoch: u64,
}

/// What the owner of a [`Monitor`](super::Monitor) has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Ask the node for an answer to this nonce.
    Beat {
        /// Who is asked.
        name: NodeName,
        /// Where.
        address: Address,
        /// What the answer repeats.
        nonce: u64,
    },
    /// The node is not heard after something was sent to it: see whether the node's port is closed, and say so by
    /// [`Monitor::handle_refused`](super::Monitor::handle_refused).
    Knock {
        /// Whose port.
        name: NodeName,
        /// Which.
        address: Address,
    },
    /// Ask the membership for a probe of the node, once per silence.
    Doubt {
        /// Who is doubted.
        name: NodeName,
    },
    /// The node is unreachable from now on.
    Unreachable {
        /// Which node.
        name: NodeName,
        /// Its phi: at least the threshold, or anything where its port is closed.
        phi: f64,
    },
    /// The node is reachable again.
    Reachable {
        /// Which node.
        name: NodeName,
    },
}
