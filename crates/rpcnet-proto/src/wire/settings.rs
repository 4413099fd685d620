//! What a side accepts, told to the other at once.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::body::Body;
use super::{FrameKind, FrameLimits, StreamKind, WireError, varint};

/// What the sender of a SETTINGS frame accepts, so that its peer can fail
/// locally and clearly instead of being reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest body of a MESSAGE, in bytes. Default 4 MiB.
    pub message_bytes_max: u64,
    /// The longest body of a HEADER, in bytes. Default 8 KiB.
    pub header_bytes_max: u64,
    /// How many calls may run on the connection at once. Default 100.
    pub concurrent_calls_max: u64,
    /// How often the sender wants a sign of life, in whole microseconds on the
    /// wire. The shorter interval of both sides holds for both. Default none.
    pub keep_alive: Option<Duration>,
    /// Which kinds of bidirectional stream beyond [`StreamKind::Call`] are
    /// accepted: kind byte `k` has bit `k - 1`, so batch is bit 1 and gossip is
    /// bit 2. Default none.
    pub stream_kinds: u64,
}

const MESSAGE_BYTES_MAX: u64 = 1;
const HEADER_BYTES_MAX: u64 = 2;
const CONCURRENT_CALLS_MAX: u64 = 3;
const KEEP_ALIVE_US: u64 = 4;
const STREAM_KINDS: u64 = 5;

impl Settings {
    /// The most pairs in one frame, unknown ones included.
    pub const PAIRS_MAX: usize = 64;

    /// Whether streams of `kind` are accepted.
    #[must_use]
    pub fn accepts(&self, kind: StreamKind) -> bool {
        match kind {
            StreamKind::Call | StreamKind::Control => true,
            StreamKind::Batch | StreamKind::Gossip => self.stream_kinds & bit(kind) != 0,
        }
    }

    /// Adds `kind` to those that are accepted; a kind that always is changes nothing.
    #[must_use]
    pub fn accepting(mut self, kind: StreamKind) -> Self {
        if matches!(kind, StreamKind::Batch | StreamKind::Gossip) {
            self.stream_kinds |= bit(kind);
        }
        self
    }

    /// Reads the body of a SETTINGS. A setting that is absent has its default,
    /// and an id that this version does not know is ignored (W-45).
    ///
    /// # Errors
    /// [`WireError`] says what is malformed.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::Settings, body);
        let mut settings = Self::default();
        let mut seen = Vec::new();
        // W-46: the bound comes before what grows with the number of pairs.
        while !body.is_empty() {
            let (id, value) = (body.varint()?, body.varint()?);
            if seen.len() >= Self::PAIRS_MAX {
                return Err(WireError::TooManySettings);
            }
            if seen.contains(&id) {
                return Err(WireError::DuplicateSetting { id });
            }
            seen.push(id);
            settings.apply(id, value);
        }
        Ok(settings)
    }

    fn apply(&mut self, id: u64, value: u64) {
        match id {
            MESSAGE_BYTES_MAX => self.message_bytes_max = value,
            HEADER_BYTES_MAX => self.header_bytes_max = value,
            CONCURRENT_CALLS_MAX => self.concurrent_calls_max = value,
            KEEP_ALIVE_US => {
                self.keep_alive = (value > 0).then(|| Duration::from_micros(value));
            }
            STREAM_KINDS => self.stream_kinds = value,
            _ => {}
        }
    }

    /// Appends the body: every setting, in the order of the ids.
    pub(super) fn encode_body(&self, out: &mut BytesMut) {
        for (id, value) in [
            (MESSAGE_BYTES_MAX, self.message_bytes_max),
            (HEADER_BYTES_MAX, self.header_bytes_max),
            (CONCURRENT_CALLS_MAX, self.concurrent_calls_max),
            (KEEP_ALIVE_US, self.keep_alive.map_or(0, keep_alive_us)),
            // A bit beyond what a varint carries names no kind; the others stay true.
            (STREAM_KINDS, self.stream_kinds & varint::MAX),
        ] {
            varint::encode(id, out);
            varint::encode(value, out);
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let limits = FrameLimits::default();
        Self {
            message_bytes_max: limits.message_bytes_max as u64,
            header_bytes_max: limits.header_bytes_max as u64,
            concurrent_calls_max: 100,
            keep_alive: None,
            stream_kinds: 0,
        }
    }
}

const fn bit(kind: StreamKind) -> u64 {
    1 << (kind.to_byte() - 1)
}

/// Whole microseconds, never rounded to the zero that means *off*.
fn keep_alive_us(interval: Duration) -> u64 {
    u64::try_from(interval.as_nanos().div_ceil(1000)).unwrap_or(varint::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reserved_kind_has_the_bit_below_its_byte() {
        let settings = Settings::default();
        assert!(settings.accepts(StreamKind::Call) && settings.accepts(StreamKind::Control));
        assert!(!settings.accepts(StreamKind::Batch) && !settings.accepts(StreamKind::Gossip));
        assert_eq!(settings.accepting(StreamKind::Call), settings);
        assert_eq!(settings.accepting(StreamKind::Batch).stream_kinds, 0b010);
        assert_eq!(settings.accepting(StreamKind::Gossip).stream_kinds, 0b100);
        let both = settings
            .accepting(StreamKind::Batch)
            .accepting(StreamKind::Gossip);
        assert!(both.accepts(StreamKind::Batch) && both.accepts(StreamKind::Gossip));
    }

    #[test]
    fn kinds_that_a_varint_cannot_name_are_left_out() {
        let settings = Settings {
            stream_kinds: 1 << 63 | 0b010,
            ..Settings::default()
        };
        let mut body = BytesMut::new();
        settings.encode_body(&mut body);
        let read = Settings::decode(body.freeze());
        assert_eq!(read.map(|settings| settings.stream_kinds), Ok(0b010));
    }
}
