//! Prints the figures that rpcnet is held to, and ends with a failure where one falls short.
//!
//! `figures calls` and `figures services` measure them in full, with `--quick` in small amounts. Every figure is
//! one line: name, value, unit, goal, and `ok` or `short`; lines that begin with `#` are remarks. For
//! servers and clients that are killed or stopped the program starts itself again.

mod calls;
mod drive;
mod figure;
mod group;
mod load;
mod percentile;
mod raw_client;
mod serve;
mod service;
mod services;
mod settle;
mod site;
mod stamp;

use crate::group::{BoxError, Scale, Scenario};
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Measure what rpcnet promises")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Calls and streams: loss, faults, bounds, latencies of cancellation
    Calls(Amounts),
    /// Typed services: loss, malformed payloads, cost beside raw calls
    Services(Amounts),
    /// Serve the methods that are measured, until SIGTERM
    #[command(hide = true)]
    Serve(serve::Serve),
    /// Call a server until SIGTERM, then write down how each call ended
    #[command(hide = true)]
    Drive(drive::Drive),
}

#[derive(Args)]
struct Amounts {
    /// Measure small amounts, within three minutes
    #[arg(long)]
    quick: bool,
    /// Measure only what begins with this name; may be repeated
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
}

impl Amounts {
    async fn measure(self, scenarios: &[Scenario]) -> Result<ExitCode, BoxError> {
        let scale = if self.quick {
            Scale::Quick
        } else {
            Scale::Full
        };
        let all_met = group::run(scenarios, &self.only, scale).await?;
        Ok(ExitCode::from(u8::from(!all_met)))
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    match Cli::parse().command {
        Command::Calls(amounts) => amounts.measure(calls::SCENARIOS).await,
        Command::Services(amounts) => amounts.measure(services::SCENARIOS).await,
        Command::Serve(serve) => serve.run().await.map(|()| ExitCode::SUCCESS),
        Command::Drive(drive) => drive.run().await.map(|()| ExitCode::SUCCESS),
    }
}
