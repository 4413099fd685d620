//! `rpcnet bench`: how fast a server answers.

mod axis;
mod caller;
mod chart;
mod closed;
mod compare;
mod failures;
mod files;
mod histogram;
mod html;
mod open;
mod pacer;
mod payload;
mod plan;
mod progress;
mod recorder;
mod run;
#[cfg(test)]
mod sample;
mod schedule;
mod series;
mod session;
mod summary;
mod tally;
mod text;
mod verdict;
mod words;

use std::error::Error;

use self::files::Files;
use self::payload::PayloadOptions;
use self::plan::LoadOptions;
use self::verdict::ErrorRate;
use super::access::ServerAccess;

/// Load a server with calls of one method, and measure how fast it answers.
///
/// A closed loop (--in-flight) keeps so many calls under way: it finds out how many the server can
/// answer. An open loop (--rate) sends calls when they are due, whether or not earlier ones were
/// answered, and counts latency from when each was due: it shows what users would have felt, also
/// while the server stood still. The method must be unary, and is really executed: take one that may
/// be.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerAccess,
    /// The method, as it is registered: `echo`, or `Greeting.greet` of a typed service.
    #[arg(value_name = "METHOD")]
    method: String,
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    payload: PayloadOptions,
    #[command(flatten)]
    files: Files,
    /// Print the result as JSON, one object on one line.
    #[arg(long, help_heading = "Result")]
    json: bool,
    /// Exit with 1 where a larger share of the calls failed or could not be sent, such as `1%` or
    /// `0.01`. Without it only a run of which no call succeeded has failed.
    #[arg(long, value_name = "SHARE", help_heading = "Result", value_parser = ErrorRate::parse)]
    max_error_rate: Option<ErrorRate>,
}

const EXAMPLES: &str = "Examples (certificates left out):
  rpcnet bench localhost:4433 echo --bytes 64 ...
  rpcnet bench localhost:4433 Greeting.greet --data '\"world\"' --in-flight 256 --duration 30s ...
  rpcnet bench localhost:4433 echo --rate 5000 --report run.html ...
  rpcnet bench localhost:4433 echo --save before.json ...
  rpcnet bench localhost:4433 echo --compare before.json ...
  rpcnet bench localhost:4433 echo --calls 100000 --json ... | jq .latency.p99_us

Ctrl-C ends a run early and prints what was measured until then.

Exit code: 0 measured; 1 nothing was, every call failed, or more than --max-error-rate allows did
(standard error says why); 2 misused.";

/// Loads the server and prints what came of it.
///
/// # Errors
///
/// Why there is no result, or why the run counts as failed.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(Box::pin(session::run(args)));
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}
