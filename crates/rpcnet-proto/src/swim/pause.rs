//! Time in which this node did not run.

use std::time::Duration;

use super::{Swim, Time};

impl Swim {
    /// Every call that takes a time begins here: time never goes back, and a late
    /// timer is noticed before anything else happens.
    pub(super) fn enter(&mut self, now: Time) -> Time {
        self.now = self.now.max(now);
        if let Some(due) = self.agenda.next() {
            let late = self.now.since(due);
            if late > self.config.probe_interval / 2 && self.late_counted != Some(due) {
                self.late_counted = Some(due);
                self.on_late(self.now, late);
            }
        }
        self.now
    }

    pub(super) fn on_late(&mut self, now: Time, late: Duration) {
        let period = self.config.probe_interval;
        if !self.config.lifeguard || !self.takes_part() || late <= period / 2 {
            return;
        }
        self.awareness.worsen(1);
        if late < (period * 2).max(PAUSE_MIN) {
            return;
        }
        // M-22: what was sent meanwhile has not been read. No question that was
        // open counts, no doubt has run on, and nobody fails for one period.
        let periods = late.as_micros() / (period * 2).as_micros().max(1);
        self.awareness
            .worsen(u32::try_from(periods).unwrap_or(u32::MAX));
        self.counters.pauses += 1;
        self.drop_probes();
        self.drop_relays();
        self.stretch_suspicions(late);
        self.guard_until = now + self.awareness.scale(period);
        self.partition.heard(now);
        self.agenda.catch_up(now);
        self.late_counted = self.agenda.next();
    }
}

/// The shortest lateness that is taken for a pause.
const PAUSE_MIN: Duration = Duration::from_secs(1);
