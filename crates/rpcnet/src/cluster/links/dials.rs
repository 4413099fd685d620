//! Dials under way, and the messages that wait for them.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use rpcnet_proto::swim::NodeName;
use tokio::time::Instant;

use super::addresses::Addresses;
use crate::cluster::ClusterLimits;

/// Whom a dial is for: a member at an address, or whoever answers at that of a seed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) name: Option<NodeName>,
    pub(super) address: SocketAddr,
}

/// The dials under way, at most one per target, each with what waits for it.
#[derive(Debug)]
pub(super) struct Dials<M> {
    pending: HashMap<Target, VecDeque<M>>,
    addresses: Addresses,
    dials_max: usize,
    queued_max: usize,
}

/// What became of a message that wants a dial.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked<M> {
    /// It waits; the dial is for the caller to begin.
    Begin,
    /// It waits for a dial that is under way, and this older one no longer does.
    Waits { dropped: Option<M> },
    /// There is no dial: too many are under way, or the address was tried just now.
    Refused(Option<M>),
}

impl<M> Dials<M> {
    pub(super) fn new(limits: &ClusterLimits) -> Self {
        Self {
            pending: HashMap::new(),
            addresses: Addresses::new(limits.unproven_dial_pause),
            dials_max: limits.dials_max,
            queued_max: limits.queued_per_dial_max,
        }
    }

    /// Lets a message, if there is one, wait for a dial of the target.
    pub(super) fn ask(&mut self, now: Instant, target: &Target, message: Option<M>) -> Asked<M> {
        if let Some(waiting) = self.pending.get_mut(target) {
            let Some(message) = message else {
                return Asked::Waits { dropped: None };
            };
            let is_full = waiting.len() >= self.queued_max;
            let dropped = if is_full { waiting.pop_front() } else { None };
            waiting.push_back(message);
            return Asked::Waits { dropped };
        }
        // The address of a seed is the operator's own word.
        let may_dial = target
            .name
            .as_ref()
            .is_none_or(|name| self.addresses.may_dial(now, name, target.address));
        if self.pending.len() >= self.dials_max || !may_dial {
            return Asked::Refused(message);
        }
        if let Some(name) = &target.name {
            self.addresses.tried(now, name, target.address);
        }
        self.pending
            .insert(target.clone(), message.into_iter().collect());
        Asked::Begin
    }

    /// The dial is over; returns what waited for it, oldest first.
    pub(super) fn finish(&mut self, target: &Target) -> VecDeque<M> {
        self.pending.remove(target).unwrap_or_default()
    }

    /// Who answered at the address has proven to be of this name.
    pub(super) fn proven(&mut self, now: Instant, name: &NodeName, address: SocketAddr) {
        self.addresses.proven(now, name, address);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn dials() -> Dials<u32> {
        Dials::new(&ClusterLimits {
            dials_max: 2,
            queued_per_dial_max: 3,
            ..ClusterLimits::default()
        })
    }

    fn member(port: u16) -> Target {
        Target {
            name: NodeName::new("a").ok(),
            ..seed(port)
        }
    }

    fn seed(port: u16) -> Target {
        Target {
            name: None,
            address: ([127, 0, 0, 1], port).into(),
        }
    }

    #[test]
    fn one_dial_per_target_is_under_way_and_the_oldest_message_gives_way() {
        let (now, mut dials) = (Instant::now(), dials());
        assert_eq!(dials.ask(now, &member(1), Some(1)), Asked::Begin);
        for message in 2..=3 {
            let waits = Asked::Waits { dropped: None };
            assert_eq!(dials.ask(now, &member(1), Some(message)), waits);
        }
        let waits = Asked::Waits { dropped: Some(1) };
        assert_eq!(dials.ask(now, &member(1), Some(4)), waits);
        let waits = Asked::Waits { dropped: None };
        assert_eq!(dials.ask(now, &member(1), None), waits, "nothing to queue");
        assert_eq!(dials.finish(&member(1)), [2, 3, 4]);
        assert_eq!(dials.finish(&member(1)), [0; 0]);
    }

    #[test]
    fn no_more_dials_than_allowed_are_under_way() {
        let (now, mut dials) = (Instant::now(), dials());
        assert_eq!(dials.ask(now, &member(1), None), Asked::Begin);
        assert_eq!(dials.ask(now, &seed(1), None), Asked::Begin);
        assert_eq!(dials.ask(now, &seed(2), Some(7)), Asked::Refused(Some(7)));
        dials.finish(&seed(1));
        assert_eq!(dials.ask(now, &seed(2), Some(7)), Asked::Begin);
    }

    #[test]
    fn an_unproven_address_pauses_where_a_seed_and_a_proven_one_do_not() {
        let (now, mut dials) = (Instant::now(), dials());
        let pause = ClusterLimits::default().unproven_dial_pause;
        for target in [member(1), seed(1)] {
            assert_eq!(dials.ask(now, &target, None), Asked::Begin);
            dials.finish(&target);
        }
        assert_eq!(dials.ask(now, &member(1), Some(1)), Asked::Refused(Some(1)));
        assert_eq!(dials.ask(now, &seed(1), None), Asked::Begin);
        let short = pause - Duration::from_nanos(1);
        let refused = Asked::Refused(None);
        assert_eq!(dials.ask(now + short, &member(1), None), refused);
        assert_eq!(dials.ask(now + pause, &member(1), None), Asked::Begin);
        dials.finish(&member(1));
        let name = member(1).name.expect("a member has a name");
        dials.proven(now + pause, &name, member(1).address);
        assert_eq!(dials.ask(now + pause, &member(1), None), Asked::Begin);
    }
}
