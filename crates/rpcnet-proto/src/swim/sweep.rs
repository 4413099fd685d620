//! The members that are held for alive, asked out of turn once many others are out of reach.

use std::collections::BTreeSet;
use std::time::Duration;

use super::agenda::Key;
use super::members::Id;
use super::probe::Cause;
use super::{MemberState, Swim, Time};

/// Whom a sweep has asked, and how much it may still ask.
///
/// A few members that are cut off from many would find them one by one, ever more slowly as
/// their probes fail (M-15). A sweep finds them within seconds. It goes on while it finds
/// somebody; members in reach answer [`CREDIT`] times and then once per period at most, however
/// often somebody's lies make it begin anew.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Each once, for as long as the same ones are out of reach.
    asked: BTreeSet<Id>,
    /// Answers that may still come. Who does not answer hands his back.
    credit: u32,
    /// Until when the credit has been reckoned.
    credited_at: Time,
    /// Not before then is another one asked.
    next: Time,
    is_over: bool,
}

impl Sweep {
    pub(super) const fn new(now: Time) -> Self {
        Self {
            asked: BTreeSet::new(),
            credit: CREDIT,
            credited_at: now,
            next: now,
            is_over: false,
        }
    }

    /// The question of a sweep was not answered: it has found somebody.
    pub(super) fn found(&mut self) {
        self.credit = self.credit.saturating_add(1).min(CREDIT);
    }

    /// One per period that has passed.
    fn replenish(&mut self, now: Time, period: Duration) {
        let passed = now.since(self.credited_at).as_micros() / period.as_micros().max(1);
        if let Ok(passed) = u32::try_from(passed)
            && passed < CREDIT
        {
            self.credit = self.credit.saturating_add(passed).min(CREDIT);
            self.credited_at = self.credited_at + period * passed;
        } else {
            self.credit = CREDIT;
            self.credited_at = now;
        }
    }
}

impl Swim {
    /// M-35: enough are out of reach to see who else is.
    pub(super) fn begin_sweep(&mut self, now: Time) {
        let is_wanted = self.config.lifeguard && !self.sweep.is_over;
        if is_wanted && !self.agenda.is_armed(Key::Sweep) {
            self.agenda.arm(Key::Sweep, now.max(self.sweep.next));
        }
    }

    /// So many are back that it was no cut, or is none any more.
    pub(super) fn end_sweep(&mut self) {
        self.sweep.asked.clear();
        self.sweep.is_over = false;
        self.agenda.disarm(Key::Sweep);
    }

    /// Asks the next one.
    pub(super) fn on_sweep(&mut self, now: Time) {
        if !self.takes_part() {
            return;
        }
        let period = self.config.probe_interval;
        self.sweep.replenish(now, period);
        let is_open = self.probes.iter().any(|probe| probe.cause == Cause::Sweep);
        if self.sweep.credit == 0 && !is_open {
            self.sweep.is_over = true;
            return;
        }
        self.sweep.next = now + period / ASKED_PER_PERIOD;
        self.agenda.arm(Key::Sweep, self.sweep.next);
        // Turns and doubts keep half of the room; and nothing counts after a pause (M-22).
        let has_room = self.probes.len() * 2 < self.config.limits.probes;
        if self.sweep.credit == 0 || !has_room || now < self.guard_until {
            return;
        }
        match self.draw_unasked() {
            Some(id) => {
                self.sweep.asked.insert(id);
                if self.begin_probe(now, id, Cause::Sweep) {
                    self.counters.probes_swept += 1;
                    self.sweep.credit = self.sweep.credit.saturating_sub(1);
                }
            }
            None if self.has_asked_all() => {
                self.sweep.is_over = true;
                self.agenda.disarm(Key::Sweep);
            }
            None => {}
        }
    }

    fn draw_unasked(&mut self) -> Option<Id> {
        for _ in 0..DRAWS {
            let draw = self.chance.below(self.members.live());
            let id = self.members.order().live_at(draw)?;
            let is_alive = self.members.state(id) == Some(MemberState::Alive);
            if is_alive && !self.sweep.asked.contains(&id) {
                return Some(id);
            }
        }
        None
    }

    fn has_asked_all(&self) -> bool {
        let is_alive = |id: &&Id| self.members.state(**id) == Some(MemberState::Alive);
        let asked = self.sweep.asked.iter().filter(is_alive).count();
        asked + self.suspicions.len() >= self.members.live()
    }
}

/// Members that are asked out of turn in a probe period, at most.
const ASKED_PER_PERIOD: u32 = 8;

/// Answers after which a sweep ends; the next one has one more per period that has passed. As
/// each member draws others and tells whom it lost, those of a side find all with far fewer.
const CREDIT: u32 = 32;

/// Draws for one that is alive and was not asked. Where these fail, the next turn tries again.
const DRAWS: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_millis(500);

    /// M-35.
    #[test]
    fn a_sweep_regains_one_answer_per_period_up_to_its_credit() {
        let begin = Time::from_micros(1_000_000);
        let mut sweep = Sweep::new(begin);
        sweep.credit = 0;
        sweep.replenish(begin + T * 9 / 10, T);
        assert_eq!(sweep.credit, 0);
        sweep.replenish(begin + T * 21 / 10, T);
        assert_eq!(sweep.credit, 2);
        sweep.replenish(begin + T * 3, T);
        assert_eq!(sweep.credit, 3, "nothing of a period is lost");
        sweep.replenish(begin + T * 1_000_000, T);
        assert_eq!(sweep.credit, CREDIT);
        sweep.found();
        assert_eq!(sweep.credit, CREDIT);
    }
}
