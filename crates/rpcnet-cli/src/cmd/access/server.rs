//! [`ServerAccess`]: one server to ask.

use std::time::Duration;

use rpcnet::{RpcClient, RpcConfig};

use super::credentials::Credentials;
use super::failure::{Attempt, Unanswered};
use super::seed::Seed;
use super::target::{Place, Target};

/// How long a connection that was closed is left to say so, before the process ends.
pub(crate) const FAREWELL: Duration = Duration::from_millis(10);

/// The arguments of every command that asks one server.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ServerAccess {
    /// The server's address, as host:port.
    #[arg(value_name = "ADDR")]
    address: Seed,
    #[command(flatten)]
    credentials: Credentials,
}

impl ServerAccess {
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Every address of the server's name; a name that leads nowhere becomes a failure.
    pub(crate) async fn targets(&self) -> (Vec<Target>, Unanswered) {
        let address = std::slice::from_ref(&self.address);
        self.credentials.targets(address, Place::Server).await
    }

    /// Nothing has failed yet.
    pub(crate) fn no_failures(&self) -> Unanswered {
        Unanswered::new(Place::Server)
    }

    /// Connects to the first address of the name that answers.
    ///
    /// # Errors
    ///
    /// Every address that was tried, and why it was not to be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub(crate) async fn connect(&self) -> Result<(RpcClient, Target), Unanswered> {
        self.connect_with(|config| config).await
    }

    /// [`connect`](Self::connect) with settings that differ from those of a question.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub(crate) async fn connect_with(
        &self,
        adapt: impl Fn(RpcConfig) -> RpcConfig,
    ) -> Result<(RpcClient, Target), Unanswered> {
        let (targets, mut failures) = self.targets().await;
        for target in targets {
            match self.credentials.connect_with(&target, &adapt).await {
                Ok(client) => return Ok((client, target)),
                Err(error) => {
                    failures.push(Attempt::failed(&self.credentials, &target, &error));
                }
            }
        }
        Err(failures)
    }
}
