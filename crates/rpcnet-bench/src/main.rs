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
mod load;
mod peer;
mod race;
mod runner;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::peer::Peer;
use self::runner::Side;

#[derive(Debug, Parser)]
#[command(about = "Races rpcnet against its peers")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the race and prints what came of it.
    Race(race::Args),
    #[command(flatten)]
    Side(Side<Peer>),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = runner::runtime().and_then(|runtime| {
        runtime.block_on(async {
            match args.command {
                Command::Race(args) => race::run(&args).await,
                Command::Side(side) => side.run().await,
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
