//! Members of a cluster that lie, and strangers that would be members.
//!
//! A [`GossipPeer`] is one connection to a node, with whatever certificate it was given; on it a test
//! opens gossip streams and says what it likes. An [`Insider`] is a member as far as anybody can tell:
//! it has a certificate, listens where its record says, remembers what it hears and answers or not;
//! what it says is the test's own. A [`Forger`] signs records, for whomever, with the key it has.
//!
//! Bytes that are wrong at the level of frames go through the same streams, which are
//! [`raw`](crate::raw) ones underneath.

mod forger;
mod insider;
mod peer;

pub use forger::Forger;
pub use insider::Insider;
pub use peer::{GossipPeer, GossipStream, Listener, hello, message};

/// The most messages that an [`Insider`] remembers; later ones are counted and forgotten.
pub const REMEMBERED_MAX: usize = 65_536;

/// What rpcnet speaks.
const ALPN: &str = "rpcnet/1";
