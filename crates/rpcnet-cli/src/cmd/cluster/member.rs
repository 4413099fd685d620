//! One member, asked by its own name.

use rpcnet::RpcError;
use serde::Deserialize;
use serde_json::Value;

use super::access::Access;
use super::feed;
use super::view::{Node, View};
use crate::cmd::access::{Attempt, Target, Unanswered};

/// The view of the first seed that answers.
///
/// # Errors
///
/// Why none does.
pub(super) async fn first_view(access: &Access) -> Result<(View, Target), Unanswered> {
    let (targets, mut failures) = access.targets().await;
    for target in targets {
        let view = feed::members(access.credentials(), &target).await;
        let read = |view: Value| {
            View::deserialize(&view).map_err(|error| Attempt::unreadable(&target, &error))
        };
        match view.and_then(read) {
            Ok(view) => return Ok((view, target)),
            Err(attempt) => failures.push(attempt),
        }
    }
    Err(failures)
}

/// The member of this name in a view, and where to ask it.
///
/// # Errors
///
/// What is there instead.
pub(super) fn find<'a>(view: &'a View, name: &str) -> Result<(&'a Node, Target), RpcError> {
    let Some(node) = view.members.iter().find(|node| node.name == name) else {
        let names: Vec<&str> = view
            .members
            .iter()
            .map(|node| node.name.as_str())
            .take(16)
            .collect();
        return Err(RpcError::config(format!(
            "the cluster has no member {:?}; there are {}",
            name,
            crate::cmd::access::printable(&names.join(", "), 400)
        )));
    };
    if !node.is_live() {
        return Err(RpcError::config(format!(
            "{name:?} is {}: it cannot be asked",
            crate::cmd::access::printable(&node.state, 16)
        )));
    }
    let address = node
        .address
        .parse()
        .map_err(|_| RpcError::config(format!("the address of {name:?} is not understood")))?;
    Ok((node, Target::member(address, name)))
}
