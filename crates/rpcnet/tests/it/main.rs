//! Behaviour over real QUIC on loopback; a module per behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod backpressure;
mod bare;
mod batch_client;
mod batch_server;
mod builtin;
mod busy_poll;
mod cancellation;
mod cluster;
mod context;
mod deadline;
mod first_call;
mod given_up;
mod handshake_flood;
mod hostile_client;
mod hostile_server;
mod jumbo;
mod keep_alive;
mod leave;
mod limits;
mod load;
mod metrics;
mod pair;
mod panics;
mod probe;
mod raw;
mod reconnect;
mod registration;
mod reset_window;
mod robustness;
mod rotation;
mod services;
mod shapes;
mod shared_port;
mod shutdown;
#[cfg(feature = "opentelemetry")]
mod spans;
mod stream_credit;
mod tls;
mod torn;
mod truncation;
mod workers;
