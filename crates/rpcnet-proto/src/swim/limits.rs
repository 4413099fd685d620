//! The limits of everything that grows.

use std::time::Duration;

/// What bounds the memory and the work of the core. Every limit has a default
/// that a cluster of ten thousand keeps to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Members that are remembered, gone ones and this node included; at least
    /// 2. Default 16,384. Beyond it the member that is gone longest makes room;
    /// where none is gone, new ones are refused and [`Event::LimitReached`](super::Event::LimitReached) says so once.
    pub members: usize,
    /// Events that wait for the driver. Default 65,536. Beyond it the oldest is
    /// dropped and counted.
    pub events: usize,
    /// Messages that wait for the driver. Default 4,096. Beyond it the oldest is
    /// dropped and counted, as if the network had lost it.
    pub transmits: usize,
    /// Members that may be probed at once: the one whose turn it is, those that the driver
    /// doubts, and, up to half of it, those of a sweep; at least 1. Default 16. Beyond it a
    /// doubt is not acted upon.
    pub probes: usize,
    /// Probes that run on behalf of others. Default 64. Beyond it a request is
    /// answered with a nack.
    pub relays: usize,
    /// Full exchanges that are served within one gossip interval; at least 1.
    /// Default 32. Beyond it a request is dropped; who asked asks again.
    pub syncs: usize,
    /// Independent confirmations that shorten a suspicion. Default 8; the
    /// formula needs fewer.
    pub confirmations: usize,
    /// Seeds that are remembered; more are dropped. Default 64.
    pub seeds: usize,
    /// Dials of failed members per second. Default 3.
    pub retries: usize,
    /// New addresses that are handed out for proof per second. Default 64.
    pub proves: usize,
    /// The largest message on a stream, in bytes; 16,384 to 65,536, the default.
    pub stream_bytes: usize,
    /// The largest message that is no stream of its own, in bytes; at least 256.
    /// Default 1,200, for datagrams. Where all messages to a member share a stream,
    /// 16,384: a record with a certificate has about 1,000 bytes, and a datagram
    /// takes only one of them.
    pub datagram_bytes: usize,
    /// How long a failed member is remembered and retried. Default 24 h.
    pub failed_kept: Duration,
    /// How long a member that left is remembered. Default 24 h.
    pub left_kept: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 16_384,
            events: 65_536,
            transmits: 4_096,
            probes: 16,
            relays: 64,
            syncs: 32,
            confirmations: 8,
            seeds: 64,
            retries: 3,
            proves: 64,
            stream_bytes: 65_536,
            datagram_bytes: 1_200,
            failed_kept: Duration::from_secs(24 * 3600),
            left_kept: Duration::from_secs(24 * 3600),
        }
    }
}

impl Limits {
    /// The same limits with what is too small to work raised to its minimum.
    pub(super) fn checked(mut self) -> Self {
        self.members = self.members.clamp(2, 1 << 24);
        self.events = self.events.max(16);
        self.transmits = self.transmits.max(64);
        self.probes = self.probes.max(1);
        self.syncs = self.syncs.max(1);
        self.stream_bytes = self.stream_bytes.clamp(16_384, 65_536);
        self.datagram_bytes = self.datagram_bytes.clamp(256, self.stream_bytes);
        self
    }
}
