//! QUIC peers that say exactly the bytes they are told to, however wrong.
//!
//! A [`RawClient`] attacks a server, a [`RawServer`] is what a client should survive. Both know TLS,
//! connections and streams and nothing of any protocol above; bytes, resets, pauses and silence are
//! the test's own. Certificates come as PEM, so that wrong ones can be tried as well.
//!
//! Every wait ends: after the time it was given, or after [`WAIT_MAX`].

mod client;
mod error;
mod flood;
mod limits;
mod receiver;
mod script;
mod sender;
mod server;
mod stream;
mod tls;

pub use client::RawClient;
pub use error::RawError;
pub use flood::{FLOOD_BATCH_STREAMS, Flood, ResetWhen};
pub use limits::RawLimits;
pub use receiver::{RawReceiver, Received, StreamEnd};
pub use script::{SCRIPT_TIME_MAX, ServerStep};
pub use sender::{Cut, Pace, RawSender};
pub use server::{CONNECTIONS_MAX, RawCall, RawServer, RawServerConfig};
pub use stream::RawStream;
pub use tls::{ClientAuth, RawIdentity, RawTls};

use std::time::Duration;

/// How long an operation that was given no time of its own may take: 10 s.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
