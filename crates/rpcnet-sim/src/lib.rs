//! Runs rpcnet's membership core in virtual time: thousands of nodes, one thread, one seed.
//!
//! A [`cluster::Cluster`] of [`engine::Engine`]s exchanges messages over a [`network::Network`] that loses, holds
//! up, duplicates and cuts off; a [`fault`] list says what happens to it; the [`invariant`]s are compared after every
//! step. Nothing depends on the machine: a run with the same arguments has the same [`trace::Trace`].

pub mod chance;
pub mod clock;
pub mod cluster;
pub mod engine;
pub mod fault;
pub mod figure;
pub mod goals;
pub mod invariant;
pub mod network;
pub mod node;
pub mod nodes;
pub mod queue;
pub mod scenario;
pub mod trace;
