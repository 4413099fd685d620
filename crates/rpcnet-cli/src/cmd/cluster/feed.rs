//! [`Feed`]: the view of one node, and what becomes of it.

use std::time::Duration;

use futures::StreamExt;
use rpcnet::{CallOptions, ResponseStream, RpcClient, RpcError};
use serde_json::Value;
use tokio::time::timeout;

use crate::cmd::access::{Attempt, Credentials, Target};

/// Answers with the members at once.
const MEMBERS: &str = "rpcnet.cluster/members";
/// Answers with the members, then with every event.
const WATCH: &str = "rpcnet.cluster/watch";
/// After this the watch is begun anew, so that no stream lives for ever.
const WATCH_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a node told.
#[derive(Debug)]
pub(crate) enum Update {
    /// All members.
    View(Value),
    /// One event.
    Event(Value),
}

/// A node that is being watched. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Feed {
    credentials: Credentials,
    target: Target,
    /// What it told first.
    first: Option<Vec<u8>>,
    updates: ResponseStream,
    /// Keeps the connection.
    _client: RpcClient,
}

impl Feed {
    /// Begins to watch the node at `target`, which has told its members when this returns.
    ///
    /// # Errors
    ///
    /// Why that node cannot be watched.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub(crate) async fn open(credentials: &Credentials, target: Target) -> Result<Self, Attempt> {
        let opened = timeout(credentials.timeout() * 2, Self::begin(credentials, &target)).await;
        match opened.unwrap_or(Err(RpcError::Timeout)) {
            Ok((client, first, updates)) => Ok(Self {
                credentials: credentials.clone(),
                target,
                first: Some(first),
                updates,
                _client: client,
            }),
            Err(error) => Err(Attempt::failed(credentials, &target, &error)),
        }
    }

    async fn begin(
        credentials: &Credentials,
        target: &Target,
    ) -> Result<(RpcClient, Vec<u8>, ResponseStream), RpcError> {
        let client = credentials.connect(target).await?;
        let options = CallOptions::new().with_timeout(WATCH_TIMEOUT);
        let opened = client.call_server_streaming_with(WATCH, Vec::new(), options);
        let mut updates = opened.await?;
        // A refusal arrives as the first item.
        let first = updates.next().await.unwrap_or_else(|| Err(ended()))?;
        Ok((client, first, updates))
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn into_target(self) -> Target {
        self.target
    }

    /// What the node tells next; an error where it tells no more.
    ///
    /// # Errors
    ///
    /// Why the watch has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no update is lost.
    pub(crate) async fn next(&mut self) -> Result<Update, Attempt> {
        let message = match self.first.take() {
            Some(first) => first,
            None => {
                let next = self.updates.next().await.unwrap_or_else(|| Err(ended()));
                next.map_err(|error| Attempt::failed(&self.credentials, &self.target, &error))?
            }
        };
        let value: Value = serde_json::from_slice(&message)
            .map_err(|error| Attempt::unreadable(&self.target, &error))?;
        Ok(if value.get("event").is_some() {
            Update::Event(value)
        } else {
            Update::View(value)
        })
    }
}

fn ended() -> RpcError {
    RpcError::config("the node ended the watch")
}

/// The members, as the node at `target` sees them.
///
/// # Errors
///
/// Why it does not say.
pub(crate) async fn members(credentials: &Credentials, target: &Target) -> Result<Value, Attempt> {
    let asked = async {
        let client = credentials.connect(target).await?;
        answered(&client).await
    };
    let answer = asked
        .await
        .map_err(|error| Attempt::failed(credentials, target, &error))?;
    serde_json::from_slice(&answer).map_err(|error| Attempt::unreadable(target, &error))
}

/// As [`members`], of a node that there is a connection to.
///
/// # Errors
///
/// Why it does not say.
pub(super) async fn members_of(client: &RpcClient) -> Result<Value, RpcError> {
    let answer = answered(client).await?;
    serde_json::from_slice(&answer)
        .map_err(|error| RpcError::config(format!("the answer is not understood: {error}")))
}

async fn answered(client: &RpcClient) -> Result<Vec<u8>, RpcError> {
    let options = CallOptions::new().idempotent();
    client.call_with(MEMBERS, Vec::new(), options).await
}
