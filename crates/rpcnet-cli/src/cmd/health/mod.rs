//! `rpcnet health`: whether a server is ready, for probes and for people.

mod answer;
mod ask;
mod watch;

use std::error::Error;

use self::answer::Answer;
use crate::cmd::Exit;
use crate::cmd::access::ServerAccess;

/// Ask a server whether it is ready to be called.
///
/// Prints SERVING, NOT_SERVING or DRAINING. The server has to say so by `enable_health`; one that
/// refuses calls because it shuts down counts as DRAINING.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    access: ServerAccess,
    /// A service of that server; the server as a whole by default.
    #[arg(value_name = "SERVICE", default_value = "", hide_default_value = true)]
    service: String,
    /// Go on, and print every change.
    #[arg(long)]
    watch: bool,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  rpcnet health localhost:4433 --ca certs/ca.pem
  rpcnet health localhost:4433 Billing --ca certs/ca.pem --json
  rpcnet health localhost:4433 --watch --ca certs/ca.pem

As a probe of Kubernetes, where the image has the command and the files:
  readinessProbe:
    exec:
      command: [rpcnet, health, localhost:4433, --ca, /certs/ca.pem, --timeout, '2']

The answer is there, or given up, within --timeout for each address.

Exit code: 0 serving; 1 not serving, draining, or too busy to say; 2 misused; 3 nobody said, because
nothing answers there, the certificates do not fit, or the server does not tell.";

/// The exit code where something answered, but is not ready.
const NOT_READY: u8 = 1;
/// The exit code where nobody said anything.
const UNKNOWN: u8 = 3;

/// Asks and prints.
///
/// # Errors
///
/// The exit code, where it is not 0, and why.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        match args.watch {
            true => Box::pin(watch::run(args)).await,
            false => Box::pin(once(args)).await,
        }
    });
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}

async fn once(args: &Args) -> Result<(), Box<dyn Error>> {
    let answer = ask::check(args).await?;
    crate::print(&answer.line(args, None))?;
    ended(answer)
}

/// The exit code of the last answer.
fn ended(answer: Answer) -> Result<(), Box<dyn Error>> {
    match (answer.is_serving(), answer.reason) {
        (true, _) => Ok(()),
        (false, Some(reason)) => Err(Exit::new(NOT_READY, reason).into()),
        (false, None) => Err(Exit::silent(NOT_READY).into()),
    }
}
