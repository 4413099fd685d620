//! How much a raw peer takes.

use s2n_quic::provider::limits::Limits;
use std::error::Error;
use std::time::Duration;

/// What a raw peer grants the other side, and what it allows itself.
///
/// The defaults are generous: a raw peer should meet the other side's limits, not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLimits {
    /// Bytes the peer may send on the whole connection before any is read; default 64 MiB.
    pub connection_window_bytes: u32,
    /// Bytes the peer may send on one stream before any is read; default 4 MiB.
    pub stream_window_bytes: u32,
    /// Streams of each kind that the peer may have open at once; default 1,000.
    pub peer_streams_max: u64,
    /// Bytes that one stream of its own holds until they are acknowledged; default 4 MiB.
    pub send_buffer_bytes: u32,
    /// How long the connection may be silent; default 30 s.
    pub idle_timeout: Duration,
    /// How long a handshake may take; default 10 s.
    pub handshake_time_max: Duration,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            connection_window_bytes: 64 * 1024 * 1024,
            stream_window_bytes: 4 * 1024 * 1024,
            peer_streams_max: 1_000,
            send_buffer_bytes: 4 * 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            handshake_time_max: Duration::from_secs(10),
        }
    }
}

impl RawLimits {
    /// Streams may be opened, but not one byte may be sent on them.
    #[must_use]
    pub fn without_credit() -> Self {
        Self {
            connection_window_bytes: 0,
            stream_window_bytes: 0,
            ..Self::default()
        }
    }

    /// No stream may be opened.
    #[must_use]
    pub fn without_streams() -> Self {
        Self {
            peer_streams_max: 0,
            ..Self::default()
        }
    }

    pub(super) fn provider(&self) -> Result<Limits, Box<dyn Error + Send + Sync>> {
        Ok(Limits::new()
            .with_data_window(self.connection_window_bytes.into())?
            .with_bidirectional_local_data_window(self.stream_window_bytes.into())?
            .with_bidirectional_remote_data_window(self.stream_window_bytes.into())?
            .with_unidirectional_data_window(self.stream_window_bytes.into())?
            .with_max_open_remote_bidirectional_streams(self.peer_streams_max)?
            .with_max_open_remote_unidirectional_streams(self.peer_streams_max)?
            .with_max_open_local_bidirectional_streams(OWN_STREAMS_MAX)?
            .with_max_open_local_unidirectional_streams(OWN_STREAMS_MAX)?
            .with_max_send_buffer_size(self.send_buffer_bytes)?
            .with_max_idle_timeout(self.idle_timeout)?
            .with_max_handshake_duration(self.handshake_time_max)?)
    }
}

/// The most streams a raw peer opens at once, where the other side lets it.
const OWN_STREAMS_MAX: u64 = 100_000;
