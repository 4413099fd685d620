//! Datagrams that wait for their time.

use super::config::Direction;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

/// A bounded queue of datagrams, ordered by the moment each is to leave.
///
/// Those with the same moment leave in the order they came.
#[derive(Debug, Default)]
pub(super) struct HeldQueue {
    heap: BinaryHeap<Entry>,
    bytes: usize,
    next_sequence: u64,
}

/// A datagram that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) direction: Direction,
    pub(super) client: SocketAddr,
    pub(super) payload: Box<[u8]>,
}

/// The queue is full; the datagram was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl HeldQueue {
    /// Holds `datagram` until `release`.
    pub(super) fn push(&mut self, release: Duration, datagram: Held) -> Result<(), Full> {
        let bytes = self.bytes + datagram.payload.len();
        if self.heap.len() >= HELD_DATAGRAMS_MAX || bytes > HELD_BYTES_MAX {
            return Err(Full);
        }
        self.bytes = bytes;
        self.heap.push(Entry {
            release,
            sequence: self.next_sequence,
            datagram,
        });
        self.next_sequence += 1;
        Ok(())
    }

    /// Takes the next datagram whose moment has come by `now`.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Held> {
        if self.next_release()? > now {
            return None;
        }
        let entry = self.heap.pop()?;
        self.bytes -= entry.datagram.payload.len();
        Some(entry.datagram)
    }

    /// Returns when the next datagram is to leave.
    pub(super) fn next_release(&self) -> Option<Duration> {
        self.heap.peek().map(|entry| entry.release)
    }

    /// Returns how many datagrams wait.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

/// The most datagrams held at once; more are dropped. 50 ms of a million per second.
const HELD_DATAGRAMS_MAX: usize = 50_000;

/// The most payload held at once, in bytes; more is dropped.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    release: Duration,
    sequence: u64,
    datagram: Held,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed: the heap's greatest is the one to leave first.
        (other.release, other.sequence).cmp(&(self.release, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn datagrams_leave_by_their_moment_and_within_one_by_arrival() {
        let mut queue = HeldQueue::default();
        for (release_ms, name) in [(2, b'c'), (1, b'a'), (2, b'd'), (1, b'b')] {
            queue
                .push(Duration::from_millis(release_ms), datagram(&[name]))
                .expect("four datagrams fit");
        }
        assert_eq!(queue.pop_due(Duration::ZERO), None);
        let order: Vec<u8> = std::iter::from_fn(|| queue.pop_due(Duration::from_millis(2)))
            .map(|held| held.payload[0])
            .collect();
        assert_eq!(order, b"abcd");
    }

    #[test]
    fn the_queue_takes_its_limit_of_datagrams_and_not_one_more() {
        let mut queue = HeldQueue::default();
        for _ in 0..HELD_DATAGRAMS_MAX {
            queue
                .push(Duration::ZERO, datagram(&[]))
                .expect("below the limit");
        }
        assert_eq!(queue.push(Duration::ZERO, datagram(&[])), Err(Full));
        assert!(queue.pop_due(Duration::ZERO).is_some());
        assert_eq!(queue.push(Duration::ZERO, datagram(&[])), Ok(()));
    }

    #[test]
    fn the_queue_takes_its_limit_of_bytes_and_gets_them_back() {
        let mut queue = HeldQueue::default();
        let big = vec![0; 64 * 1024];
        for _ in 0..HELD_BYTES_MAX / big.len() {
            queue
                .push(Duration::ZERO, datagram(&big))
                .expect("below the limit");
        }
        assert_eq!(queue.push(Duration::ZERO, datagram(&[1])), Err(Full));
        assert!(queue.pop_due(Duration::ZERO).is_some());
        assert_eq!(queue.push(Duration::ZERO, datagram(&big)), Ok(()));
    }

    fn datagram(payload: &[u8]) -> Held {
        Held {
            direction: Direction::ToUpstream,
            client: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            payload: payload.into(),
        }
    }
}
