//! The peers of the race, each with a server and a way to call it.

mod raw;
mod rpc;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use clap::ValueEnum;

use crate::Error;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// s2n-quic without an RPC layer: a fresh stream per call, a task per handler.
    Raw,
    /// This library.
    Rpcnet,
}

/// One call of the echo method.
pub(crate) type Reply = Pin<Box<dyn Future<Output = Result<usize, Error>> + Send>>;

/// Calls the echo method of a connected peer; returns the length of the reply.
pub(crate) type Caller = Arc<dyn Fn(Bytes) -> Reply + Send + Sync>;

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw s2n-quic",
            Self::Rpcnet => "rpcnet",
        }
    }

    /// Serves echo until the process is killed.
    pub(crate) async fn serve(self, certs: &Path) -> Result<(), Error> {
        match self {
            Self::Raw => raw::serve(certs).await,
            Self::Rpcnet => rpc::serve(certs).await,
        }
    }

    pub(crate) async fn connect(self, addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
        match self {
            Self::Raw => raw::connect(addr, certs).await,
            Self::Rpcnet => rpc::connect(addr, certs).await,
        }
    }
}

/// Tells the parent process where the server listens.
fn announce(addr: SocketAddr) {
    println!("ready {addr}");
}
