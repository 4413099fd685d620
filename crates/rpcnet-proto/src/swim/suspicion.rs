//! How long a doubted member has to answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::agenda::Key;
use super::members::{Id, ME};
use super::probe::Cause;
use super::queue::{About, Kind};
use super::{Event, MemberState, Swim, Time, Update, Verdict, Vote};

/// A doubt that runs.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) began: Time,
    span: Span,
    /// Who doubts, each once; the first began it (M-18).
    pub(super) reporters: Vec<Id>,
    /// When the member was last heard directly.
    pub(super) heard: Option<Time>,
}

impl Suspicion {
    /// Whether it has run for as long as one lasts that others share.
    pub(super) fn is_lasting(&self, now: Time) -> bool {
        now.since(self.began) >= self.span.min
    }
}

/// The suspicions that run, by member.
pub(super) type Suspicions = BTreeMap<Id, Suspicion>;

/// M-17: from `max` down to `min` as confirmations come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    min: Duration,
    max: Duration,
    /// Confirmations that bring it down to `min`.
    needed: u32,
}

impl Span {
    /// The span in a cluster of `members`, this node included.
    pub(super) fn new(alpha: u32, beta: u32, period: Duration, members: usize) -> Self {
        let magnitude = (members.max(1) as f64).log10().max(1.0);
        let min = period.mul_f64(f64::from(alpha) * magnitude);
        // Two members are the suspect and this node: nobody else can confirm.
        let others = members.saturating_sub(2);
        let needed = alpha.saturating_sub(2);
        Self {
            min,
            max: min.saturating_mul(beta),
            needed: if others < needed as usize { 0 } else { needed },
        }
    }

    /// The same without waiting for anybody.
    pub(super) const fn fixed(self) -> Self {
        Self { needed: 0, ..self }
    }

    /// The length after so many confirmations.
    pub(super) fn after(&self, confirmations: u32) -> Duration {
        if confirmations >= self.needed {
            return self.min;
        }
        let share = f64::from(confirmations + 1).ln() / f64::from(self.needed + 1).ln();
        self.max - (self.max - self.min).mul_f64(share)
    }
}

impl Swim {
    /// A reporter doubts a live member: begins a suspicion or confirms one.
    pub(super) fn doubt(&mut self, now: Time, id: Id, reporter: Id, verdict: Verdict) -> bool {
        let counted = match self.members.state(id) {
            _ if !self.takes_part() => false,
            Some(MemberState::Alive) => {
                self.begin_suspicion(now, id, reporter);
                true
            }
            Some(MemberState::Suspect) => self.confirm(now, id, reporter),
            _ => false,
        };
        if counted {
            self.counters.votes_counted += 1;
            self.partition.reported(reporter);
            self.spread_vote(now, id, reporter, verdict);
        }
        counted
    }

    fn begin_suspicion(&mut self, now: Time, id: Id, reporter: Id) {
        let members = self.members.live().saturating_add(1);
        let span = Span::new(
            self.config.suspicion_multiplier,
            self.config.suspicion_max_multiplier,
            self.config.probe_interval,
            members,
        );
        let span = if self.config.lifeguard {
            span
        } else {
            span.fixed()
        };
        self.members.set_state(id, MemberState::Suspect);
        self.counters.suspicions += 1;
        self.agenda.arm(Key::Suspicion(id), now + span.after(0));
        let suspicion = Suspicion {
            began: now,
            span,
            reporters: vec![reporter],
            heard: None,
        };
        self.suspicions.insert(id, suspicion);
        if let (Some(name), Some(reporter)) = (self.name_of(id), self.name_of(reporter)) {
            self.emit(Event::Suspected { name, reporter });
        }
        self.assess_partition(now);
        // M-19: some members look for themselves at once, about as many as can
        // confirm. The suspect hears of the doubt from each of them.
        let lookers = self.config.suspicion_multiplier as usize;
        if self.config.lifeguard && reporter != ME && self.chance.below(members) < lookers {
            self.begin_probe(now, id, Cause::Doubt);
        }
    }

