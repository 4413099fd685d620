//! Three nodes of a cluster in this process, and the command beside them.
//!
//! ```text
//! let cluster = ThreeNodes::start().await;
//! let mut command = rpcnet(["health", &cluster.address(0)]);
//! command.args(cluster.identified("alice"));
//! let text = printed(finished(command).await);
//! ```
//!
//! Each node serves [`Calculator`](calculator::Calculator), some methods of bytes, health for anyone,
//! introspection, its cluster and what it does for those with a certificate; `alice` may act on it. They are real servers on ports of their
//! own, and end with [`ThreeNodes`].
#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

pub(crate) mod browser;
pub(crate) mod calculator;
mod command;
mod nodes;
mod terminal;
mod work;

pub(crate) use self::command::{
    Running, assert_contains, complaint, failed, fed, finished, printed, rpcnet,
};
pub(crate) use self::nodes::{Node, ThreeNodes};
pub(crate) use self::terminal::Terminal;
pub(crate) use self::work::Work;

use std::time::Duration;

/// Nothing here takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A line for whoever reads what the tests print.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
