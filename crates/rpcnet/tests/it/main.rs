//! Behaviour over real QUIC on loopback; a module per behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backpressure;
mod bare;
mod cancellation;
mod context;
mod deadline;
mod keep_alive;
mod pair;
mod probe;
mod reconnect;
mod registration;
mod shapes;
mod shutdown;
mod tls;
