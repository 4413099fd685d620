//! What is due when.

use std::collections::{BTreeMap, BTreeSet};

use super::Time;
use super::members::Id;

/// What a timer is for. Where two are due at once, the earlier variant goes first:
/// verdicts before the next probe begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// A direct answer to the probe with this nonce is overdue.
    ProbeDirect(u64),
    /// The probe with this nonce ends.
    ProbeEnd(u64),
    /// A relayed probe is overdue.
    Relay(u64),
    /// The suspicion of a member ends.
    Suspicion(Id),
    /// This node answers a doubt about itself.
    Refute,
    /// A gone member is forgotten.
    Forget(Id),
    /// A new address is handed out for proof again.
    Prove(Id),
    /// The next member is probed.
    Probe,
    /// The next member is probed out of turn, as many are out of reach.
    Sweep,
    /// Updates are pushed.
    Gossip,
    /// Views are compared.
    Sync,
    /// A failed member is tried again.
    Retry,
    /// Seeds are asked.
    Join,
    /// Leaving is done.
    Depart,
    /// A possible partition is looked at.
    Partition,
}

/// Timers, at most one per key; exact, and without garbage.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Time, Key)>,
    times: BTreeMap<Key, Time>,
}

impl Agenda {
    /// Sets the timer, whether or not it was set before.
    pub(super) fn arm(&mut self, key: Key, at: Time) {
        if let Some(old) = self.times.insert(key, at) {
            self.by_time.remove(&(old, key));
        }
        self.by_time.insert((at, key));
    }

    pub(super) fn disarm(&mut self, key: Key) {
        if let Some(old) = self.times.remove(&key) {
            self.by_time.remove(&(old, key));
        }
    }

    pub(super) fn time_of(&self, key: Key) -> Option<Time> {
        self.times.get(&key).copied()
    }

    pub(super) fn is_armed(&self, key: Key) -> bool {
        self.times.contains_key(&key)
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the timer that is due first, where one is due.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Key> {
        let &(at, key) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.disarm(key);
        Some(key)
    }

    /// Moves what is overdue to `now`, so that the same delay is not found twice.
    pub(super) fn catch_up(&mut self, now: Time) {
        while let Some(&(at, key)) = self.by_time.first() {
            if at >= now {
                return;
            }
            self.arm(key, now);
        }
    }

    pub(super) fn clear(&mut self) {
        self.by_time.clear();
        self.times.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    #[test]
    fn timers_come_due_in_order_and_once() {
        let mut agenda = Agenda::default();
        agenda.arm(Key::Probe, at(5));
        agenda.arm(Key::ProbeEnd(1), at(5));
        agenda.arm(Key::Sync, at(3));
        agenda.arm(Key::Sync, at(9));
        assert_eq!(agenda.next(), Some(at(5)));
        assert_eq!(agenda.take_due(at(4)), None);
        assert_eq!(agenda.take_due(at(5)), Some(Key::ProbeEnd(1)));
        assert_eq!(agenda.take_due(at(5)), Some(Key::Probe));
        assert_eq!(agenda.take_due(at(5)), None);
        agenda.disarm(Key::Sync);
        assert_eq!((agenda.next(), agenda.len()), (None, 0));
    }

    #[test]
    fn what_is_overdue_becomes_due_now() {
        let mut agenda = Agenda::default();
        agenda.arm(Key::Sync, at(1));
        agenda.arm(Key::Forget(3), at(2));
        agenda.arm(Key::Probe, at(20));
        agenda.catch_up(at(10));
        assert_eq!(agenda.next(), Some(at(10)));
        assert_eq!(agenda.time_of(Key::Forget(3)), Some(at(10)));
        assert_eq!(agenda.time_of(Key::Probe), Some(at(20)));
    }
}
