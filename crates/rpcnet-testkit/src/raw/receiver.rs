//! The receiving half of a raw stream.

use super::error::{RawError, code};
use bytes::Bytes;
use s2n_quic::connection;
use s2n_quic::stream::{self, ReceiveStream};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Receives bytes when told, and only then: one that is kept and not read grants the peer no credit
/// beyond the stream's window.
#[derive(Debug)]
pub struct RawReceiver {
    stream: ReceiveStream,
    /// What came beyond the bytes last asked for.
    rest: Bytes,
}

/// What a read brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The bytes, in order.
    pub bytes: Vec<u8>,
    /// Why there are no more of them.
    pub end: StreamEnd,
}

/// Why a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEnd {
    /// The peer ended the stream regularly.
    Fin,
    /// The peer broke the stream off, with this code.
    Reset(u64),
    /// The connection failed or was closed.
    ConnectionLost(connection::Error),
    /// As many bytes as were asked for have come; the stream goes on.
    Enough,
    /// The time is up; the stream goes on.
    Deadline,
    /// The stream cannot be read for another reason, such as having been stopped before.
    Unreadable(stream::Error),
}

impl RawReceiver {
    pub(super) fn new(stream: ReceiveStream) -> Self {
        Self {
            stream,
            rest: Bytes::new(),
        }
    }

    /// Reads until the stream ends, exactly `bytes_max` have come, or `within` has passed.
    ///
    /// # Cancel safety
    ///
    /// What had been read is lost.
    pub async fn read(&mut self, bytes_max: usize, within: Duration) -> Received {
        let deadline = Instant::now() + within;
        let mut bytes = Vec::new();
        let end = loop {
            let take = self.rest.len().min(bytes_max - bytes.len());
            bytes.extend_from_slice(&self.rest.split_to(take));
            if bytes.len() == bytes_max {
                break StreamEnd::Enough;
            }
            match self
                .read_chunk(deadline.saturating_duration_since(Instant::now()))
                .await
            {
                Ok(chunk) => self.rest = chunk,
                Err(end) => break end,
            }
        };
        Received { bytes, end }
    }

    /// Returns what comes next, as much of it as has arrived, or why nothing does.
    ///
    /// # Errors
    ///
    /// The stream ended one way or another, also the regular one, or `within` has passed.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn read_chunk(&mut self, within: Duration) -> Result<Bytes, StreamEnd> {
        if !self.rest.is_empty() {
            return Ok(std::mem::take(&mut self.rest));
        }
        match timeout(within, self.stream.receive()).await {
            Ok(Ok(Some(chunk))) => Ok(chunk),
            Ok(Ok(None)) => Err(StreamEnd::Fin),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(StreamEnd::Deadline),
        }
    }

    /// Tells the peer with `code` that no more is wanted; what comes all the same is discarded.
    ///
    /// # Errors
    ///
    /// The stream has ended; [`RawError::Setup`] if the code is too large for QUIC.
    pub fn stop_sending(&mut self, code: u64) -> Result<(), RawError> {
        Ok(self.stream.stop_sending(self::code(code)?)?)
    }

    /// Reads and discards until the stream ends one way or another.
    pub(super) async fn drain(&mut self) {
        while let Ok(Some(_)) = self.stream.receive().await {}
    }
}

impl From<stream::Error> for StreamEnd {
    fn from(error: stream::Error) -> Self {
        match error {
            stream::Error::StreamReset { error, .. } => Self::Reset(error.into()),
            stream::Error::ConnectionError { error, .. } => Self::ConnectionLost(error),
            other => Self::Unreadable(other),
        }
    }
}
