//! Questions to a node's admin service.

use std::time::Duration;

use futures::StreamExt;
use rpcnet::{CallOptions, Code, ResponseStream, RpcClient, RpcError};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::snapshot::Snapshot;
use crate::cmd::access::{Attempt, Credentials, Target};

/// After this the watch is begun anew, so that no stream lives for ever.
const WATCH_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// One node's snapshots, as they come. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct AdminFeed {
    credentials: Credentials,
    target: Target,
    /// What it told first.
    first: Option<Snapshot>,
    updates: ResponseStream,
    /// Keeps the connection.
    _client: RpcClient,
}

impl AdminFeed {
    /// Begins to watch the node at `target`, which has told its first snapshot when this
    /// returns.
    ///
    /// # Errors
    ///
    /// Why that node cannot be watched.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt.
    pub(crate) async fn open(
        credentials: &Credentials,
        target: Target,
        interval: Duration,
    ) -> Result<Self, Attempt> {
        let begun = async {
            let client = credentials.connect(&target).await?;
            let options = CallOptions::new().with_timeout(WATCH_TIMEOUT);
            let every = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
            let payload = json!({"interval_ms": every}).to_string().into_bytes();
            let opened = client.call_server_streaming_with(WATCH, payload, options);
            let mut updates = opened.await?;
            // A refusal arrives as the first item.
            let first = updates.next().await.unwrap_or_else(|| Err(ended()))?;
            Ok((client, first, updates))
        };
        let begun = timeout(credentials.timeout() * 2, begun).await;
        let (client, first, updates) = begun
            .unwrap_or(Err(RpcError::Timeout))
            .map_err(|error| failed(credentials, &target, &error))?;
        Ok(Self {
            first: Some(read(&target, &first)?),
            credentials: credentials.clone(),
            target,
            updates,
            _client: client,
        })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The first snapshot, until it is taken by [`next`](Self::next).
    pub(crate) fn first(&self) -> Option<&Snapshot> {
        self.first.as_ref()
    }

    /// The next snapshot; an error where there are no more.
    ///
    /// # Errors
    ///
    /// Why the watch has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no snapshot is lost.
    pub(crate) async fn next(&mut self) -> Result<Snapshot, Attempt> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        let next = self.updates.next().await.unwrap_or_else(|| Err(ended()));
        let next = next.map_err(|error| failed(&self.credentials, &self.target, &error))?;
        read(&self.target, &next)
    }
}

/// What the node at `target` does now.
///
/// # Errors
///
/// Why it does not say.
pub(crate) async fn snapshot_of(
    client: &RpcClient,
    credentials: &Credentials,
    target: &Target,
) -> Result<Snapshot, Attempt> {
    let options = CallOptions::new().idempotent();
    let asked = client.call_with(SNAPSHOT, Vec::new(), options).await;
    let answer = asked.map_err(|error| failed(credentials, target, &error))?;
    read(target, &answer)
}

/// Has the node at `target` do something.
///
/// # Errors
///
/// Why it does not.
pub(crate) async fn act(
    credentials: &Credentials,
    target: &Target,
    action: &str,
    payload: &Value,
) -> Result<(), Attempt> {
    let acted = async {
        let client = credentials.connect(target).await?;
        let payload = payload.to_string().into_bytes();
        client
            .call(&format!("rpcnet.admin/{action}"), payload)
            .await
    };
    match acted.await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some(Code::PermissionDenied) => {
            Err(Attempt::failed(credentials, target, &error).with_hint(
                "--cert: this certificate may not act on the node; it names those who may by \
                 `AdminAccess::with_acting`",
            ))
        }
        Err(error) => Err(failed(credentials, target, &error)),
    }
}

fn failed(credentials: &Credentials, target: &Target, error: &RpcError) -> Attempt {
    let attempt = Attempt::failed(credentials, target, error);
    match error {
        RpcError::UnknownMethod(_) => attempt.with_hint(
            "this node has no admin service: its program enables it by `RpcServer::enable_admin`",
        ),
        error if code(error) == Some(Code::PermissionDenied) => attempt.with_hint(
            "--cert: the node's admin service does not answer this certificate; it names those \
             whom it answers by `RpcServer::enable_admin`",
        ),
        _ => attempt,
    }
}

fn code(error: &RpcError) -> Option<Code> {
    match error {
        RpcError::Status(status) => Some(status.code),
        RpcError::PermissionDenied(_) => Some(Code::PermissionDenied),
        _ => None,
    }
}

fn read(target: &Target, payload: &[u8]) -> Result<Snapshot, Attempt> {
    serde_json::from_slice(payload).map_err(|error| Attempt::unreadable(target, &error))
}

fn ended() -> RpcError {
    RpcError::config("the node ended the watch")
}

const SNAPSHOT: &str = "rpcnet.admin/snapshot";
const WATCH: &str = "rpcnet.admin/watch";
