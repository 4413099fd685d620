//! `rpcnet cluster`: who is in a running cluster, asked of one of its nodes.

mod access;
mod contacts;
mod doctor;
mod feed;
mod leave;
mod line;
mod member;
mod members;
mod table;
mod tags;
mod view;
mod watch;

use std::error::Error;

use clap::Subcommand;
use rpcnet::cluster::TagFilter;

pub(crate) use self::access::Access;
pub(crate) use self::feed::{Feed, Update};
pub(crate) use self::line::details_line as event_details;
pub(crate) use self::table::{columns, tag_words, tags};
pub(crate) use self::view::{Event, Node, View};

/// Look at a running cluster: its members, what becomes of them, and what is wrong with it.
///
/// Any node answers, for itself: nodes may differ for a moment. It tells whoever has a
/// certificate of the cluster's CA, a client's is enough. The command does not become a member.
/// What changes a member is asked of that member's admin service, which says who may.
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
    /// Print the tags of a member, and change them.
    #[command(after_help = TAGS_EXAMPLES)]
    Tags(tags::Question),
    /// Have a member say that it wants no more work.
    ///
    /// It stays a member and refuses nothing; whoever chooses among workers leaves it out.
    #[command(after_help = DRAIN_EXAMPLES)]
    Drain(leave::Drain),
    /// Have a member say that it drains, and then leave the cluster.
    ///
    /// The others see that it left, and do not take it for failed. Its server goes on serving
    /// whoever calls it; ending that is up to whatever started it.
    #[command(after_help = LEAVE_EXAMPLES)]
    Leave(leave::Leave),
    /// Look for the usual mistakes, and say what to do.
    ///
    /// Looks up the seeds, connects to each and to every member that they know, and judges what
    /// it finds: names that lead nowhere, ports where nothing listens or UDP does not get
    /// through, the wrong CA, names that certificates lack, certificates that end soon, clocks,
    /// the size of packets, versions, members that are unwell, and nodes that see different
    /// members. Clocks and versions are told by the nodes' admin services.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(doctor::Question),
}

const TAGS_EXAMPLES: &str = "Examples (certificates left out):
  rpcnet cluster tags --seed 10.0.0.1:4433 ...
  rpcnet cluster tags --seed 10.0.0.1:4433 --node worker-1 --set zone=a --remove canary ...

Changes are made one after the other, removals first.

Exit code: 0 done, 1 not done or not all of it (standard error says why), 2 misused.";

const DRAIN_EXAMPLES: &str = "Examples (certificates left out):
  rpcnet cluster drain --seed 10.0.0.1:4433 --node worker-1 ...
  rpcnet cluster drain --seed 10.0.0.1:4433 --node worker-1 --off ...

Exit code: 0 done, 1 not done (standard error says why), 2 misused.";

const LEAVE_EXAMPLES: &str = "Examples (certificates left out):
  rpcnet cluster leave --seed 10.0.0.1:4433 --node worker-1 ...

Exit code: 0 it has left, 1 it has not (standard error says why), 2 misused.";

const DOCTOR_EXAMPLES: &str = "Examples (certificates left out):
  rpcnet cluster doctor --seed 10.0.0.1:4433 --seed db.internal:4433 ...
  rpcnet cluster doctor --seed localhost:4433 --json ... | jq '.findings[] | select(.hint)'

Exit code: 0 nothing is wrong, though there may be warnings, 1 something is, 2 misused.";

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
            What::Tags(question) => Box::pin(tags::run(&question)).await,
            What::Drain(question) => Box::pin(leave::drain(&question)).await,
            What::Leave(question) => Box::pin(leave::leave(&question)).await,
            What::Doctor(question) => Box::pin(doctor::run(&question)).await,
        }
    });
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}
