//! The service by which clients find workers.

use std::net::SocketAddr;

use rpcnet::Stream;
use serde::{Deserialize, Serialize};

/// The worker that a client shall use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The worker's node, by which its certificate is verified.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
    /// What it is called, for people.
    pub label: String,
}

/// Why there is no worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectorError {
    /// None came while the director waited for one.
    NoWorker,
    /// What is to be avoided is no name of a node.
    BadName,
}

/// Knows the workers.
#[rpcnet::service]
pub trait Director {
    /// Assigns a worker to the caller, for as long as the caller keeps the stream.
    ///
    /// The worker is the only item. The stream has no end: while it is there, the worker counts as
    /// busy with one more client. A client that lost a worker names it, so that it gets another
    /// one if there is any.
    async fn assign(
        &self,
        avoid: Option<String>,
    ) -> Result<impl Stream<Item = Assignment>, DirectorError>;
}
