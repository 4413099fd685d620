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
mod count;
mod load;
mod peer;
mod race;
mod runner;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::peer::Peer;
use self::runner::{Error, Side};

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
    /// Counts what a call takes, without the influence of other work on the machine.
    Instructions(count::Args),
    /// Makes the calls that are counted.
    #[command(hide = true)]
    Counted(count::Counted),
    #[command(flatten)]
    Side(Side<Peer>),
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Race(args) => runner::runtime()?.block_on(race::run(&args)),
        Command::Instructions(args) => count::run(&args),
        Command::Counted(counted) => counted.run(),
        Command::Side(side) => runner::runtime()?.block_on(side.run()),
    }
}
