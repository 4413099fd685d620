//! The command `rpcnet-gen`.
//!
//! Exit codes: 0 done, 1 the files are stale or a change breaks, 2 a definition has mistakes, a
//! file cannot be read or written, or the command was misused.

mod check;
mod generate;

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rpcnet_gen::GenerateError;

/// Generates typed rpcnet servers and clients from Rust traits.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = EXAMPLES
)]
struct Cli {
    #[command(flatten)]
    generate: generate::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
}

const EXAMPLES: &str = "\
Examples:
  rpcnet-gen --input api/greeting.rpc.rs            into src/generated/greeting/
  rpcnet-gen --input api --output src/api           every *.rpc.rs in and below api/
  rpcnet-gen --input api --client-only              no server
  rpcnet-gen --input api --check                    for CI: are the files up to date?
  rpcnet-gen check v1/greeting.rpc.rs api/greeting.rpc.rs
                                                    for CI: does a change break peers?

Exit codes: 0 done, 1 stale files or breaking changes, 2 anything else went wrong.";

/// What a run came to, in words.
enum Outcome {
    /// It did what it was to do.
    Done(String),
    /// Changes that were asked for break.
    Breaking(String),
    /// Files are not what they should be.
    Stale(String),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Check(args)) => check::run(&args),
        None => generate::run(cli.generate),
    };
    let (printed, code) = match outcome {
        Ok(Outcome::Done(text)) => (print(&text), ExitCode::SUCCESS),
        Ok(Outcome::Breaking(text)) => (print(&text), ExitCode::from(FAULT)),
        Ok(Outcome::Stale(text)) => {
            complain(&text);
            (Ok(()), ExitCode::from(FAULT))
        }
        Err(error) => {
            // Mistakes in definitions say themselves that they are errors, each at its place.
            let is_labelled = matches!(error, GenerateError::Definition(_));
            let label = if is_labelled { "" } else { "error: " };
            complain(&format!("{label}{}", chain(&error)));
            (Ok(()), ExitCode::from(FAILED))
        }
    };
    match printed {
        Ok(()) => code,
        Err(error) => {
            complain(&format!("error: cannot write to standard output: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Whoever closes the pipe early, such as `head`, has seen enough: that is no failure.
fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn complain(text: &str) {
    // Where even this cannot be written, the exit code has to do.
    let _ = writeln!(io::stderr(), "{text}");
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

/// The exit code for stale files and breaking changes.
const FAULT: u8 = 1;

/// The exit code for everything that kept the command from its work.
const FAILED: u8 = 2;
