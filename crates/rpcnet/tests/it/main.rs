//! Behaviour over real QUIC on loopback; a module per behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod leave;
mod pair;
mod shapes;
