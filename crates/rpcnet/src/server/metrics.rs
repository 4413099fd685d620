//! What a server has counted, for whoever asks.

use super::{RpcServer, Shared};
use crate::metrics::{MethodMetrics, ServerConnections, ServerMetrics};

impl RpcServer {
    /// What this server has counted so far, and how it stands now.
    ///
    /// Reads everything anew, in some microseconds for each method: for once a second, not for
    /// every call.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(server: rpcnet::RpcServer) {
    /// for method in server.metrics().methods {
    ///     let p99 = method.duration.quantile(0.99).unwrap_or_default();
    ///     println!("{}: {} calls, 99 % within {p99:?}", method.method, method.started);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn metrics(&self) -> ServerMetrics {
        self.shared.metrics()
    }
}

impl Shared {
    pub(crate) fn metrics(&self) -> ServerMetrics {
        let cells = self.router.cells();
        let cells = cells.iter().chain(self.figures.unknown());
        let mut methods: Vec<MethodMetrics> = cells.filter_map(|cell| cell.read()).collect();
        methods.sort_unstable_by(|a, b| a.method.cmp(&b.method));
        ServerMetrics {
            methods,
            refusals: self.figures.refusals(),
            running_calls: self.places.taken() as u64,
            running_calls_max: self.places.limit() as u64,
            utilization_thousandths: self.load().utilization,
            is_draining: self.is_draining(),
            connections: ServerConnections {
                open: self.connections.taken() as u64,
                open_max: self.connections.limit() as u64,
                accepted: self.figures.connections_accepted.get(),
                refused: self.figures.connections_refused.get() + self.admission.refused() as u64,
                handshakes_failed: self.events.handshake_failures().count(),
                handshakes_retried: self.admission.retries() as u64,
            },
            transport: self.events.metrics(),
        }
    }
}
