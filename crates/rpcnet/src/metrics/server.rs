//! [`ServerMetrics`]: what a server has counted.

use serde::{Deserialize, Serialize};

use super::{MethodMetrics, Refusals, TransportMetrics};

/// What a server has counted since it was made, and how it stands now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerMetrics {
    /// The calls, by method, in the order of their names. Methods that were not called are
    /// left out; calls within the process are not counted.
    pub methods: Vec<MethodMetrics>,
    /// Calls that were refused, by why.
    pub refusals: Refusals,
    /// Calls that have a place now.
    pub running_calls: u64,
    /// The most calls that may have one,
    /// [`Limits::calls_per_server_max`](crate::Limits::calls_per_server_max).
    pub running_calls_max: u64,
    /// How busy the server says it is, in thousandths: 1000 is full, more is possible.
    pub utilization_thousandths: u32,
    /// Whether it is shutting down and refuses calls.
    pub is_draining: bool,
    /// What became of connections.
    pub connections: ServerConnections,
    /// The network under its socket.
    pub transport: TransportMetrics,
}

/// What became of a server's connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerConnections {
    /// Open now.
    pub open: u64,
    /// The most that may be open, [`Limits::connections_max`](crate::Limits::connections_max).
    pub open_max: u64,
    /// Accepted since the start.
    pub accepted: u64,
    /// Refused since the start: too many were open, or the server was shutting down.
    pub refused: u64,
    /// Handshakes that failed, because either side refused the other.
    pub handshakes_failed: u64,
    /// Handshakes answered with Retry, because too many were in flight.
    pub handshakes_retried: u64,
}

impl ServerMetrics {
    /// The calls of one method, if there were any.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&MethodMetrics> {
        let found = self
            .methods
            .binary_search_by(|it| it.method.as_str().cmp(name));
        found.ok().map(|at| &self.methods[at])
    }
}
