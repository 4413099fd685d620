//! Streams that are opened only to be reset.

use super::client::RawClient;
use super::error::RawError;
use super::stream::RawStream;

/// When the streams of a flood are reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetWhen {
    /// Right after the request was written: the fastest flood, in which few requests arrive whole.
    AtOnce,
    /// Once the request has been acknowledged: every handler gets to see its request first.
    Delivered,
}

/// What a flood came to.
#[derive(Debug)]
pub struct Flood {
    /// How many streams were opened and reset.
    pub reset_streams: u64,
    /// What the server did to stop it, if it did.
    pub stopped_by: Option<RawError>,
}

impl RawClient {
    /// Opens `count` streams, sends `request` on each without its end, and resets both halves with
    /// `code`, up to [`FLOOD_BATCH_STREAMS`] at a time.
    ///
    /// A server that closes the connection, or grants no further streams, ends the flood early.
    ///
    /// # Cancel safety
    ///
    /// Streams of the batch at hand are dropped, the others stay reset.
    pub async fn flood_resets(
        &self,
        count: u64,
        request: &[u8],
        code: u64,
        when: ResetWhen,
    ) -> Flood {
        let mut flood = Flood {
            reset_streams: 0,
            stopped_by: None,
        };
        while flood.reset_streams < count && flood.stopped_by.is_none() {
            let size = (count - flood.reset_streams).min(FLOOD_BATCH_STREAMS);
            match self.reset_batch(size, request, code, when).await {
                Ok(()) => flood.reset_streams += size,
                Err(error) => flood.stopped_by = Some(error),
            }
        }
        flood
    }

    async fn reset_batch(
        &self,
        size: u64,
        request: &[u8],
        code: u64,
        when: ResetWhen,
    ) -> Result<(), RawError> {
        let mut batch: Vec<RawStream> = Vec::new();
        for _ in 0..size {
            let mut stream = self.open_bidi().await?;
            stream.sender.write(request).await?;
            batch.push(stream);
        }
        for mut stream in batch {
            if when == ResetWhen::Delivered {
                stream.sender.flush().await?;
            }
            stream.sender.reset(code)?;
            stream.receiver.stop_sending(code)?;
        }
        Ok(())
    }
}

/// The most streams of a flood that are open at once.
pub const FLOOD_BATCH_STREAMS: u64 = 64;
