//! [`Session`]: a connection that is asked what there is, and the failures in the way.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use rpcnet::{RpcClient, RpcError};

use super::ask::{self, Told};
use super::catalogue::Catalogue;
use super::nearest::nearest;
use crate::cmd::access::{Attempt, FAREWELL, ServerAccess, Target, printable};

/// A server that can be asked.
pub(crate) struct Session<'a> {
    access: &'a ServerAccess,
    pub(crate) client: RpcClient,
    pub(crate) target: Target,
}

impl<'a> Session<'a> {
    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// Why it is not to be reached.
    pub(crate) async fn open(access: &'a ServerAccess) -> Result<Self, Box<dyn Error>> {
        let (client, target) = access.connect().await?;
        Ok(Self {
            access,
            client,
            target,
        })
    }

    pub(crate) fn access(&self) -> &ServerAccess {
        self.access
    }

    /// The methods that belong to this name, or all.
    ///
    /// # Errors
    ///
    /// There is nothing of that name, or why the server does not tell.
    pub(crate) async fn list(&self, name: &str) -> Result<Catalogue, Box<dyn Error>> {
        let told = ask::all(&self.client, name, self.timeout()).await;
        self.known(name, told).await
    }

    /// As [`list`](Self::list), with what the messages look like.
    ///
    /// # Errors
    ///
    /// As of `list`.
    pub(crate) async fn describe(&self, name: &str) -> Result<Catalogue, Box<dyn Error>> {
        let told = ask::described(&self.client, name, self.timeout()).await;
        self.known(name, told).await
    }

    /// What there is instead of a name that there is not.
    pub(crate) async fn missing(&self, name: &str) -> Missing {
        let all = match ask::all(&self.client, "", self.timeout()).await {
            Ok(Told::Known(all)) => all,
            _ => Catalogue::default(),
        };
        let services = all.services.iter().map(|service| service.name.as_str());
        let methods = all.methods.iter().map(|method| method.method.as_str());
        let near = nearest(name, methods.chain(services));
        Missing {
            name: name.to_owned(),
            near: near.into_iter().map(String::from).collect(),
        }
    }

    /// Closes the connection, and leaves it a moment to say so.
    pub(crate) async fn close(self) {
        self.client.close();
        tokio::time::sleep(FAREWELL).await;
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.access.credentials().timeout()
    }

    async fn known(
        &self,
        name: &str,
        told: Result<Told<Catalogue>, RpcError>,
    ) -> Result<Catalogue, Box<dyn Error>> {
        let error = match told {
            Ok(Told::Known(catalogue)) => return Ok(catalogue),
            Ok(Told::Nothing) => return Err(Box::new(self.missing(name).await)),
            Ok(Told::Silent(error)) | Err(error) => error,
        };
        let attempt = Attempt::failed(self.access.credentials(), &self.target, &error);
        let attempt = match error {
            RpcError::UnknownMethod(_) => attempt.with_hint(
                "this server does not tell what it has: it needs \
                 `server.enable_introspection(Access::verified())`",
            ),
            _ => attempt,
        };
        let mut failures = self.access.no_failures();
        failures.push(attempt);
        Err(failures.into())
    }
}

/// There is no method and no service of a name.
#[derive(Debug)]
pub(crate) struct Missing {
    name: String,
    near: Vec<String>,
}

/// Names are shown so far.
const NAME_CHARS_MAX: usize = 128;

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = printable(&self.name, NAME_CHARS_MAX);
        write!(f, "the server has no method and no service `{name}`")?;
        if self.near.is_empty() {
            return write!(f, "\n  rpcnet list shows what it has");
        }
        let near = self.near.iter().map(|name| printable(name, NAME_CHARS_MAX));
        let near: Vec<String> = near.map(|name| format!("`{name}`")).collect();
        write!(f, "\n  did you mean {}?", near.join(" or "))
    }
}

impl Error for Missing {}
