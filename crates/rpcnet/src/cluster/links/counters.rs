//! What became of messages, dials and links, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of what became of a membership's messages, dials and links.
///
/// All but `links` only grow, from zero at the start of the membership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkCounters {
    /// Links that are open now, either side's.
    pub links: usize,
    /// Messages handed to the transport.
    pub messages_sent: u64,
    /// Bytes of these messages, frames included.
    pub bytes_sent: u64,
    /// Messages that arrived and were well formed.
    pub messages_received: u64,
    /// Bytes of these messages.
    pub bytes_received: u64,
    /// Messages dropped because the link's send buffer had no room.
    pub dropped_no_room: u64,
    /// Messages dropped because too many waited for the same dial.
    pub dropped_queue_full: u64,
    /// Messages dropped because there is no way to the member: no link and no address,
    /// too many dials, or an address that nobody has proven and that was tried just now.
    pub dropped_no_way: u64,
    /// Messages dropped because the dial that they waited for failed.
    pub dropped_dial_failed: u64,
    /// Messages dropped because another member than theirs answered at the address.
    pub dropped_wrong_name: u64,
    /// Messages on a stream of their own that were dropped: too many at once, or the
    /// stream failed or took too long.
    pub dropped_stream: u64,
    /// Dials that were begun.
    pub dials: u64,
    /// Dials that failed.
    pub dials_failed: u64,
    /// Dials that were not begun: too many at once, or an unproven address too soon.
    pub dials_suppressed: u64,
    /// Links closed to make room for others.
    pub links_evicted: u64,
    /// Gossip streams that were refused, whichever side said so.
    pub streams_refused: u64,
    /// Gossip streams that were ended because of malformed bytes.
    pub malformed: u64,
}

macro_rules! tally {
    ($($name:ident),* $(,)?) => {
        /// The counts, as they are taken.
        #[derive(Debug, Default)]
        pub(super) struct Tally {
            $(pub(super) $name: Count,)*
        }

        impl Tally {
            /// What was counted, with the number of links that are open now.
            pub(super) fn read(&self, links: usize) -> LinkCounters {
                LinkCounters {
                    links,
                    $($name: self.$name.get(),)*
                }
            }
        }
    };
}

tally!(
    messages_sent,
    bytes_sent,
    messages_received,
    bytes_received,
    dropped_no_room,
    dropped_queue_full,
    dropped_no_way,
    dropped_dial_failed,
    dropped_wrong_name,
    dropped_stream,
    dials,
    dials_failed,
    dials_suppressed,
    links_evicted,
    streams_refused,
    malformed,
);

/// One count.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
