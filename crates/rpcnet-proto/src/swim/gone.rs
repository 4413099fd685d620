//! Members that failed or left: remembered, tried again, and at last forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::agenda::Key;
use super::members::{Id, ME};
use super::order::Region;
use super::{Body, Event, MemberState, Message, Swim, Time, Verdict};

/// The gone members by how long they are gone.
#[derive(Debug, Default)]
pub(super) struct Gone {
    by_time: BTreeSet<(Time, Id)>,
    since: BTreeMap<Id, Time>,
    /// What is left of the retries that were not due yet, in retries.
    credit: f64,
}

impl Gone {
    pub(super) fn new(credit: f64) -> Self {
        Self {
            credit,
            ..Self::default()
        }
    }

    fn insert(&mut self, id: Id, now: Time) {
        self.remove(id);
        self.since.insert(id, now);
        self.by_time.insert((now, id));
    }

    fn remove(&mut self, id: Id) {
        if let Some(since) = self.since.remove(&id) {
            self.by_time.remove(&(since, id));
        }
    }

    fn oldest(&self) -> Option<Id> {
        self.by_time.first().map(|(_, id)| *id)
    }
}

impl Swim {
    /// M-18: the verdict of this node about a member whose suspicion ran out.
    pub(super) fn fail(&mut self, now: Time, id: Id) {
        self.end_suspicion(id);
        self.queue.remove_member(id);
        self.members.set_state(id, MemberState::Failed);
        self.counters.failed += 1;
        self.bury(now, id, self.config.limits.failed_kept);
        self.spread_vote(now, id, ME, Verdict::Failed);
        if let Some(name) = self.name_of(id) {
            self.emit(Event::Failed { name });
        }
        if !self.agenda.is_armed(Key::Retry) {
            self.agenda
                .arm(Key::Retry, now + self.config.retry_interval);
        }
        self.assess_partition(now);
        self.wake(now);
    }

    /// Remembers that a member is gone, for as long as `kept`.
    pub(super) fn bury(&mut self, now: Time, id: Id, kept: Duration) {
        self.gone.insert(id, now);
        self.told.remove(&id);
        self.agenda.arm(Key::Forget(id), now + kept);
    }

    /// The member is back.
    pub(super) fn unbury(&mut self, id: Id) {
        self.gone.remove(id);
        self.told.remove(&id);
        self.agenda.disarm(Key::Forget(id));
    }

    /// M-34: nothing of the member is left.
    pub(super) fn forget_member(&mut self, id: Id) {
        self.end_suspicion(id);
        self.unbury(id);
        self.agenda.disarm(Key::Prove(id));
        self.queue.remove_member(id);
        self.conflicts.remove(&id);
        self.drop_questions_about(id);
        self.members.remove(id);
        self.is_full = false;
        self.partition.forgotten(&self.members.voters());
    }

    /// Makes room by forgetting who is gone longest, where anybody is.
    pub(super) fn forget_oldest(&mut self) {
        if let Some(id) = self.gone.oldest() {
            self.forget_member(id);
        }
    }

    /// M-33: tries failed members again. All live members together make about
    /// [`RETRIES_PER_ROUND`] tries per failed member and round, so that a cut
    /// that ends is noticed within seconds, and a dead address is not stormed.
    pub(super) fn on_retry(&mut self, now: Time) {
        let failed = self.members.order().len(Region::Failed);
        if failed == 0 || !self.takes_part() {
            return;
        }
        self.agenda
            .arm(Key::Retry, now + self.config.retry_interval);
        let live = self.members.live().saturating_add(1);
        let share = failed as f64 * RETRIES_PER_ROUND / live as f64;
        let limit = self.config.limits.retries as f64;
        self.gone.credit = (self.gone.credit + share.min(limit)).min(limit);
        while self.gone.credit >= 1.0 {
            self.gone.credit -= 1.0;
            let draw = self.chance.below(failed);
            if let Some(id) = self.members.order().at(Region::Failed, draw) {
                // The vote that travels along tells it what it has to answer.
                let nonce = self.chance.next();
                let on_stream = true;
                self.send(id, Message::new(Body::Ping { nonce, on_stream }), on_stream);
            }
        }
    }
}

/// Tries per failed member and round, over all live members.
const RETRIES_PER_ROUND: f64 = 2.0;
