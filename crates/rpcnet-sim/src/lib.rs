//! Runs rpcnet's membership core in virtual time: thousands of nodes, one thread, one seed.
//!
//! A [`cluster::Cluster`] of [`engine::Engine`]s exchanges messages over a [`network::Network`] that
//! loses, holds up, duplicates and cuts off; a [`fault`] list says what happens to it; the rules of
//! [`invariant`] are compared after every step. Nothing depends on the machine: a run with the same
//! arguments has the same [`trace::Trace`].
//!
//! What is not here: the protocol, which is `rpcnet_proto::swim`, and real sockets, on which the
//! same claims are confirmed elsewhere.
//!
//! The command `rpcnet-sim` measures the [`goals`], replays one [`scenario`] and searches for a seed
//! that breaks a rule:
//!
//! ```text
//! cargo run --release -p rpcnet-sim -- goals --quick
//! cargo run --release -p rpcnet-sim -- seeds --count 500 --nodes 16
//! cargo run --release -p rpcnet-sim -- run --seed 7 --nodes 16 --scenario random --trace
//! cargo run --release -p rpcnet-sim -- run --nodes 64 --scenario idle --faults '20s split 0-20 for 30s'
//! ```

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
