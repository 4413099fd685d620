//! The peers of the race, each with a server and a client, in one program.
//!
//! Speaks the same command line as `rpcnet-bench` itself.

#[path = "../../crates/rpcnet-bench/src/cost.rs"]
mod cost;
#[path = "../../crates/rpcnet-bench/src/load.rs"]
mod load;
#[path = "../../crates/rpcnet-bench/src/runner.rs"]
mod runner;

mod floor;
#[cfg(feature = "rpcnet-0-1")]
mod old;
mod tarpc_tls;
mod tls;
mod tonic_tls;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use self::runner::{Caller, Error, Runner, Side};

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    /// tonic over TLS.
    Tonic,
    /// tarpc over TLS.
    Tarpc,
    /// rpcnet 0.1.0.
    Old,
    /// Frames over TLS, pipelined: no RPC layer at all.
    Floor,
}

impl Runner for Peer {
    async fn serve(self, certs: &std::path::Path) -> Result<(), Error> {
        match self {
            Self::Tonic => tonic_tls::serve(certs).await,
            Self::Tarpc => tarpc_tls::serve(certs).await,
            Self::Floor => floor::serve(certs).await,
            #[cfg(feature = "rpcnet-0-1")]
            Self::Old => old::serve(certs).await,
            #[cfg(not(feature = "rpcnet-0-1"))]
            Self::Old => Err("built without rpcnet 0.1.0".into()),
        }
    }

    async fn connect(
        self,
        addr: std::net::SocketAddr,
        certs: &std::path::Path,
        _shape: load::Shape,
    ) -> Result<Caller, Error> {
        match self {
            Self::Tonic => tonic_tls::connect(addr, certs).await,
            Self::Tarpc => tarpc_tls::connect(addr, certs).await,
            Self::Floor => floor::connect(addr, certs).await,
            #[cfg(feature = "rpcnet-0-1")]
            Self::Old => old::connect(addr, certs).await,
            #[cfg(not(feature = "rpcnet-0-1"))]
            Self::Old => Err("built without rpcnet 0.1.0".into()),
        }
    }
}

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    side: Side<Peer>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = runner::runtime().and_then(|runtime| runtime.block_on(args.side.run()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
