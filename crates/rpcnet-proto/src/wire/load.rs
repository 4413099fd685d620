//! How busy a server is.

use bytes::{Bytes, BytesMut};

use super::body::Body;
use super::{FrameKind, WireError, varint};

/// How busy a server is, as it says itself while it answers a call that asked (W-68).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// In thousandths of what the server can do: 0 is idle, 1,000 is full, more says how
    /// much more was asked of it. At most [`Load::UTILIZATION_MAX`] (W-69).
    pub utilization: u32,
    /// Calls that run on the server now, whoever made them.
    pub running: u64,
}

impl Load {
    /// The utilization of a server that is full, in thousandths.
    pub const FULL: u32 = 1_000;
    /// The largest utilization, in thousandths; a larger one is taken for this.
    pub const UTILIZATION_MAX: u32 = 1_000_000;

    /// Reads the body of a LOAD. Bytes after the last field are ignored (W-14).
    ///
    /// # Errors
    /// [`WireError`] says what is malformed.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::Load, body);
        let utilization = body.varint()?;
        let running = body.varint()?;
        Ok(Self {
            utilization: u32::try_from(utilization)
                .unwrap_or(Self::UTILIZATION_MAX)
                .min(Self::UTILIZATION_MAX),
            running,
        })
    }

    pub(super) fn body_len(self) -> usize {
        varint::encoded_len(self.utilization()) + varint::encoded_len(self.running())
    }

    /// Appends the body.
    pub(super) fn encode_body(self, out: &mut BytesMut) {
        varint::encode(self.utilization(), out);
        varint::encode(self.running(), out);
    }

    fn utilization(self) -> u64 {
        u64::from(self.utilization.min(Self::UTILIZATION_MAX))
    }

    fn running(self) -> u64 {
        self.running.min(varint::MAX)
    }
}
