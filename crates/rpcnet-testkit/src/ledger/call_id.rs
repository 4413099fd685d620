//! The name that a call has on both sides of a run.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of one issued call, unique over a whole run.
///
/// A retry made by the library under test is the same call and carries the same id; a call that the
/// test issues again is another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId([u8; Self::BYTES]);

impl CallId {
    /// How many bytes an id is.
    pub const BYTES: usize = 16;

    /// Returns the id as it travels, for instance as the head of a request's payload.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }

    /// Returns the id that `payload` begins with, or `None` if it is too short to have one.
    #[must_use]
    pub fn from_head(payload: &[u8]) -> Option<Self> {
        payload.first_chunk().map(|bytes| Self(*bytes))
    }
}

impl From<[u8; Self::BYTES]> for CallId {
    fn from(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl From<u128> for CallId {
    fn from(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// Hands out the ids of one client in one run.
#[derive(Debug)]
pub struct CallIds {
    client: u64,
    next: AtomicU64,
}

impl CallIds {
    /// Creates the source for the client with this number.
    ///
    /// Clients of one run need different numbers; their ids then differ too.
    #[must_use]
    pub fn new(client: u64) -> Self {
        Self {
            client,
            next: AtomicU64::new(0),
        }
    }

    /// Returns an id that this source has not returned before.
    #[must_use]
    pub fn next(&self) -> CallId {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        CallId::from(u128::from(self.client) << 64 | u128::from(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_way_through_a_payload() {
        let id = CallId::from(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        let mut payload = id.to_bytes().to_vec();
        payload.extend_from_slice(b"the rest");
        assert_eq!(CallId::from_head(&payload), Some(id));
        assert_eq!(CallId::from_head(&payload[..15]), None);
        assert_eq!(id.to_string(), "0102030405060708090a0b0c0d0e0f10");
    }

    #[test]
    fn ids_of_two_clients_differ() {
        let (one, two) = (CallIds::new(1), CallIds::new(2));
        let mut ids = [one.next(), one.next(), two.next(), two.next()].to_vec();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    }
}
