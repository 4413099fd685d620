//! `rpcnet cluster`: who is in a running cluster, asked of one of its nodes.

mod access;
mod contacts;
mod feed;
mod line;
mod members;
mod table;
mod view;
mod watch;

use std::error::Error;

use clap::Subcommand;
use rpcnet::cluster::TagFilter;

pub(crate) use self::access::Access;
pub(crate) use self::feed::{Feed, Update};
pub(crate) use self::table::{columns, tags};
pub(crate) use self::view::{Event, Node, View};

/// Look at a running cluster: its members, and what becomes of them.
///
/// Any node answers, for itself: nodes may differ for a moment. It tells whoever has a
/// certificate of the cluster's CA, a client's is enough. Nothing is changed, and the command
/// does not become a member.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "Examples:
  rpcnet certs client --name alice            a certificate to ask with
  rpcnet cluster members --seed 10.0.0.1:4433 \\
      --ca certs/ca.pem --cert certs/alice.pem --key certs/alice-key.pem
  rpcnet cluster watch --help";

#[derive(Subcommand)]
enum What {
    /// Print the members as one node sees them.
    #[command(after_help = MEMBERS_EXAMPLES)]
    Members(Question),
    /// Print the members, then a line for everything that happens to them.
    ///
    /// Where the node that is watched goes away, another one is asked: the other seeds, and the
    /// members that were seen. Ends with Ctrl-C, or where whoever reads the output goes away.
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(Question),
}

const MEMBERS_EXAMPLES: &str = "Examples (certificates left out):
  rpcnet cluster members --seed 10.0.0.1:4433 --seed db.internal:4433 ...
  rpcnet cluster members --seed localhost:4433 --filter 'role=worker,!draining' ...
  rpcnet cluster members --seed [::1]:4433 --server-name worker-1 ...
  rpcnet cluster members --seed localhost:4433 --json ... | jq '.members[].name'

Exit code: 0 a node answered, 1 none did (standard error says why), 2 misused.";

const WATCH_EXAMPLES: &str = "Examples (certificates left out):
  rpcnet cluster watch --seed 10.0.0.1:4433 --seed 10.0.0.2:4433 ...
  rpcnet cluster watch --seed localhost:4433 --filter role=worker ...
  rpcnet cluster watch --seed localhost:4433 --json ... | jq 'select(.event == \"NodeFailed\")'

With --json every line is an object with `at`, this machine's time in UTC, and `event`: `View` with
all members first and after every change of the node that is asked, `Disconnected` where that node
went away, and the names of the events of the library.

Exit code: 0 ended with Ctrl-C, 1 no seed answered at the start, 2 misused.";

/// Whom to ask, for what, and how to print it.
#[derive(clap::Args)]
pub(crate) struct Question {
    #[command(flatten)]
    access: Access,
    /// Only members with these tags: `key`, `key=value`, `!key`; a comma means and.
    #[arg(long, default_value = "", hide_default_value = true)]
    filter: TagFilter,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
///
/// # Errors
///
/// Which option is wrong where no node answers; what is wrong with standard output.
pub(crate) fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        match args.what {
            What::Members(question) => Box::pin(members::run(&question)).await,
            What::Watch(question) => Box::pin(watch::run(&question)).await,
        }
    });
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}
