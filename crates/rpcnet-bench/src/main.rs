//! Races rpcnet against its peers on the same work, in one interleaved run.
//!
//! Server and client are separate processes on loopback. A repetition runs every peer
//! once, in alternating order, so that what disturbs the machine disturbs all of them;
//! what counts is the ratio within each repetition.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its results"
)]

mod cost;
mod echo;
mod load;
mod peer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::peer::Peer;

#[derive(Debug, Parser)]
#[command(about = "Races rpcnet against its peers")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Unary echo of 64 bytes against raw s2n-quic, at 1, 64 and 1,024 in flight.
    Echo {
        /// Three short repetitions instead of seven long ones.
        #[arg(long)]
        quick: bool,
    },
    /// Runs a peer's server; prints `ready ADDRESS` and serves until it is killed.
    #[command(hide = true)]
    Serve {
        /// Whose server.
        peer: Peer,
        /// Where the certificates are.
        certs: PathBuf,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            match args.command {
                Command::Echo { quick } => echo::race(quick).await,
                Command::Serve { peer, certs } => peer.serve(&certs).await,
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a race could not be run.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
