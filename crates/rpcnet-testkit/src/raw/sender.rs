//! The sending half of a raw stream.

use super::WAIT_MAX;
use super::error::{RawError, code, in_time};
use bytes::Bytes;
use s2n_quic::stream::SendStream;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Sends bytes as told.
///
/// Dropped, it ends the stream as if [`finish`](Self::finish) had been called: that is what the QUIC
/// library does, and part of what protocols have to survive.
#[derive(Debug)]
pub struct RawSender {
    stream: SendStream,
}

/// What happens between two pieces of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Nothing: pieces may share packets.
    AtOnce,
    /// The peer has acknowledged the piece, so that the next one travels in a packet of its own.
    Acknowledged,
    /// The piece has been acknowledged, and then this much time has passed.
    Every(Duration),
}

/// How a stream is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// By its regular end, at the wrong place.
    Fin,
    /// By a reset with this code.
    Reset(u64),
}

impl RawSender {
    pub(super) fn new(stream: SendStream) -> Self {
        Self { stream }
    }

    /// Hands `bytes` to the connection, waiting for room.
    ///
    /// # Errors
    ///
    /// The stream was refused by the peer, or is lost with its connection; [`RawError::Deadline`] if
    /// there is no room within [`WAIT_MAX`](super::WAIT_MAX).
    ///
    /// # Cancel safety
    ///
    /// All of `bytes` was taken or nothing, and there is no telling which.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), RawError> {
        let bytes = Bytes::copy_from_slice(bytes);
        in_time("writing", WAIT_MAX, self.stream.send(bytes)).await
    }

    /// Writes `bytes` in pieces of `piece_bytes`, the last one shorter if need be.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write) and [`flush`](Self::flush), for each piece.
    ///
    /// # Cancel safety
    ///
    /// A part was taken, and there is no telling how much.
    pub async fn write_in_pieces(
        &mut self,
        bytes: &[u8],
        piece_bytes: NonZeroUsize,
        pace: Pace,
    ) -> Result<(), RawError> {
        for piece in bytes.chunks(piece_bytes.get()) {
            self.write(piece).await?;
            match pace {
                Pace::AtOnce => {}
                Pace::Acknowledged => self.flush().await?,
                Pace::Every(pause) => {
                    self.flush().await?;
                    tokio::time::sleep(pause).await;
                }
            }
        }
        Ok(())
    }

    /// Writes the first `at` of `bytes` and breaks the stream off there.
    ///
    /// Before a reset the bytes are acknowledged, since a reset discards what is still on its way;
    /// the peer's library may all the same withhold from its application what it had not read yet.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write) and [`flush`](Self::flush); [`RawError::Setup`] if the code is too
    /// large for QUIC.
    ///
    /// # Cancel safety
    ///
    /// A part was taken, and the stream ends with it as when dropped.
    pub async fn write_cut(mut self, bytes: &[u8], at: usize, cut: Cut) -> Result<(), RawError> {
        self.write(&bytes[..at.min(bytes.len())]).await?;
        match cut {
            Cut::Fin => self.finish(),
            Cut::Reset(code) => {
                self.flush().await?;
                self.reset(code)
            }
        }
    }

    /// Waits until the peer has acknowledged all that was written.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn flush(&mut self) -> Result<(), RawError> {
        in_time("flushing", WAIT_MAX, self.stream.flush()).await
    }

    /// Ends the stream regularly; what was written before still travels.
    ///
    /// # Errors
    ///
    /// The stream was refused by the peer, or is lost with its connection.
    pub fn finish(&mut self) -> Result<(), RawError> {
        Ok(self.stream.finish()?)
    }

    /// Breaks the stream off with `code`; what is still on its way is discarded.
    ///
    /// # Errors
    ///
    /// The stream is lost with its connection; [`RawError::Setup`] if the code is too large for QUIC.
    pub fn reset(&mut self, code: u64) -> Result<(), RawError> {
        Ok(self.stream.reset(self::code(code)?)?)
    }

    /// As [`write`](Self::write), but waits for room as long as the caller does.
    pub(super) async fn write_patiently(&mut self, bytes: Bytes) -> Result<(), RawError> {
        Ok(self.stream.send(bytes).await?)
    }
}
