//! `rpcnet list`: the services and methods of a server.

mod text;

use std::error::Error;

use crate::cmd::access::ServerAccess;
use crate::cmd::reflection::Session;

/// List the services and methods of a server.
///
/// The server has to tell by `enable_introspection`, and whom it tells is its own to say: as a rule
/// whoever has a certificate of its CA.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    access: ServerAccess,
    /// Only this service, with what it says of its methods.
    #[arg(value_name = "SERVICE", default_value = "", hide_default_value = true)]
    service: String,
    /// Methods of the library too, such as those for health.
    #[arg(long)]
    all: bool,
    /// Print JSON, one method a line.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples (certificates left out):
  rpcnet list localhost:4433 ...
  rpcnet list localhost:4433 Billing ...
  rpcnet list localhost:4433 --json ... | jq -r .method

Exit code: 0 listed, 1 not listed (standard error says why), 2 misused.";

/// Asks and prints.
///
/// # Errors
///
/// Why there is nothing to print.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(Box::pin(async {
        let session = Session::open(&args.access).await?;
        let listed = session.list(&args.service).await;
        session.close().await;
        let mut catalogue = listed?;
        if !args.all && args.service.is_empty() {
            catalogue.methods.retain(|method| !method.is_builtin());
        }
        crate::print(&match args.json {
            true => text::json(&catalogue),
            false => text::table(&catalogue, !args.service.is_empty()),
        })
    }));
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}
