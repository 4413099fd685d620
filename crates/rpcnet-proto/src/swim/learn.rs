//! What other members say of themselves.

use std::sync::Arc;
use std::time::Duration;

use super::agenda::Key;
use super::members::{Id, ME};
use super::precedence::{Held, Precedence, precedence};
use super::queue::{About, Kind};
use super::{Conflict, Event, LimitKind, MemberState, Record, Swim, Time, Update, Vote};

impl Swim {
    /// Takes a record in, as somebody sees its member. Returns what it is to the
    /// one that was held, or `None` where none was or it is this node's own.
    pub(super) fn learn(
        &mut self,
        now: Time,
        record: &Arc<Record>,
        seen: MemberState,
    ) -> Option<Precedence> {
        if *record.name() == self.me.statement.name {
            self.on_record_of_me(now, record, seen);
            return None;
        }
        let Some(id) = self.members.find(record.name()) else {
            // M-34: who never knew a member has no use for its tombstone.
            if seen.is_live() && !record.is_left() {
                self.admit(now, record);
            }
            return None;
        };
        let precedence = precedence(self.held(id)?, record);
        match precedence {
            Precedence::Newer => self.replace(now, id, record, seen),
            Precedence::Rival { counts } => self.resolve(now, id, record, counts),
            Precedence::Same | Precedence::Stale => self.counters.records_stale += 1,
        }
        Some(precedence)
    }

    pub(super) fn held(&self, id: Id) -> Option<Held> {
        let record = self.members.record(id)?;
        Some(Held {
            version: record.version(),
            state: self.members.state(id)?,
            digest: record.digest(),
        })
    }

    /// A vote: about this node, it may need an answer; about another, it counts
    /// where it is about the version that is held and by a member (M-9, M-18).
    pub(super) fn hear_vote(&mut self, now: Time, vote: &Vote) {
        if vote.name == self.me.statement.name {
            if vote.verdict == super::Verdict::Failed {
                self.on_rival_failed(now, vote.version);
            }
            self.on_doubt_of_me(now, vote.version);
            return;
        }
        let reporter = self.members.find(&vote.reporter);
        let reporter = reporter.filter(|id| *id != ME && self.members.is_live(*id));
        let target = self.members.find(&vote.name);
        let counted = match (target, reporter) {
            (Some(target), Some(reporter)) if target != reporter => {
                let held = self.members.record(target).map(|record| record.version());
                held == Some(vote.version) && self.doubt(now, target, reporter, vote.verdict)
            }
            _ => false,
        };
        if !counted {
            self.counters.votes_ignored += 1;
        }
    }

    /// A member that nobody here knew; M-31 where there is no room.
    fn admit(&mut self, now: Time, record: &Arc<Record>) {
        let id = self.members.insert(Arc::clone(record)).or_else(|| {
            self.forget_oldest();
            self.members.insert(Arc::clone(record))
        });
        let Some(id) = id else {
            self.counters.records_refused += 1;
            if !self.is_full {
                self.is_full = true;
                let limit = LimitKind::Members;
                self.emit(Event::LimitReached { limit });
            }
            return;
        };
        self.counters.records_accepted += 1;
        self.spread_record(now, id, record);
        let name = record.name().clone();
        self.emit(Event::Joined { name });
        self.wake(now);
        self.assess_partition(now);
    }

