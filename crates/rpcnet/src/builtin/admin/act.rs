//! What may be done to a node from outside.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use rpcnet_proto::{Code, CodecId};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::service::{Admin, asked};
use crate::cluster::{ClusterError, ClusterMembership, membership_of};
use crate::codec;
use crate::context::CallContext;
use crate::error::RpcError;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    SetTag,
    RemoveTag,
    Drain,
    Leave,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TagKey {
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    draining: bool,
}

#[derive(Serialize)]
struct Done<'a> {
    /// Whose node it was done to.
    node: &'a str,
}

impl Action {
    /// Does it, and says to whom.
    pub(super) async fn run(
        self,
        admin: Arc<Admin>,
        context: CallContext,
        payload: Bytes,
    ) -> Result<Bytes, RpcError> {
        admin.check_acting(&context)?;
        let membership = membership_of(&admin.server()?).ok_or_else(no_member)?;
        match self {
            Self::SetTag => {
                let tag: Tag = asked(&payload, "{\"key\": \"zone\", \"value\": \"a\"}")?;
                let set = membership.set_tag(&tag.key, &tag.value).await;
                set.map_err(refused)?;
            }
            Self::RemoveTag => {
                let tag: TagKey = asked(&payload, "{\"key\": \"zone\"}")?;
                membership.remove_tag(&tag.key).await.map_err(refused)?;
            }
            Self::Drain => {
                let drain: Drain = asked(&payload, "{\"draining\": true}")?;
                let said = membership.set_draining(drain.draining).await;
                said.map_err(refused)?;
            }
            Self::Leave => leave(&admin, &membership).await?,
        }
        // Who was changed by whom is for the operator to know.
        tracing::info!(
            action = ?self,
            by = context.peer_identity().map(tracing::field::display),
            peer = ?context.remote_addr(),
            "changed from outside"
        );
        let node = membership.name().as_str();
        codec::encode(CodecId::JSON, &Done { node })
    }
}

/// Says that the node drains, gives that time to get about, and leaves. Goes on where the
/// caller does not wait for it.
async fn leave(admin: &Admin, membership: &Arc<ClusterMembership>) -> Result<(), RpcError> {
    if admin.is_leaving.swap(true, Ordering::AcqRel) {
        let message = "this node is leaving already";
        return Err(RpcError::status(Code::FailedPrecondition, message));
    }
    let (told, left) = oneshot::channel();
    let leaving = membership.clone();
    membership.tasks().spawn(async move {
        leaving.announce_drain(leaving.drain_notice()).await;
        let outcome = leaving.leave().await;
        // Nobody may wait for it any more.
        let _ = told.send(outcome);
    });
    match left.await {
        Ok(outcome) => outcome.map_err(refused),
        Err(_) => Err(no_member()),
    }
}

fn no_member() -> RpcError {
    let message = "this node is no member of a cluster, or has left";
    RpcError::status(Code::FailedPrecondition, message)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what errors are mapped by"
)]
fn refused(error: ClusterError) -> RpcError {
    let code = match error {
        ClusterError::Tag(_) => Code::InvalidArgument,
        _ => Code::FailedPrecondition,
    };
    RpcError::status(code, error.to_string())
}
