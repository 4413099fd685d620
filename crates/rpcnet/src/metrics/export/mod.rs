//! What is counted, for systems that keep it: as text for Prometheus, or through the facade
//! `metrics`.

mod collect;
#[cfg(feature = "prometheus")]
mod endpoint;
#[cfg(feature = "metrics")]
mod facade;
mod family;
#[cfg(feature = "prometheus")]
mod http;
mod source;
#[cfg(feature = "prometheus")]
mod text;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::collect::Sink;
#[cfg(feature = "prometheus")]
pub use self::endpoint::PrometheusEndpoint;
#[cfg(feature = "metrics")]
pub use self::facade::{Publisher, Publishing};
pub use self::family::{FAMILIES, Family, FamilyKind};
use self::source::Source;
use crate::client::RpcClient;
use crate::cluster::{ClusterClient, ClusterMembership, HealthChecker};
use crate::server::RpcServer;

/// What is exported: servers, clients and members that a program has, each under a name of
/// the program's choice, which becomes a label.
///
/// It keeps none of them alive; what has been dropped is exported no more. Clones share what
/// was added. One of the same kind and name takes the place of the one before, and beyond
/// [`SOURCES_MAX`](Self::SOURCES_MAX) none is added, with a warning in the log.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "prometheus")]
/// # async fn example(server: rpcnet::RpcServer, backend: rpcnet::RpcClient)
/// # -> std::io::Result<()> {
/// use rpcnet::metrics::Exporter;
///
/// let exporter = Exporter::new()
///     .with_server("api", &server)
///     .with_client("backend", &backend);
/// // Nobody outside this machine can ask.
/// let endpoint = exporter.serve_prometheus("127.0.0.1:9100").await?;
/// println!("http://{}/metrics", endpoint.local_addr());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Exporter {
    sources: Arc<Mutex<Vec<Named>>>,
}

/// A source, and its name.
type Named = (Box<str>, Source);

impl Exporter {
    /// The most that can be exported at once.
    pub const SOURCES_MAX: usize = 256;

    /// Exports nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server.
    #[must_use]
    pub fn with_server(self, name: &str, server: &RpcServer) -> Self {
        self.with(name, Source::Server(server.downgrade()))
    }

    /// Adds a client.
    #[must_use]
    pub fn with_client(self, name: &str, client: &RpcClient) -> Self {
        self.with(name, Source::Client(client.downgrade()))
    }

    /// Adds a client of a cluster, and the workers that it chooses from.
    #[must_use]
    pub fn with_cluster_client(self, name: &str, client: &ClusterClient) -> Self {
        self.with(name, Source::ClusterClient(client.downgrade()))
    }

    /// Adds a membership, under the name of its node.
    #[must_use]
    pub fn with_cluster(self, membership: &Arc<ClusterMembership>) -> Self {
        let node = membership.name().clone();
        self.with(node.as_str(), Source::Cluster(Arc::downgrade(membership)))
    }

    /// Adds what a health checker thinks of the members that it watches, under the name of its
    /// node. Those of a [`ClusterClient`]'s registry are exported with its workers.
    #[must_use]
    pub fn with_health(self, checker: &Arc<HealthChecker>) -> Self {
        let node = checker.node().clone();
        self.with(node.as_str(), Source::Health(Arc::downgrade(checker)))
    }

    fn with(self, name: &str, source: Source) -> Self {
        let mut sources = self.sources();
        sources.retain(|(_, source)| source.is_there());
        let is_same = |(other, it): &Named| **other == *name && it.is_like(&source);
        match sources.iter().position(is_same) {
            Some(at) => sources[at].1 = source,
            None if sources.len() < Self::SOURCES_MAX => sources.push((name.into(), source)),
            None => tracing::warn!(
                sources_max = Self::SOURCES_MAX,
                "too much to export, one more is left out"
            ),
        }
        drop(sources);
        self
    }

    /// Gives everything to a sink.
    fn collect(&self, sink: &mut dyn Sink) {
        // Read without the lock: some of it takes a while.
        let sources = {
            let mut sources = self.sources();
            sources.retain(|(_, source)| source.is_there());
            sources.clone()
        };
        for (name, source) in &sources {
            source.collect(name, sink);
        }
    }

    fn sources(&self) -> MutexGuard<'_, Vec<Named>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = self.sources();
        let names = sources.iter().map(|(name, source)| (name, source.kind()));
        f.debug_map().entries(names).finish()
    }
}
