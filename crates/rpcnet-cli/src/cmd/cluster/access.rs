//! [`Access`]: the nodes that may be asked.

use crate::cmd::access::{Credentials, Place, Seed, Target, Unanswered};

/// The options that every question to a cluster needs.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Access {
    /// A node's address, as host:port; may be repeated: the first that answers is asked.
    #[arg(long = "seed", value_name = "ADDR", required = true)]
    seeds: Vec<Seed>,
    #[command(flatten)]
    credentials: Credentials,
}

impl Access {
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Every address of every seed; names that lead nowhere become failures.
    pub(crate) async fn targets(&self) -> (Vec<Target>, Unanswered) {
        self.credentials.targets(&self.seeds, Place::Node).await
    }
}
