//! [`ClientMetrics`]: what a client has counted.

use serde::{Deserialize, Serialize};

use super::{MethodMetrics, TransportMetrics};

/// What a client has counted since it was made, and how it stands now; its clones included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientMetrics {
    /// The calls, by method, in the order of their names. A call counts once, whatever
    /// attempts it takes.
    pub methods: Vec<MethodMetrics>,
    /// Attempts beyond the first of their call.
    pub retries: u64,
    /// Calls that wait to be sent together with others now.
    pub queued: u64,
    /// What became of connections.
    pub connections: ClientConnections,
    /// The network under its socket, which may be that of other clients too:
    /// see [`RpcConfig::with_own_socket`](crate::RpcConfig::with_own_socket).
    pub transport: TransportMetrics,
}

/// What became of a client's connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientConnections {
    /// Open now.
    pub open: u64,
    /// Attempts to make one, since the start.
    pub attempts: u64,
    /// Those that succeeded.
    pub made: u64,
    /// Runs of attempts that were given up.
    pub given_up: u64,
}

impl ClientMetrics {
    /// The calls of one method, if there were any.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&MethodMetrics> {
        let found = self
            .methods
            .binary_search_by(|it| it.method.as_str().cmp(name));
        found.ok().map(|at| &self.methods[at])
    }
}