    /// A member's newer statement of itself.
    fn replace(&mut self, now: Time, id: Id, record: &Arc<Record>, seen: MemberState) {
        let (Some(old), Some(was)) = (self.members.record(id).cloned(), self.members.state(id))
        else {
            return;
        };
        self.counters.records_accepted += 1;
        let name = record.name().clone();
        if record.is_left() {
            self.end_suspicion(id);
            self.queue.remove_member(id);
            self.members
                .update(id, Arc::clone(record), MemberState::Left);
            self.spread_record(now, id, record);
            self.bury(now, id, self.config.limits.left_kept);
            if was != MemberState::Left {
                self.emit(Event::Left { name });
            }
            self.assess_partition(now);
            return;
        }
        if was == MemberState::Failed && !seen.is_live() {
            // Newer, but its sender found it failed as well.
            self.members.update(id, Arc::clone(record), was);
            return;
        }
        let was_doubted = self.end_suspicion(id);
        self.unbury(id);
        let moved = self
            .members
            .update(id, Arc::clone(record), MemberState::Alive);
        self.spread_record(now, id, record);
        if moved {
            self.ask_for_proof(now, id);
        }
        if was_doubted {
            self.counters.cleared += 1;
            self.emit(Event::Cleared { name: name.clone() });
        }
        let is_new_process = old.version().epoch != record.version().epoch;
        let changed =
            old.statement().tags != record.statement().tags || old.address() != record.address();
        match was {
            MemberState::Left => self.emit(Event::Joined { name }),
            MemberState::Failed => {
                self.recovered = Some(id);
                self.emit(Event::Recovered { name });
            }
            _ if is_new_process => self.emit(Event::Restarted { name }),
            _ if changed => self.emit(Event::Updated { name }),
            _ => {}
        }
        self.wake(now);
        self.assess_partition(now);
    }

    /// Two nodes with one name and one version (M-8).
    fn resolve(&mut self, now: Time, id: Id, record: &Arc<Record>, counts: bool) {
        let Some(member) = self.members.member(id) else {
            return;
        };
        let (held, state) = (member.record().address(), member.state());
        let (address, other) = if counts {
            (record.address(), held)
        } else {
            (held, record.address())
        };
        let name = record.name().clone();
        let conflict = Conflict {
            name,
            address,
            other,
            yields: false,
        };
        self.conflict(now, id, conflict);
        if counts {
            let moved = self.members.update(id, Arc::clone(record), state);
            self.spread_record(now, id, record);
            if moved {
                self.ask_for_proof(now, id);
            }
        }
    }

    /// A node asks to join under a name that another, newer one has.
    pub(super) fn report_stale_joiner(&mut self, now: Time, record: &Record) {
        let Some(member) = self.members.find(record.name()).and_then(|id| {
            let member = self.members.member(id)?;
            (member.state().is_live() && member.record().address() != record.address())
                .then_some((id, member.record().address()))
        }) else {
            return;
        };
        let (id, address) = member;
        let conflict = Conflict {
            name: record.name().clone(),
            address,
            other: record.address(),
            yields: false,
        };
        self.conflict(now, id, conflict);
    }

    /// Tells of a conflict, once a minute per name.
    pub(super) fn conflict(&mut self, now: Time, id: Id, conflict: Conflict) {
        let told = self.conflicts.get(&id);
        if told.is_some_and(|told| now.since(*told) < CONFLICT_TOLD_AGAIN) {
            return;
        }
        if self.conflicts.len() >= CONFLICTS_MAX {
            self.conflicts.clear();
        }
        self.conflicts.insert(id, now);
        self.emit(Event::Conflict(conflict));
    }

    /// M-10: hands a new address out for proof, now and then until it is proven. Whatever
    /// the member says in between, it waits: else each of its words would draw a dial.
    pub(super) fn ask_for_proof(&mut self, now: Time, id: Id) {
        let Some(member) = self.members.member(id) else {
            return;
        };
        let claimed = member.record().address();
        let is_settled = claimed == member.address() || member.state() == MemberState::Left;
        if is_settled || self.agenda.is_armed(Key::Prove(id)) {
            return;
        }
        let name = member.name().clone();
        self.agenda.arm(Key::Prove(id), now + PROVE_AGAIN);
        if now.since(self.proves_since) >= Duration::from_secs(1) {
            self.proves_since = now;
            self.proves = 0;
        }
        if self.proves < self.config.limits.proves {
            self.proves += 1;
            let address = claimed;
            self.emit(Event::Prove { name, address });
        }
    }

    fn spread_record(&mut self, now: Time, id: Id, record: &Arc<Record>) {
        let about = About {
            member: id,
            kind: Kind::Record,
        };
        self.spread(now, about, Update::Record(Arc::clone(record)));
    }
}

/// How often an address that was not proven is handed out again: D4 allows one
/// dial in ten seconds.
const PROVE_AGAIN: Duration = Duration::from_secs(10);
const CONFLICT_TOLD_AGAIN: Duration = Duration::from_secs(60);
const CONFLICTS_MAX: usize = 64;
