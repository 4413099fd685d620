//! The `rpcnet` command.
//!
//! Exit codes: 0 done, 1 failed (the reason is on standard error), 2 misused. Commands may have
//! more, which their help says.

mod cmd;

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::cmd::Exit;

/// Tools for services built with rpcnet.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(Box<cmd::bench::Args>),
    Call(Box<cmd::call::Args>),
    Certs(cmd::certs::Args),
    Cluster(cmd::cluster::Args),
    Completions(cmd::completions::Args),
    Dashboard(cmd::dashboard::Args),
    Demo(cmd::demo::Args),
    Describe(cmd::describe::Args),
    Health(cmd::health::Args),
    List(cmd::list::Args),
    Man(cmd::man::Args),
    Top(cmd::top::Args),
    #[command(hide = true)]
    Reference(cmd::reference::Args),
    #[command(hide = true)]
    DemoServer(cmd::demo::server::Args),
    #[command(hide = true)]
    DemoNode(cmd::demo::cluster::node::Args),
    #[command(hide = true)]
    DemoWorker(cmd::demo::workers::worker::Args),
    #[command(hide = true)]
    DemoLoad(cmd::demo::workers::load::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Bench(args) => cmd::bench::run(&args),
        Command::Call(args) => cmd::call::run(&args),
        Command::Certs(args) => cmd::certs::run(args),
        Command::Cluster(args) => cmd::cluster::run(args),
        Command::Completions(args) => cmd::completions::run(&args, &Cli::command()),
        Command::Dashboard(args) => cmd::dashboard::run(&args),
        Command::Demo(args) => cmd::demo::run(&args),
        Command::Describe(args) => cmd::describe::run(&args),
        Command::Health(args) => cmd::health::run(&args),
        Command::List(args) => cmd::list::run(&args),
        Command::Top(args) => cmd::top::run(&args),
        Command::Man(args) => cmd::man::run(&args, &Cli::command()),
        Command::Reference(cmd::reference::Args {}) => cmd::reference::run(&Cli::command()),
        Command::DemoServer(args) => cmd::demo::server::run(&args),
        Command::DemoNode(args) => cmd::demo::cluster::node::run(&args),
        Command::DemoWorker(args) => cmd::demo::workers::worker::run(&args),
        Command::DemoLoad(args) => cmd::demo::workers::load::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let exit = error.downcast_ref::<Exit>();
            if exit.is_none_or(|exit| !exit.is_silent()) {
                // Where even this cannot be written, the exit code has to do.
                let _ = writeln!(io::stderr(), "error: {}", chain(&*error));
            }
            exit.map_or(ExitCode::FAILURE, |exit| exit.code().into())
        }
    }
}

/// Whoever closes the pipe early, such as `head`, has seen enough: that is no failure.
fn print(report: &str) -> Result<(), Box<dyn Error>> {
    match io::stdout().write_all(report.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
