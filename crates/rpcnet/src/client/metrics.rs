//! What a client has counted, for whoever asks; and how its calls come to be counted.

use std::sync::Arc;
#[cfg(any(feature = "metrics", feature = "prometheus"))]
use std::sync::Weak;

use super::{Request, RpcClient, Shared};
use crate::error::RpcError;
use crate::metrics::{ClientConnections, ClientFigures, ClientMetrics, Meter, MethodCell};

/// Counts a call that has one message each way.
pub(crate) type UnaryMeter<'a> = Meter<Option<&'a MethodCell>>;

/// Counts a call that streams, for as long as it does.
pub(crate) type StreamMeter = Meter<Option<Arc<MethodCell>>>;

impl RpcClient {
    /// What this client and its clones have counted so far, and how it stands now.
    ///
    /// Reads everything anew, in some microseconds for each method: for once a second, not for
    /// every call.
    #[must_use]
    pub fn metrics(&self) -> ClientMetrics {
        self.shared.metrics()
    }

    #[cfg(any(feature = "metrics", feature = "prometheus"))]
    pub(crate) fn downgrade(&self) -> WeakClient {
        WeakClient(Arc::downgrade(&self.shared))
    }
}

impl Shared {
    fn metrics(&self) -> ClientMetrics {
        let (link, figures) = (&self.link, &self.figures);
        ClientMetrics {
            queued: link.queued() as u64,
            connections: figures.connections(u64::from(link.is_connected())),
            transport: link.endpoint.dialer.metrics(),
            ..figures.read()
        }
    }
}

/// A client that others may have dropped.
#[cfg(any(feature = "metrics", feature = "prometheus"))]
#[derive(Clone, Debug)]
pub(crate) struct WeakClient(Weak<Shared>);

#[cfg(any(feature = "metrics", feature = "prometheus"))]
impl WeakClient {
    pub(crate) fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn metrics(&self) -> Option<ClientMetrics> {
        self.0.upgrade().map(|client| client.metrics())
    }
}

impl ClientFigures {
    /// A call begins that has one message each way.
    pub(crate) fn begin(&self, request: &Request, request_bytes: usize) -> UnaryMeter<'_> {
        let cell = self.cell(&request.method).map(|cell| &**cell);
        Meter::begin_with(cell, request.began, request_bytes)
    }

    /// A call begins that streams.
    pub(crate) fn begin_stream(&self, request: &Request) -> StreamMeter {
        Meter::begin(self.cell(&request.method).cloned(), request.began)
    }

    /// The calls and attempts.
    pub(crate) fn read(&self) -> ClientMetrics {
        let methods = self.methods.as_ref();
        ClientMetrics {
            methods: methods.map(|methods| methods.read()).unwrap_or_default(),
            retries: self.retries.get(),
            ..ClientMetrics::default()
        }
    }

    /// What became of connections, where so many are open.
    pub(crate) fn connections(&self, open: u64) -> ClientConnections {
        ClientConnections {
            open,
            attempts: self.attempts.get(),
            made: self.made.get(),
            given_up: self.given_up.get(),
        }
    }
}

/// Counts the end of a call that failed.
pub(crate) fn failed(meter: &mut StreamMeter, error: RpcError) -> RpcError {
    meter.end(Some(error.code()));
    error
}
