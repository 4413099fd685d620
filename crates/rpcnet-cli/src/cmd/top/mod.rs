//! `rpcnet top`: what goes on in a cluster, in a terminal, as it goes on.

mod app;
mod paint;
mod plain;
mod screen;
mod svg;
mod tables;
mod view;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use self::plain::Form;
use crate::cmd::cluster::Access;
use crate::cmd::observe::{Observation, observe};

/// Watch a cluster in the terminal: members, rates, latencies, calls, errors and events.
///
/// One node says who is there and what happens; every member that lets itself be asked says what
/// it does. Where the node that is asked goes away, another one is asked. The nodes' programs
/// enable this by `RpcServer::enable_admin`, which says who may look; of a member that does not
/// tell, what the others see of it is shown.
///
/// Keys: q quits, tab and 1 to 4 choose a table, arrows scroll, s sorts by another column, ? helps.
/// Without a terminal, and with --plain, lines are printed instead. Colours are left out where
/// NO_COLOR is set.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    access: Access,
    /// Milliseconds between two looks.
    #[arg(long, value_name = "MS", default_value = "1000",
          value_parser = clap::value_parser!(u64).range(200..=60_000))]
    interval: u64,
    /// Print lines, one table each interval.
    #[arg(long)]
    plain: bool,
    /// Print JSON, one object with all that is known each interval; the same as the dashboard's
    /// `/picture.json`.
    #[arg(long)]
    json: bool,
    /// Print so many tables, or objects, and end; with --plain, --json or without a terminal.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Draw what there is to see after --count intervals (3 by default) into a file and end.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples (certificates left out):
  rpcnet top --seed 10.0.0.1:4433 --seed 10.0.0.2:4433 ...
  rpcnet top --seed localhost:4433 --interval 250 ...
  rpcnet top --seed localhost:4433 --plain --count 2 ...
  rpcnet top --seed localhost:4433 --json --count 1 ... | jq '.members[] | {name, load}'

Exit code: 0 ended by q, Ctrl-C or --count, 1 no seed tells what it does (standard error says why),
2 misused.";

/// Shows until it is told to end.
///
/// # Errors
///
/// Why no seed tells what it does; what is wrong with the terminal.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let interval = Duration::from_millis(args.interval);
        let watched = Box::pin(observe(&args.access, interval)).await?;
        let Observation { pictures, .. } = &watched;
        let pictures = pictures.clone();
        if let Some(file) = &args.svg {
            let looks = args.count.unwrap_or(LOOKS_BEFORE_SVG);
            return Box::pin(svg::write(file, pictures, interval, looks)).await;
        }
        let has_screen = io::stdout().is_terminal() && io::stdin().is_terminal();
        if args.json || args.plain || !has_screen {
            let form = if args.json { Form::Json } else { Form::Table };
            return Box::pin(plain::run(pictures, interval, args.count, form)).await;
        }
        Box::pin(screen::run(pictures)).await
    });
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}

/// Rates and trends need some.
const LOOKS_BEFORE_SVG: u64 = 3;
