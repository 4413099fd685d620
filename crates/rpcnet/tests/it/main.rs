//! Behaviour over real QUIC on loopback; a module per behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pair;
mod shapes;
mod torn;
