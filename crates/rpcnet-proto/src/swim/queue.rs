//! News that are still to be spread.

use std::collections::{BTreeMap, BTreeSet};

use super::Update;
use super::codec::update_len;
use super::members::Id;

/// What an update is about. A newer one about the same replaces it (M-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct About {
    pub(super) member: Id,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The member's record.
    Record,
    /// The vote of one of its reporters.
    Vote(Id),
}

/// Updates, those that were sent least first and, of these, the newest.
///
/// At most one record and as many votes as a suspicion has reporters wait per member.
#[derive(Debug, Default)]
pub(super) struct Queue {
    by_turn: BTreeSet<Turn>,
    entries: BTreeMap<About, (Turn, Update)>,
    bytes: usize,
    pushed: u64,
}

/// The place of an update in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    sent: u32,
    /// Counts down, so that the newest comes first.
    age: u64,
    about: About,
}

impl Queue {
    pub(super) fn push(&mut self, about: About, update: Update) {
        self.remove(about);
        self.pushed += 1;
        let turn = Turn {
            sent: 0,
            age: u64::MAX - self.pushed,
            about,
        };
        self.bytes += update_len(&update);
        self.by_turn.insert(turn);
        self.entries.insert(about, (turn, update));
    }

    pub(super) fn remove(&mut self, about: About) {
        if let Some((turn, update)) = self.entries.remove(&about) {
            self.by_turn.remove(&turn);
            self.bytes -= update_len(&update);
        }
    }

    /// Drops the votes about a member.
    pub(super) fn remove_votes(&mut self, member: Id) {
        let from = About {
            member,
            kind: Kind::Vote(Id::MIN),
        };
        let to = About {
            member,
            kind: Kind::Vote(Id::MAX),
        };
        while let Some((about, _)) = self.entries.range(from..=to).next() {
            let about = *about;
            self.remove(about);
        }
    }

    /// Drops everything about a member.
    pub(super) fn remove_member(&mut self, member: Id) {
        self.remove_votes(member);
        self.remove(About {
            member,
            kind: Kind::Record,
        });
    }

    /// Appends to `out` what fits into `budget` bytes; what was sent `sent_max`
    /// times is dropped.
    pub(super) fn fill(&mut self, out: &mut Vec<Update>, mut budget: usize, sent_max: u32) {
        let mut taken = Vec::new();
        let mut skipped = 0;
        for turn in &self.by_turn {
            let Some((_, update)) = self.entries.get(&turn.about) else {
                continue;
            };
            let len = update_len(update);
            if len <= budget {
                budget -= len;
                taken.push(*turn);
                out.push(update.clone());
            } else {
                skipped += 1;
            }
            if budget < UPDATE_BYTES_MIN || skipped >= SKIPPED_MAX {
                break;
            }
        }
        for turn in taken {
            self.sent(turn, sent_max);
        }
    }

    fn sent(&mut self, turn: Turn, sent_max: u32) {
        if turn.sent + 1 >= sent_max {
            self.remove(turn.about);
            return;
        }
        self.by_turn.remove(&turn);
        let next = Turn {
            sent: turn.sent + 1,
            ..turn
        };
        self.by_turn.insert(next);
        if let Some((held, _)) = self.entries.get_mut(&turn.about) {
            *held = next;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            pushed: self.pushed,
            ..Self::default()
        };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes of all that waits.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The shortest update there is: a vote with names of one character.
const UPDATE_BYTES_MIN: usize = 22;
/// Updates that did not fit, after which looking for a smaller one ends.
const SKIPPED_MAX: usize = 8;

/// M-23: how often an update is sent in a cluster of `members`, this node
/// included: `multiplier` times the decimal logarithm of `members + 1`, rounded up,
/// and [`SENT_MORE`] times.
pub(super) fn retransmissions(multiplier: u32, members: usize) -> u32 {
    let magnitude = (members.max(1) as f64 + 1.0).log10().ceil().max(1.0);
    multiplier
        .saturating_mul(magnitude as u32)
        .saturating_add(SENT_MORE)
}

/// A node misses an update that everybody sends `n` times with a chance of about
/// `e^-n`. The logarithm alone leaves one node unaware after one event in fifty,
/// in a cluster of 64, until it compares its view.
const SENT_MORE: u32 = 8;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::swim::{NodeName, Verdict, Version, Vote};

    fn vote(reporter: &str) -> Update {
        let name = |text: &str| NodeName::new(text).expect("the name is legal");
        Update::Vote(Arc::new(Vote {
            name: name("x"),
            version: Version::default(),
            verdict: Verdict::Suspect,
            reporter: name(reporter),
        }))
    }

    fn about(member: Id, reporter: Id) -> About {
        let kind = Kind::Vote(reporter);
        About { member, kind }
    }

    fn filled(queue: &mut Queue, budget: usize, sent_max: u32) -> Vec<Update> {
        let mut out = Vec::new();
        queue.fill(&mut out, budget, sent_max);
        out
    }

    /// M-23.
    #[test]
    fn retransmissions_grow_with_the_logarithm() {
        for (members, expected) in [
            (0, 12),
            (1, 12),
            (8, 12),
            (10, 16),
            (98, 16),
            (128, 20),
            (10_000, 28),
        ] {
            assert_eq!(retransmissions(4, members), expected, "{members}");
        }
    }

    /// M-23.
    #[test]
    fn an_update_is_sent_as_often_as_it_may_and_then_dropped() {
        let mut queue = Queue::default();
        queue.push(about(1, 1), vote("a"));
        for _ in 0..4 {
            assert_eq!(filled(&mut queue, 1000, 4).len(), 1);
        }
        assert!(filled(&mut queue, 1000, 4).is_empty());
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
    }

    /// M-24.
    #[test]
    fn what_was_sent_least_goes_first_and_of_these_the_newest() {
        let mut queue = Queue::default();
        queue.push(about(1, 1), vote("a"));
        assert_eq!(filled(&mut queue, 22, 9), [vote("a")]);
        queue.push(about(2, 1), vote("b"));
        queue.push(about(3, 1), vote("c"));
        assert_eq!(
            filled(&mut queue, 1000, 9),
            [vote("c"), vote("b"), vote("a")]
        );
        queue.push(about(1, 1), vote("d"));
        assert_eq!(queue.len(), 3, "the same thing is replaced");
        assert_eq!(filled(&mut queue, 22, 9), [vote("d")]);
        queue.remove_member(1);
        queue.remove_votes(2);
        assert_eq!(filled(&mut queue, 1000, 9), [vote("c")]);
    }

    #[test]
    fn a_smaller_update_is_taken_where_a_larger_one_does_not_fit() {
        let mut queue = Queue::default();
        queue.push(about(1, 1), vote("a"));
        queue.push(about(2, 1), vote(&"l".repeat(40)));
        assert_eq!(filled(&mut queue, 30, 9), [vote("a")]);
    }
}
