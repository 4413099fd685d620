//! What the proxy has done so far.

use super::config::Direction;
use super::fate::DropCause;

/// Counts since the proxy started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChaosStats {
    /// What came from clients.
    pub to_upstream: DirectionStats,
    /// What came from the upstream.
    pub to_client: DirectionStats,
    /// Client addresses that hold an upstream port now.
    pub clients: usize,
    /// Datagrams, copies included, that wait for their time now.
    pub held: usize,
}

impl ChaosStats {
    pub(super) fn of(&mut self, direction: Direction) -> &mut DirectionStats {
        match direction {
            Direction::ToUpstream => &mut self.to_upstream,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

/// What became of the datagrams that travelled one way.
///
/// Nothing is unaccounted for: `received + duplicated` is `forwarded + dropped()` plus what is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectionStats {
    /// Datagrams that arrived at the proxy.
    pub received: u64,
    /// Datagrams that left it, second copies included.
    pub forwarded: u64,
    /// Dropped by chance.
    pub lost: u64,
    /// Dropped because of a blackout.
    pub blacked_out: u64,
    /// Dropped for their size.
    pub oversized: u64,
    /// Dropped because the line's queue, the proxy's own or its client table was full.
    pub overflowed: u64,
    /// Dropped because a socket would not take them, or their client was gone.
    pub unsendable: u64,
    /// Given a second copy.
    pub duplicated: u64,
    /// Held back for others to overtake.
    pub reordered: u64,
    /// Given a flipped bit.
    pub corrupted: u64,
}

impl DirectionStats {
    /// Returns how many datagrams, copies included, were dropped for whatever reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lost + self.blacked_out + self.oversized + self.overflowed + self.unsendable
    }

    pub(super) fn count_drop(&mut self, cause: DropCause) {
        match cause {
            DropCause::Lost => self.lost += 1,
            DropCause::Oversized => self.oversized += 1,
            DropCause::Overflowed => self.overflowed += 1,
        }
    }
}
