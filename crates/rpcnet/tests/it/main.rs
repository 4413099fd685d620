//! Behaviour over real QUIC on loopback; a module per behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile_client;
mod hostile_server;
mod limits;
mod pair;
mod panics;
mod raw;
mod robustness;
mod shapes;
mod truncation;
