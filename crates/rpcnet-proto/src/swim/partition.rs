//! Whether so many members are out of reach that the network may be cut.

use std::collections::BTreeSet;
use std::time::Duration;

use super::agenda::Key;
use super::members::{Id, Voters};
use super::probe::Cause;
use super::{Event, QuorumView, Side, Swim, Time, stable_after};

/// Why a partition is suspected or taken for healed: what this node saw, no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionEvidence {
    /// Voters that are remembered, this node included, or the fixed size.
    pub known: usize,
    /// Of these, those that are alive, this node included.
    pub alive: usize,
    /// Of these, those that are suspects.
    pub suspects: usize,
    /// Of these, those that failed.
    pub failed: usize,
    /// Different members that reported doubts since it began, this node included.
    pub reporters: usize,
    /// How long ago it began: when the first of those was doubted with whom it became likely, a
    /// quarter of [`stable_after`] before that at most.
    pub lasted: Duration,
    /// Whether hardly anybody answers this node at all.
    pub isolated: bool,
    /// Which side this node is likely on.
    pub side: Side,
}

/// What is watched to tell a cut from single failures.
#[derive(Debug)]
pub(super) struct Partition {
    /// Since when so many are out of reach that it may be one, or the first of them.
    began: Option<Time>,
    is_suspected: bool,
    /// Failures that are taken for what they are.
    accepted: usize,
    reporters: BTreeSet<Id>,
    /// When anybody was last heard directly.
    heard_at: Time,
    /// Turns in a row that nobody answered.
    unanswered: u32,
    /// The last eight turns, one bit each, 1 where nobody answered.
    turns: u8,
    counts: Voters,
    changed_at: Time,
}

impl Partition {
    pub(super) const fn new(now: Time) -> Self {
        Self {
            began: None,
            is_suspected: false,
            accepted: 0,
            reporters: BTreeSet::new(),
            heard_at: now,
            unanswered: 0,
            turns: 0,
            counts: Voters {
                alive: 0,
                suspects: 0,
                failed: 0,
            },
            changed_at: now,
        }
    }

    pub(super) fn heard(&mut self, now: Time) {
        self.heard_at = now;
    }

    pub(super) fn answered(&mut self, now: Time, cause: Cause) {
        self.heard_at = now;
        self.unanswered = 0;
        if cause == Cause::Turn {
            self.turns <<= 1;
        }
    }

    pub(super) fn unanswered(&mut self, cause: Cause) {
        self.unanswered = self.unanswered.saturating_add(1);
        if cause == Cause::Turn {
            self.turns = self.turns << 1 | 1;
        }
    }

    pub(super) fn reported(&mut self, reporter: Id) {
        if self.reporters.len() < REPORTERS_MAX {
            self.reporters.insert(reporter);
        }
    }

    /// A failure that is forgotten is no longer out of reach; nothing has healed.
    pub(super) fn forgotten(&mut self, voters: &Voters) {
        self.accepted = self.accepted.min(voters.failed);
        if self.lost(voters) == 0 {
            self.began = None;
            self.is_suspected = false;
        }
    }

    /// Who is out of reach and not accepted as failed.
    const fn lost(&self, voters: &Voters) -> usize {
        (voters.failed + voters.suspects).saturating_sub(self.accepted)
    }

    /// Silence of everybody, or of nearly all whose turn it was.
    fn is_isolated(&self, now: Time, period: Duration) -> bool {
        let silent = now.since(self.heard_at) >= period * 4 && self.unanswered >= 3;
        silent || self.turns.count_ones() >= 7
    }

    /// An eighth and three at least, or whatever makes it likely: a reason to look who else is
    /// out of reach.
    const fn is_to_sweep(&self, voters: &Voters) -> bool {
        let lost = self.lost(voters);
        (lost >= 3 && lost * 8 >= voters.alive + lost) || self.is_likely(voters)
    }

    /// Two or more at once, or whoever was there besides this node; and a quarter of all.
    const fn is_likely(&self, voters: &Voters) -> bool {
        let lost = self.lost(voters);
        let known = voters.alive + lost;
        (lost >= 2 || lost * 2 >= known) && lost >= 1 && lost * 4 >= known
    }
}

