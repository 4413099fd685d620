//! What servers, clients and members count: calls by method and outcome, durations, bytes,
//! refusals, connections and the state of the network under them.
//!
//! Counting is always on, unless [`RpcConfig::with_metrics`](crate::RpcConfig::with_metrics)
//! says otherwise, and costs a call a few plain additions. What was counted is read as a
//! snapshot: [`RpcServer::metrics`](crate::RpcServer::metrics),
//! [`RpcClient::metrics`](crate::RpcClient::metrics),
//! [`ClusterClient::metrics`](crate::cluster::ClusterClient::metrics). Snapshots are plain
//! data: they can be kept, subtracted by hand, and written as JSON.
//!
//! How many numbers there are does not depend on what peers send. A server counts the methods
//! that are registered, and all others as one, [`UNKNOWN_METHOD`]; a client counts the first
//! [`CLIENT_METHODS_MAX`] methods that it is asked to call, and all others as [`OTHER_METHOD`].

mod cell;
mod client;
#[cfg(any(feature = "metrics", feature = "prometheus"))]
mod export;
mod figures;
mod histogram;
mod meter;
mod methods;
mod refusals;
mod server;
mod slots;
mod transport;

pub(crate) use self::cell::{MethodCell, Outcome};
pub use self::client::{ClientConnections, ClientMetrics};
#[cfg(feature = "prometheus")]
pub use self::export::PrometheusEndpoint;
#[cfg(any(feature = "metrics", feature = "prometheus"))]
pub use self::export::{Exporter, FAMILIES, Family, FamilyKind};
#[cfg(feature = "metrics")]
pub use self::export::{Publisher, Publishing};
pub(crate) use self::figures::{ClientFigures, ServerFigures, Total};
pub use self::histogram::Histogram;
pub(crate) use self::meter::{Meter, Metered};
pub use self::methods::MethodMetrics;
pub(crate) use self::methods::MethodTable;
pub(crate) use self::refusals::Reason;
pub use self::refusals::Refusals;
pub use self::server::{ServerConnections, ServerMetrics};
pub use self::transport::{Spread, TransportMetrics};

/// The name under which a server counts calls of methods that it does not have, and calls
/// whose header cannot be read.
pub const UNKNOWN_METHOD: &str = "_unknown";

/// The name under which a client counts calls of methods beyond [`CLIENT_METHODS_MAX`].
pub const OTHER_METHOD: &str = "_other";

/// The most methods that a client counts apart.
pub const CLIENT_METHODS_MAX: usize = 1024;
