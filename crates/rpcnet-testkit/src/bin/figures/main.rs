//! Prints the figures that rpcnet is held to, and ends with a failure where one falls short.
//!
//! `figures calls`, `services`, `cluster`, `workers` and `operate` measure them in full, with `--quick` in
//! small amounts. Every figure is one line: name, value, unit, goal (`-` where it is
//! there to be known), and `ok` or `short`; lines that begin with `#` are remarks. For servers, clients,
//! members and workers that are killed or stopped the program starts itself again.
//!
//! The cluster's members live in network namespaces, which only root can make, with `ip` and `nft`, and so
//! do the workers of a network that is split. Where that cannot be had, the scenario's line says
//! `skipped`, and a remark why.
//!
//! What is random in the group `workers` follows from a seed, which is printed and can be given.
//!
//! The exit status is 0 if every goal is met, 1 if one is not or a scenario failed, and 3 if what was
//! measured meets its goals, but something was skipped.

mod answerer;
mod calls;
mod cluster;
mod drive;
mod figure;
mod group;
mod load;
mod moment;
mod operate;
mod percentile;
mod raw_client;
mod record;
mod roster;
mod serve;
mod service;
mod services;
mod settle;
mod site;
mod stamp;
mod told;
mod verify;
mod workers;

use crate::group::{BoxError, Plan, Scale, Scenario, Verdict};
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
    /// Members in namespaces of their own: detection, partitions, cost (needs root; 3 if skipped)
    Cluster(Amounts),
    /// Workers that are killed, stopped, slow or overrun, and a client that calls them (3 if skipped)
    Workers(Workers),
    /// Services that are operated: certificates that are replaced under load
    Operate(Amounts),
    /// Serve the methods that are measured, until SIGTERM
    #[command(hide = true)]
    Serve(serve::Serve),
    /// Call a server until SIGTERM, then write down how each call ended
    #[command(hide = true)]
    Drive(drive::Drive),
    /// Be a member of a cluster, or several, as told on standard input
    #[command(hide = true)]
    Member(cluster::member::Member),
    /// Be a worker of a cluster, until SIGTERM or the end of its input
    #[command(hide = true)]
    Worker(workers::worker::Worker),
    /// Call the workers of a cluster until the end of its input, and say how each call ends
    #[command(hide = true)]
    Caller(workers::caller::Caller),
}

#[derive(Args)]
struct Workers {
    #[command(flatten)]
    amounts: Amounts,
    /// Of what is random: who is killed when, which calls are idempotent, when callers give up
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Args)]
struct Amounts {
    /// Measure small amounts, within minutes
    #[arg(long)]
    quick: bool,
    /// Measure only what begins with this name; may be repeated
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
}

impl Amounts {
    async fn measure(self, scenarios: &[Scenario], seed: u64) -> Result<ExitCode, BoxError> {
        let scale = if self.quick {
            Scale::Quick
        } else {
            Scale::Full
        };
        let plan = Plan { scale, seed };
        let verdict = group::run(scenarios, &self.only, plan).await?;
        Ok(ExitCode::from(match verdict {
            Verdict::Met => 0,
            Verdict::Short => 1,
            Verdict::Skipped => 3,
        }))
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    match Cli::parse().command {
        Command::Calls(amounts) => amounts.measure(calls::SCENARIOS, 0).await,
        Command::Services(amounts) => amounts.measure(services::SCENARIOS, 0).await,
        Command::Cluster(amounts) => amounts.measure(cluster::SCENARIOS, 0).await,
        Command::Workers(workers) => {
            let Workers { amounts, seed } = workers;
            amounts.measure(workers::SCENARIOS, seed).await
        }
        Command::Operate(amounts) => {
            operate::prepare(&amounts.only).await?;
            amounts.measure(operate::SCENARIOS, 0).await
        }
        Command::Serve(serve) => serve.run().await.map(|()| ExitCode::SUCCESS),
        Command::Drive(drive) => drive.run().await.map(|()| ExitCode::SUCCESS),
        Command::Member(member) => member.run().await.map(|()| ExitCode::SUCCESS),
        Command::Worker(worker) => worker.run().await.map(|()| ExitCode::SUCCESS),
        Command::Caller(caller) => caller.run().await.map(|()| ExitCode::SUCCESS),
    }
}
