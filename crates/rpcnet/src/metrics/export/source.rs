//! [`Source`]: something that is exported, for as long as it is there.

use std::sync::Weak;

use super::collect::{self, Sink};
use crate::client::WeakClient;
use crate::cluster::{ClusterMembership, HealthChecker, WeakClusterClient};
use crate::server::WeakServer;

#[derive(Clone)]
pub(super) enum Source {
    Server(WeakServer),
    Client(WeakClient),
    ClusterClient(WeakClusterClient),
    Cluster(Weak<ClusterMembership>),
    Health(Weak<HealthChecker>),
}

impl Source {
    /// What it is.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Client(_) => "client",
            Self::ClusterClient(_) => "cluster client",
            Self::Cluster(_) => "cluster",
            Self::Health(_) => "health",
        }
    }

    /// Whether two of the same name would be the same series. Both kinds of client have the
    /// same label.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_client = |it: &Self| matches!(it, Self::Client(_) | Self::ClusterClient(_));
        self.kind() == other.kind() || (is_client(self) && is_client(other))
    }

    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Server(server) => server.upgrade().is_some(),
            Self::Client(client) => client.is_there(),
            Self::ClusterClient(client) => client.is_there(),
            Self::Cluster(membership) => membership.strong_count() > 0,
            Self::Health(checker) => checker.strong_count() > 0,
        }
    }

    pub(super) fn collect(&self, name: &str, sink: &mut dyn Sink) {
        match self {
            Self::Server(server) => {
                if let Some(server) = server.upgrade() {
                    collect::server(name, &server.metrics(), sink);
                }
            }
            Self::Client(client) => {
                if let Some(metrics) = client.metrics() {
                    collect::client(name, &metrics, sink);
                }
            }
            Self::ClusterClient(client) => {
                if let Some(metrics) = client.metrics() {
                    collect::cluster_client(name, &metrics, sink);
                }
            }
            Self::Cluster(membership) => {
                if let Some(membership) = membership.upgrade() {
                    collect::cluster(name, &membership.metrics(), sink);
                }
            }
            Self::Health(checker) => {
                if let Some(checker) = checker.upgrade() {
                    collect::health(name, &checker, sink);
                }
            }
        }
    }
}
