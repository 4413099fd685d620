//! Two services that share their types.
use rpcnet::CallContext;
#[cfg(not(unix_only))]
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A key of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key(pub String);

/// The key is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missing;

/// Reads.
#[rpcnet::service(name = "")]
pub trait KeyReader {
    /// Reads a value.
    #[rpc(idempotent, timeout = "250ms")]
    async fn read(&self, context: CallContext, key: Key) -> Result<String, Missing>;
}

/// Where values may be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Place {
    /// In memory.
    Memory,
}

/// Writes.
#[rpcnet::service(crate = "rpcnet")]
pub trait KeyWriter {
    /// Writes a value.
    async fn write(
        &self,
        context: CallContext,
        key: Key,
        value: String,
        place: Place,
        lives: Duration,
    ) -> Result<(), Missing>;
}
