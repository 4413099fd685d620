//! [`Profile`]: what a client or a server is mostly for.

use crate::limits::Limits;

/// What a client or a server is mostly for: a set of windows and buffers that fit it.
///
/// Each is a trade of memory that a peer may have held for what is lost while it is asked
/// first. The defaults are those of [`LowLatency`](Self::LowLatency).
///
/// | bytes | `LowLatency` | `Throughput` | `ManyConnections` |
/// |---|---|---|---|
/// | [`stream_window`](Limits::stream_window) | 256 KiB | 1 MiB | 64 KiB |
/// | [`connection_window`](Limits::connection_window) | 32 MiB | 64 MiB | 4 MiB |
/// | [`stream_send_buffer`](Limits::stream_send_buffer) | 256 KiB | 1 MiB | 64 KiB |
/// | [`queued_reply_bytes_max`](Limits::queued_reply_bytes_max) | 32 MiB | 64 MiB | 4 MiB |
/// | [`queued_request_bytes_max`](Limits::queued_request_bytes_max) | 32 MiB | 64 MiB | 4 MiB, or one message |
/// | [`socket_buffer_bytes`](Limits::socket_buffer_bytes) | 4 MiB | 16 MiB | 16 MiB |
/// | [`connections_max`](Limits::connections_max) (a count) | 1,024 | 1,024 | 65,536 |
/// | [`handshakes_before_retry`](Limits::handshakes_before_retry) (a count) | 128 | 128 | 1,024 |
///
/// # Examples
///
/// ```
/// use rpcnet::{Profile, RpcConfig};
///
/// let config = RpcConfig::new("certs/server.pem", "0.0.0.0:4433").with_profile(Profile::Throughput);
/// assert_eq!(config.limits().stream_window, 1 << 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Small and middling calls, and streams beside them, on up to a thousand connections.
    #[default]
    LowLatency,
    /// Few connections that carry long messages and streams, over paths with much on the way
    /// at once.
    Throughput,
    /// Tens of thousands of connections, most of them idle, with small calls.
    ManyConnections,
}

impl Profile {
    /// Sets the limits that a profile is about, and no others.
    pub(crate) fn apply(self, limits: &mut Limits) {
        let of = |low_latency, throughput, many_connections| match self {
            Self::LowLatency => low_latency,
            Self::Throughput => throughput,
            Self::ManyConnections => many_connections,
        };
        limits.stream_window = of(256 << 10, 1 << 20, 64 << 10);
        limits.connection_window = of(32 << 20, 64 << 20, 4 << 20);
        limits.stream_send_buffer = of(256 << 10, 1 << 20, 64 << 10);
        limits.queued_reply_bytes_max = of(32 << 20, 64 << 20, 4 << 20);
        let queued = of(32 << 20, 64 << 20, 4 << 20);
        limits.queued_request_bytes_max = queued.max(limits.message_bytes_max);
        limits.socket_buffer_bytes = of(4 << 20, 16 << 20, 16 << 20);
        limits.connections_max = of(1024, 1024, 1 << 16);
        limits.handshakes_before_retry = of(128, 128, 1024);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_valid_and_the_first_is_the_default() {
        for profile in [
            Profile::LowLatency,
            Profile::Throughput,
            Profile::ManyConnections,
        ] {
            let mut limits = Limits {
                message_bytes_max: 100 << 20,
                ..Limits::default()
            };
            profile.apply(&mut limits);
            limits.validate().expect("it lies within the ranges");
            assert_eq!(limits.queued_request_bytes_max, 100 << 20);
        }
        let mut limits = Limits::default();
        Profile::default().apply(&mut limits);
        assert_eq!(limits, Limits::default());
    }
}