    /// M-18: a reporter counts once, and only so many count at all.
    fn confirm(&mut self, now: Time, id: Id, reporter: Id) -> bool {
        let limit = self.config.limits.confirmations;
        let Some(suspicion) = self.suspicions.get_mut(&id) else {
            return false;
        };
        let needed = (suspicion.span.needed as usize).min(limit);
        let is_new = !suspicion.reporters.contains(&reporter);
        if !is_new || suspicion.reporters.len() > needed {
            return false;
        }
        suspicion.reporters.push(reporter);
        let confirmations = suspicion.reporters.len().saturating_sub(1) as u32;
        let due = suspicion.began + suspicion.span.after(confirmations);
        // Never earlier than now, and never later than it was.
        let due = self
            .agenda
            .time_of(Key::Suspicion(id))
            .map_or(due, |held| due.min(held));
        self.agenda.arm(Key::Suspicion(id), due.max(now));
        true
    }

    /// The suspicion of a member has run out.
    pub(super) fn on_suspicion_end(&mut self, now: Time, id: Id) {
        // M-22: what was not read yet may hold the answer.
        if now < self.guard_until {
            self.agenda.arm(Key::Suspicion(id), self.guard_until);
            return;
        }
        let period = self.config.probe_interval;
        let heard = self.suspicions.get(&id).and_then(|held| held.heard);
        let is_fresh = heard.is_some_and(|heard| now.since(heard) < period);
        if self.config.lifeguard && is_fresh {
            // M-21: it lives, whatever others say; tell it, so that it answers them.
            self.counters.vetoed += 1;
            self.agenda.arm(Key::Suspicion(id), now + period);
            self.begin_probe(now, id, Cause::Doubt);
            return;
        }
        self.fail(now, id);
    }

    /// Ends a suspicion whose member answered or is gone.
    pub(super) fn end_suspicion(&mut self, id: Id) -> bool {
        self.agenda.disarm(Key::Suspicion(id));
        self.queue.remove_votes(id);
        self.suspicions.remove(&id).is_some()
    }

    /// Time in which this node did not run is no evidence against anybody (M-22).
    pub(super) fn stretch_suspicions(&mut self, by: Duration) {
        for (id, suspicion) in &mut self.suspicions {
            suspicion.began = suspicion.began + by;
            let key = Key::Suspicion(*id);
            if let Some(due) = self.agenda.time_of(key) {
                self.agenda.arm(key, due + by);
            }
        }
    }

    pub(super) fn spread_vote(&mut self, now: Time, id: Id, reporter: Id, verdict: Verdict) {
        let Some(vote) = self.vote_on(id, reporter, verdict) else {
            return;
        };
        let kind = Kind::Vote(reporter);
        self.spread(now, About { member: id, kind }, Update::Vote(vote.into()));
    }

    pub(super) fn vote_on(&self, id: Id, reporter: Id, verdict: Verdict) -> Option<Vote> {
        let record = self.members.record(id)?;
        Some(Vote {
            name: record.name().clone(),
            version: record.version(),
            verdict,
            reporter: self.name_of(reporter)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_millis(500);

    fn span(members: usize) -> Span {
        Span::new(4, 6, T, members)
    }

    fn seconds(span: Span, confirmations: u32) -> f64 {
        (span.after(confirmations).as_secs_f64() * 100.0).round() / 100.0
    }

    /// M-17.
    #[test]
    fn a_suspicion_lasts_as_the_formula_says() {
        for (members, min, max) in [
            (8, 2.0, 12.0),
            (128, 4.21, 25.29),
            (1000, 6.0, 36.0),
            (10_000, 8.0, 48.0),
        ] {
            let span = span(members);
            assert_eq!(seconds(span, 0), max, "{members}");
            assert_eq!(seconds(span, 2), min, "{members}");
            assert_eq!(seconds(span, u32::MAX), min, "{members}");
        }
        // max - (max - min) * ln 2 / ln 3
        assert_eq!(seconds(span(8), 1), 5.69);
    }

    /// M-17.
    #[test]
    fn nobody_is_waited_for_who_is_not_there() {
        for members in [0, 1, 2, 3] {
            assert_eq!(seconds(span(members), 0), 2.0, "{members}");
        }
        assert_eq!(seconds(span(4), 0), 12.0);
        assert_eq!(seconds(span(128).fixed(), 0), 4.21);
        assert_eq!(
            seconds(Span::new(2, 6, T, 9), 0),
            4.0_f64.min(1.0),
            "alpha 2 needs none"
        );
    }
}
