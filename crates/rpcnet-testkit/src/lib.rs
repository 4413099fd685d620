//! What rpcnet is tested with.
//!
//! Everything here is a tool for tests and measurements, none of it ships: a network that misbehaves
//! on demand ([`chaos`]), hosts whose cables can be cut ([`netns`]), the proof that a call ran at most once ([`ledger`]), peers that break the
//! transport's or the protocol's rules on purpose ([`raw`], [`scripted`], [`gossip`]), and what is asked of a process from outside ([`memory`],
//! [`process`]).

pub mod chaos;
pub mod gossip;
pub mod ledger;
pub mod memory;
pub mod netns;
pub mod process;
pub mod raw;
pub mod scripted;