impl Swim {
    /// Looks at the counts whenever one may have changed.
    pub(super) fn assess_partition(&mut self, now: Time) {
        let voters = self.members.voters();
        if voters != self.partition.counts {
            self.partition.counts = voters;
            self.partition.changed_at = now;
        }
        let isolated = self.is_isolated(now);
        let is_likely = self.partition.is_likely(&voters) || isolated;
        if self.partition.is_to_sweep(&voters) {
            self.begin_sweep(now);
        } else {
            self.end_sweep();
        }
        let known = voters.alive + voters.suspects + voters.failed;
        if is_likely && !self.partition.is_suspected {
            let held = self.agenda.time_of(Key::Partition);
            let held = held.filter(|_| self.partition.began.is_some());
            let settles = stable_after(known);
            let began = self.partition.began;
            let began = began.unwrap_or_else(|| now - self.led_by(now, settles));
            self.partition.began = Some(began);
            // Who hears nobody at all has nothing to wait for.
            let due = if isolated {
                now + ISOLATED_SETTLE
            } else {
                began + settles
            };
            let due = held.map_or(due, |held| held.min(due)).max(now);
            self.agenda.arm(Key::Partition, due);
        } else if !is_likely && self.partition.began.is_some() && !self.partition.is_suspected {
            self.end_partition();
        } else if self.partition.is_suspected && !isolated && self.partition.lost(&voters) == 0 {
            let evidence = self.evidence(now);
            self.end_partition();
            self.emit(Event::PartitionHealed(evidence));
        } else if !is_likely && voters.failed != self.partition.accepted {
            // Single failures that last are accepted as failures.
            self.agenda.arm(Key::Partition, now + stable_after(known));
        }
    }

    /// M-35: what has lasted is reported, or accepted as single failures.
    pub(super) fn on_partition_due(&mut self, now: Time) {
        let Some(began) = self.partition.began else {
            self.partition.accepted = self.members.voters().failed;
            return;
        };
        if !self.partition.is_suspected {
            let voters = self.members.voters();
            let known = voters.alive + voters.suspects + voters.failed;
            let settled = began + stable_after(known);
            if !self.is_isolated(now) && now < settled {
                // Somebody was heard after all, so there is no reason to be quick.
                self.agenda.arm(Key::Partition, settled);
                return;
            }
            if !self.is_isolated(now) && !self.partition.is_likely(&self.lasting(now)) {
                // Doubts that are answered and raised again are no cut, but somebody's lie.
                self.agenda
                    .arm(Key::Partition, now + self.config.probe_interval);
                return;
            }
            self.partition.is_suspected = true;
            let evidence = self.evidence(now);
            self.emit(Event::PartitionSuspected(evidence));
        }
    }

    /// How long before now the first of those was doubted who are still: no longer than a quarter
    /// of what it has to last, so that so many are lost for the rest. Who is back by now, or
    /// failed before, has no part in it.
    fn led_by(&self, now: Time, settles: Duration) -> Duration {
        let doubted = self.suspicions.iter();
        let voters = doubted.filter(|(id, _)| self.members.is_voter(**id));
        let ages = voters.map(|(_, suspicion)| now.since(suspicion.began));
        ages.max().unwrap_or_default().min(settles / LED_BY)
    }

    /// The voters, those as alive whose doubt is younger than a suspicion lasts at least:
    /// they may yet answer it.
    fn lasting(&self, now: Time) -> Voters {
        let mut voters = self.members.voters();
        for (id, suspicion) in &self.suspicions {
            if self.members.is_voter(*id) && !suspicion.is_lasting(now) {
                voters.suspects = voters.suspects.saturating_sub(1);
                voters.alive += 1;
            }
        }
        voters
    }

    /// What is in reach (M-36).
    pub(super) fn quorum_view(&self) -> QuorumView {
        let voters = self.members.voters();
        let reachable = voters.alive + voters.suspects;
        let known = self
            .config
            .quorum_size
            .unwrap_or(reachable + voters.failed)
            .max(reachable);
        let expected = if self.is_isolated(self.now) && known > 1 {
            Side::of(1, known)
        } else {
            Side::of(voters.alive, known)
        };
        let quiet = self.now.since(self.partition.changed_at);
        QuorumView {
            known,
            reachable,
            suspects: voters.suspects,
            side: Side::of(reachable, known),
            side_expected: expected,
            stable: quiet >= stable_after(known),
        }
    }

    fn evidence(&self, now: Time) -> PartitionEvidence {
        let view = self.quorum_view();
        let voters = self.members.voters();
        let began = self.partition.began.unwrap_or(now);
        PartitionEvidence {
            known: view.known,
            alive: voters.alive,
            suspects: voters.suspects,
            failed: voters.failed,
            reporters: self.partition.reporters.len(),
            lasted: now.since(began),
            isolated: self.is_isolated(now),
            side: view.side_expected,
        }
    }

    fn end_partition(&mut self) {
        self.partition.began = None;
        self.partition.is_suspected = false;
        self.partition.reporters.clear();
        self.agenda.disarm(Key::Partition);
    }

    fn is_isolated(&self, now: Time) -> bool {
        let period = self.config.probe_interval;
        self.members.live() > 0 && self.partition.is_isolated(now, period)
    }
}

/// The share of the time that a partition has to last which may lie before it was likely.
const LED_BY: u32 = 4;
const ISOLATED_SETTLE: Duration = Duration::from_secs(2);
const REPORTERS_MAX: usize = 1_024;
