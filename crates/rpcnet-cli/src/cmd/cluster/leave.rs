//! `rpcnet cluster drain` and `leave`: a member is to do less, or to go.

use std::error::Error;

use serde_json::json;

use super::access::Access;
use super::member::{find, first_view};
use crate::cmd::access::{Unanswered, printable};
use crate::cmd::observe::act;

/// Which member is to go.
#[derive(clap::Args)]
pub(super) struct Leave {
    #[command(flatten)]
    access: Access,
    /// The member that is to leave.
    #[arg(long, value_name = "NAME")]
    node: String,
}

/// Which member is to take no more work.
#[derive(clap::Args)]
pub(super) struct Drain {
    #[command(flatten)]
    access: Access,
    /// The member that is to take no more work.
    #[arg(long, value_name = "NAME")]
    node: String,
    /// It is to take work again.
    #[arg(long)]
    off: bool,
}

/// Has the member leave, and waits until it has.
pub(super) async fn leave(question: &Leave) -> Result<(), Box<dyn Error>> {
    order(&question.access, &question.node, "leave", &json!({})).await?;
    let name = printable(&question.node, NAME_CHARS_MAX);
    crate::print(&format!(
        "{name} has left the cluster; its server still runs\n"
    ))
}

/// Has the member drain, or end that.
pub(super) async fn drain(question: &Drain) -> Result<(), Box<dyn Error>> {
    let payload = json!({"draining": !question.off});
    order(&question.access, &question.node, "drain", &payload).await?;
    let name = printable(&question.node, NAME_CHARS_MAX);
    let what = if question.off {
        "takes work again"
    } else {
        "drains"
    };
    crate::print(&format!("{name} {what}\n"))
}

async fn order(
    access: &Access,
    name: &str,
    action: &str,
    payload: &serde_json::Value,
) -> Result<(), Box<dyn Error>> {
    let (view, answering) = first_view(access).await?;
    let (node, mut target) = find(&view, name)?;
    if node.is_self {
        target = answering;
    }
    let acted = act(access.credentials(), &target, action, payload).await;
    acted.map_err(|attempt| Unanswered::of(&target, attempt).into())
}

const NAME_CHARS_MAX: usize = 64;
