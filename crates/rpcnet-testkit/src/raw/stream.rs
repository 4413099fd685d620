//! A raw stream with both of its halves.

use super::receiver::RawReceiver;
use super::sender::RawSender;
use s2n_quic::stream::BidirectionalStream;

/// A bidirectional stream; take the halves apart to use them at the same time.
///
/// Kept and left alone, it is a peer that never reads.
#[derive(Debug)]
pub struct RawStream {
    /// The stream's number in the connection.
    pub id: u64,
    /// Towards the peer.
    pub sender: RawSender,
    /// From the peer.
    pub receiver: RawReceiver,
}

impl RawStream {
    pub(super) fn new(stream: BidirectionalStream) -> Self {
        let id = stream.id();
        let (receiver, sender) = stream.split();
        Self {
            id,
            sender: RawSender::new(sender),
            receiver: RawReceiver::new(receiver),
        }
    }
}
