//! Where which member was dialled, and whether it was there.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use rpcnet_proto::swim::NodeName;
use tokio::time::Instant;

/// Addresses that are remembered. Beyond: the one that was used longest ago is forgotten,
/// and counts as never tried and never proven.
pub(super) const ADDRESSES_MAX: usize = 4096;

/// Which names have proven to be where, so that an address that a member merely claims
/// does not draw dials at whatever pace others talk about it.
#[derive(Debug)]
pub(super) struct Addresses {
    pause: Duration,
    known: HashMap<Place, Known>,
    /// All of `known`, the one that was used longest ago first.
    order: BTreeMap<u64, Place>,
    uses: u64,
}

type Place = (NodeName, SocketAddr);

#[derive(Debug)]
struct Known {
    tried: Instant,
    is_proven: bool,
    used: u64,
}

impl Addresses {
    /// `pause` is that between attempts to reach an unproven address.
    pub(super) fn new(pause: Duration) -> Self {
        Self {
            pause,
            known: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
        }
    }

    /// Whether the address may be dialled for this name now.
    pub(super) fn may_dial(&self, now: Instant, name: &NodeName, address: SocketAddr) -> bool {
        self.known
            .get(&(name.clone(), address))
            .is_none_or(|known| {
                known.is_proven || now.saturating_duration_since(known.tried) >= self.pause
            })
    }

    /// The address is being dialled for this name.
    pub(super) fn tried(&mut self, now: Instant, name: &NodeName, address: SocketAddr) {
        self.used(name, address, now).tried = now;
    }

    /// Who answered at the address has proven to be of this name.
    pub(super) fn proven(&mut self, now: Instant, name: &NodeName, address: SocketAddr) {
        self.used(name, address, now).is_proven = true;
    }

    fn used(&mut self, name: &NodeName, address: SocketAddr, now: Instant) -> &mut Known {
        let place = (name.clone(), address);
        self.uses += 1;
        if let Some(known) = self.known.get(&place) {
            self.order.remove(&known.used);
        } else if self.known.len() >= ADDRESSES_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.known.remove(&oldest);
        }
        self.order.insert(self.uses, place.clone());
        let known = self.known.entry(place).or_insert(Known {
            tried: now,
            is_proven: false,
            used: 0,
        });
        known.used = self.uses;
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn name(name: &str) -> NodeName {
        NodeName::new(name).expect("the name is legal")
    }

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn an_unproven_address_waits_out_the_pause_and_a_proven_one_does_not() {
        let start = Instant::now();
        let mut addresses = Addresses::new(PAUSE);
        let a = name("a");
        assert!(addresses.may_dial(start, &a, address(1)));
        addresses.tried(start, &a, address(1));
        let just_before = start + PAUSE - Duration::from_nanos(1);
        assert!(!addresses.may_dial(just_before, &a, address(1)));
        assert!(addresses.may_dial(start + PAUSE, &a, address(1)));
        assert!(addresses.may_dial(start, &a, address(2)), "another address");
        assert!(
            addresses.may_dial(start, &name("b"), address(1)),
            "another name"
        );
        addresses.proven(start, &a, address(1));
        assert!(addresses.may_dial(start, &a, address(1)));
    }

    #[test]
    fn the_address_that_was_used_longest_ago_is_forgotten() {
        let start = Instant::now();
        let mut addresses = Addresses::new(PAUSE);
        let a = name("a");
        let port = |index: usize| address(u16::try_from(index).expect("4096 ports") + 1);
        for index in 0..ADDRESSES_MAX {
            addresses.tried(start, &a, port(index));
        }
        addresses.tried(start, &a, port(0));
        assert_eq!(addresses.known.len(), ADDRESSES_MAX);
        addresses.tried(start, &a, port(ADDRESSES_MAX));
        assert_eq!(addresses.known.len(), ADDRESSES_MAX);
        assert_eq!(addresses.order.len(), ADDRESSES_MAX);
        assert!(addresses.may_dial(start, &a, port(1)), "it was forgotten");
        for index in [0, 2, ADDRESSES_MAX] {
            assert!(!addresses.may_dial(start, &a, port(index)), "{index}");
        }
    }
}
