//! Hosts of our own: network namespaces whose cables can be cut.
//!
//! A [`Network`] is a switch and some hosts on it, each a namespace with an address of its own. What
//! passes the switch can be lost, cut off between groups, in both directions or in one, and is
//! counted. A [`Loopback`] is a single host for programs that talk to themselves. Both need root, Linux,
//! and the commands `ip` and `nft`; `tc netem`, which many kernels lack, is not needed. Where they
//! cannot be had, making one fails with [`NetnsUnavailable`], and whoever measures skips.
//!
//! The machine's own namespace is not touched: the switch lives in a namespace too. All go when the
//! guard is dropped; what a killed program left behind is removed by the next one that starts.

mod error;
mod loopback;
mod namespace;
mod network;
mod rules;
mod stale;
mod tool;

pub use error::{NetnsError, NetnsUnavailable};
pub use loopback::Loopback;
pub use network::{NODES_MAX, Network, Traffic};

#[cfg(test)]
mod tests;
