//! What is on its way to a member.

use bytes::{Bytes, BytesMut};
use rpcnet_proto::swim::Message;
use rpcnet_proto::wire::{Beat, FrameLimits, Hello, StreamKind, encode};

/// A frame for a member.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    /// A message.
    Message {
        /// The whole frame.
        frame: Bytes,
        /// It goes on a stream of its own, and is not dropped for want of room.
        reliable: bool,
    },
    /// A question for a sign of life.
    Beat {
        /// The whole frame.
        frame: Bytes,
    },
}

/// Messages of up to this many bytes are pushed into a link; longer ones would take most
/// of its send buffer, and get a stream of their own.
pub(super) const PUSHED_BYTES_MAX: usize = 16 << 10;

impl Outgoing {
    /// Encodes a message; `None` where it is longer than a member accepts.
    pub(super) fn message(message: &Message, reliable: bool) -> Option<Self> {
        let len = message.encoded_len();
        if len > FrameLimits::GOSSIP_BYTES_MAX {
            return None;
        }
        let mut frame = BytesMut::with_capacity(encode::PREFIX_BYTES_MAX + len);
        encode::gossip_prefix(&mut frame, len);
        message.encode(&mut frame);
        Some(Self::Message {
            frame: frame.freeze(),
            reliable: reliable || len > PUSHED_BYTES_MAX,
        })
    }

    /// Whether it has to arrive.
    pub(super) const fn is_reliable(&self) -> bool {
        matches!(self, Self::Message { reliable: true, .. })
    }

    /// A question with this nonce.
    pub(super) fn question(nonce: u64) -> Self {
        Self::Beat {
            frame: beat(Beat::Question { nonce }),
        }
    }
}

/// A BEAT frame.
pub(super) fn beat(beat: Beat) -> Bytes {
    let mut frame = BytesMut::with_capacity(16);
    encode::beat(&mut frame, beat);
    frame.freeze()
}

/// What a gossip stream begins with: the kind, where we open it, and our HELLO.
pub(super) fn opening(hello: &Hello, kind: Option<StreamKind>) -> Bytes {
    let mut frames = BytesMut::with_capacity(160);
    if let Some(kind) = kind {
        encode::stream_kind(&mut frames, kind);
    }
    encode::hello(&mut frames, hello);
    frames.freeze()
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::swim::Body;

    use super::*;

    fn digests(count: usize) -> Message {
        Message::new(Body::Sync {
            nonce: 1,
            digests: vec![u64::MAX; count],
        })
    }

    #[test]
    fn a_long_message_is_reliable_and_one_beyond_the_frame_is_none() {
        // A digest has eight bytes.
        let per = digests(1001).encoded_len() - digests(1000).encoded_len();
        let is_reliable = |message: &Message| match Outgoing::message(message, false) {
            Some(Outgoing::Message { reliable, frame }) => {
                assert!(frame.len() > message.encoded_len());
                Some(reliable)
            }
            _ => None,
        };
        let overhead = digests(1000).encoded_len() - 1000 * per;
        let fitting = |bytes: usize| digests((bytes - overhead) / per);
        assert_eq!(is_reliable(&fitting(PUSHED_BYTES_MAX)), Some(false));
        assert_eq!(is_reliable(&fitting(PUSHED_BYTES_MAX + per)), Some(true));
        let most = FrameLimits::GOSSIP_BYTES_MAX;
        assert_eq!(is_reliable(&fitting(most)), Some(true));
        assert_eq!(is_reliable(&fitting(most + per)), None);
    }
}
