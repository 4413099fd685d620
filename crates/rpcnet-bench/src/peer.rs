//! Those of the peers that are built with what we are built with.

mod raw;
mod rpc;

use std::net::SocketAddr;
use std::path::Path;

use clap::ValueEnum;

use crate::runner::{Caller, Error, Runner};

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// s2n-quic without an RPC layer: a fresh stream per call, a task per handler.
    Raw,
    /// This library.
    Rpcnet,
    /// This library, each call on a stream of its own.
    Single,
}

impl Runner for Peer {
    async fn serve(self, certs: &Path) -> Result<(), Error> {
        match self {
            Self::Raw => raw::serve(certs).await,
            Self::Rpcnet | Self::Single => rpc::serve(certs).await,
        }
    }

    async fn connect(self, addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
        match self {
            Self::Raw => raw::connect(addr, certs).await,
            Self::Rpcnet => rpc::connect(addr, certs, true).await,
            Self::Single => rpc::connect(addr, certs, false).await,
        }
    }
}
