//! `rpcnet describe`: what a method or a service takes and answers.

mod text;

use std::error::Error;

use crate::cmd::access::{ServerAccess, ascii_json};
use crate::cmd::reflection::Session;

/// Show what a method takes and answers, or all methods of a service.
///
/// The server has to tell by `enable_introspection`. Names of types do not travel: those that are used
/// more than once are called T1, T2 and so on. Messages are shown as JSON has them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    access: ServerAccess,
    /// The method or the service, such as Billing.charge or Billing.
    #[arg(value_name = "NAME")]
    name: String,
    /// Print what the server tells as JSON, on one line.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples (certificates left out):
  rpcnet describe localhost:4433 Billing.charge ...
  rpcnet describe localhost:4433 Billing ...
  rpcnet describe localhost:4433 Billing.charge --json ... | jq '.methods[].arguments'

Exit code: 0 described, 1 not described (standard error says why), 2 misused.";

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
        let described = session.describe(&args.name).await;
        let address = session.target.address().to_string();
        session.close().await;
        let catalogue = described?;
        crate::print(&match args.json {
            true => ascii_json(&serde_json::to_string(&catalogue)?) + "\n",
            false => text::text(&catalogue, &address),
        })
    }));
    // Looking up a name occupies a thread that would be waited for.
    runtime.shutdown_background();
    outcome
}
