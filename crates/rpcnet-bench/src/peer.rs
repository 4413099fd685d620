//! Those of the peers that are built with what we are built with.

mod raw;
pub(crate) mod rpc;

use std::net::SocketAddr;
use std::path::Path;

use clap::ValueEnum;

use self::rpc::Setup;
use crate::load::Shape;
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
    /// This library, for long messages on a path that carries jumbo packets.
    Jumbo,
    /// This library, for many connections.
    Many,
    /// This library, a server for each thread.
    Sharded,
}

impl Peer {
    /// How this library is set up; `None` for s2n-quic.
    const fn setup(self) -> Option<Setup> {
        match self {
            Self::Raw => None,
            Self::Rpcnet => Some(Setup::Default),
            Self::Single => Some(Setup::NoBatches),
            Self::Jumbo => Some(Setup::Jumbo),
            Self::Many => Some(Setup::ManyConnections),
            Self::Sharded => Some(Setup::Sharded),
        }
    }
}

impl Runner for Peer {
    async fn serve(self, certs: &Path) -> Result<(), Error> {
        match self.setup() {
            None => raw::serve(certs).await,
            Some(setup) => rpc::serve(certs, setup).await,
        }
    }

    async fn connect(self, addr: SocketAddr, certs: &Path, shape: Shape) -> Result<Caller, Error> {
        match self.setup() {
            None => raw::connect(addr, certs).await,
            Some(setup) => rpc::connect(addr, certs, setup, shape).await,
        }
    }
}
