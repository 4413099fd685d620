//! Strangers and a member that lie to honest nodes, over real QUIC; a module per attack.

pub(crate) mod arena;
mod crowd;
mod flood;
mod forger;
mod liar;
mod outsider;
mod reflection;
mod replay;
