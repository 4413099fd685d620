//! The peer's half of a gossip stream.

use bytes::Bytes;
use rpcnet_proto::wire::{ErrorCode, GossipEvent, GossipReader, Hello, WireError};

use crate::transport::{Interrupted, RecvHalf};

/// Reads one half, event by event.
#[derive(Debug)]
pub(super) struct Reading {
    recv: RecvHalf,
    reader: GossipReader,
    is_open: bool,
}

/// Why a half is of no more use.
#[derive(Debug)]
pub(super) enum Cut {
    /// The peer reset it, or the connection is gone.
    Interrupted(Interrupted),
    /// The peer broke the protocol.
    Wire(WireError),
    /// The peer sent what is no message.
    NoMessage,
    /// Whoever reads the messages does not keep up.
    Stalled,
}

impl Cut {
    /// What to tell the peer.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Interrupted(_) => ErrorCode::Cancelled,
            Self::Wire(error) => error.error_code(),
            Self::NoMessage => ErrorCode::Protocol,
            Self::Stalled => ErrorCode::Stalled,
        }
    }

    /// Whether the peer took this side for no member.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Interrupted(Interrupted::Reset(code))
            if ErrorCode::from_wire(*code) == Some(ErrorCode::NotAMember))
    }

    /// Whether the peer sent bytes that break a rule.
    pub(super) fn is_malformed(&self) -> bool {
        matches!(self, Self::Wire(_) | Self::NoMessage)
    }
}

impl Reading {
    /// Begins after the kind byte, with what was read already.
    pub(super) fn new(recv: RecvHalf, rest: Bytes) -> Self {
        let mut reader = GossipReader::new();
        reader.push(rest);
        Self {
            recv,
            reader,
            is_open: true,
        }
    }

    /// Waits for the next event; `None` once the peer has finished the half.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<GossipEvent>, Cut> {
        loop {
            if let Some(event) = self.reader.next_event().map_err(Cut::Wire)? {
                return Ok(Some(event));
            }
            if !self.is_open {
                // W-65: what was cut off is not acted on.
                return self.reader.finish().map(|()| None).map_err(Cut::Wire);
            }
            let reader = &mut self.reader;
            let received = self.recv.receive(|chunk| reader.push(chunk)).await;
            self.is_open = received.map_err(Cut::Interrupted)?;
        }
    }

    /// Waits for the HELLO, which the protocol puts first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(super) async fn hello(&mut self) -> Result<Hello, Cut> {
        match self.next().await? {
            Some(GossipEvent::Hello(hello)) => Ok(hello),
            // W-60: the reader lets nothing else come first.
            _ => Err(Cut::Wire(WireError::Truncated)),
        }
    }

    /// Asks the peer to send no more.
    pub(super) fn stop(&mut self, code: ErrorCode) {
        self.recv.stop(code);
    }
}
