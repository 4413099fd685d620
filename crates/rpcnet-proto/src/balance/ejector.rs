//! [`Ejector`]: which workers are left alone.

use std::collections::BTreeMap;

use super::ejection::EjectionConfig;
use super::outcomes::Outcomes;
use crate::swim::Time;

/// What an [`Ejector`] says of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It gets its share of the calls.
    Admitted,
    /// It gets none.
    Ejected {
        /// Until then.
        until: Time,
    },
    /// It gets one call at a time. A failure ejects it again, a few successes in a row
    /// admit it.
    Probing,
}

/// Takes out workers that fail, and lets them back when they do no longer.
///
/// Owned by one task, which lets it [`review`](Self::review) the outcomes when one of them
/// says so and when [`poll_timeout`](Self::poll_timeout) is there, and shows the standings to
/// those who pick. Never more than [`out_max`](EjectionConfig::out_max) workers are out at
/// once, those on probation included.
#[derive(Debug)]
pub struct Ejector {
    config: EjectionConfig,
    /// Who was ejected lately. Everybody else is admitted.
    records: BTreeMap<u64, Record>,
    is_panicking: bool,
}

/// Of a worker that is out, or was lately.
#[derive(Clone, Copy, Debug)]
struct Record {
    phase: Phase,
    /// How often it was ejected, each time soon after the last.
    times: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Ejected {
        until: Time,
    },
    /// With the counts as they were when it began.
    Probing {
        successes: u64,
        failures: u64,
    },
    /// Admitted again; a failure until then is a relapse.
    Trusted {
        until: Time,
    },
}

impl Phase {
    fn probing(outcomes: &Outcomes) -> Self {
        Self::Probing {
            successes: outcomes.successes(),
            failures: outcomes.failures(),
        }
    }

    const fn is_out(self) -> bool {
        match self {
            Self::Ejected { .. } | Self::Probing { .. } => true,
            Self::Trusted { .. } => false,
        }
    }
}

impl Ejector {
    /// Without a worker.
    #[must_use]
    pub const fn new(config: EjectionConfig) -> Self {
        Self {
            config,
            records: BTreeMap::new(),
            is_panicking: false,
        }
    }

    /// Looks at all workers there are, and says whether any standing changed. Who is not
    /// among them is forgotten.
    pub fn review<'a>(
        &mut self,
        now: Time,
        workers: impl IntoIterator<Item = (u64, &'a Outcomes)>,
    ) -> bool {
        let workers: BTreeMap<u64, &Outcomes> = workers.into_iter().collect();
        let before = self.out();
        self.records.retain(|id, _| workers.contains_key(id));
        for (id, outcomes) in &workers {
            self.move_on(now, *id, outcomes);
        }
        let out_max = self.config.out_max(workers.len());
        self.admit_beyond(now, out_max, &workers);
        self.eject_up_to(now, out_max, &workers);
        let usable = workers.len() - self.out_count();
        let is_panicking = self.config.panics(usable, workers.len());
        let changed = is_panicking != self.is_panicking || self.out() != before;
        self.is_panicking = is_panicking;
        changed
    }

    /// When to review although no outcome says so: when the next ejection ends.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let ends = self
            .records
            .values()
            .filter_map(|record| match record.phase {
                Phase::Ejected { until } => Some(until),
                Phase::Probing { .. } | Phase::Trusted { .. } => None,
            });
        ends.min()
    }

    /// What was decided about a worker; who is not known is admitted.
    #[must_use]
    pub fn standing(&self, id: u64) -> Standing {
        self.records
            .get(&id)
            .map_or(Standing::Admitted, |record| standing(record.phase))
    }

    /// All that are not simply admitted, by id.
    pub fn standings(&self) -> impl Iterator<Item = (u64, Standing)> {
        self.records
            .iter()
            .filter(|(_, record)| record.phase.is_out())
            .map(|(id, record)| (*id, standing(record.phase)))
    }

    /// Whether so few workers are admitted that their standings are to be ignored.
    #[must_use]
    pub const fn is_panicking(&self) -> bool {
        self.is_panicking
    }

    /// What time and the probes changed for one worker.
    fn move_on(&mut self, now: Time, id: u64, outcomes: &Outcomes) {
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        match record.phase {
            Phase::Ejected { until } if until <= now => {
                record.phase = Phase::probing(outcomes);
                outcomes.start_over(true);
            }
            Phase::Ejected { .. } => {}
            Phase::Probing {
                successes,
                failures,
            } => {
                let good = outcomes.successes().checked_sub(successes);
                let bad = outcomes.failures().checked_sub(failures);
                let (Some(good), Some(bad)) = (good, bad) else {
                    // Counts that fell are those of somebody new by the same name.
                    record.phase = Phase::probing(outcomes);
                    outcomes.start_over(true);
                    return;
                };
                if bad > 0 {
                    self.eject(now, id, outcomes);
                } else if good >= u64::from(self.config.probes) {
                    self.trust(now, id, outcomes);
                }
            }
            Phase::Trusted { until } => {
                if until <= now {
                    self.records.remove(&id);
                }
            }
        }
    }

    /// Lets back whoever is beyond the limit since others have left: first those on
    /// probation, then those whose time is over soonest.
    fn admit_beyond(&mut self, now: Time, out_max: usize, workers: &BTreeMap<u64, &Outcomes>) {
        let excess = self.out_count().saturating_sub(out_max);
        if excess == 0 {
            return;
        }
        let mut out: Vec<(Option<Time>, u64)> = self
            .records
            .iter()
            .filter_map(|(id, record)| match record.phase {
                Phase::Probing { .. } => Some((None, *id)),
                Phase::Ejected { until } => Some((Some(until), *id)),
                Phase::Trusted { .. } => None,
            })
            .collect();
        out.sort_unstable();
        for (_, id) in out.into_iter().take(excess) {
            if let Some(outcomes) = workers.get(&id) {
                self.trust(now, id, outcomes);
            }
        }
    }

    /// Takes out who fails, the worst first, as far as the limit allows.
    fn eject_up_to(&mut self, now: Time, out_max: usize, workers: &BTreeMap<u64, &Outcomes>) {
        let room = out_max.saturating_sub(self.out_count());
        if room == 0 {
            return;
        }
        let mut failing: Vec<(f64, u64, &Outcomes)> = workers
            .iter()
            .filter(|(id, _)| self.standing(**id) == Standing::Admitted)
            .filter_map(|(id, outcomes)| {
                let (in_a_row, (calls, failures)) =
                    (outcomes.failures_in_a_row(), outcomes.window(now));
                let ratio = f64::from(failures) / f64::from(calls.max(1));
                self.config
                    .is_failing(in_a_row, calls, failures)
                    .then_some((ratio, *id, *outcomes))
            })
            .collect();
        failing.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, id, outcomes) in failing.into_iter().take(room) {
            self.eject(now, id, outcomes);
        }
    }

    fn eject(&mut self, now: Time, id: u64, outcomes: &Outcomes) {
        let times = self.records.get(&id).map_or(0, |record| record.times) + 1;
        let phase = Phase::Ejected {
            until: now + self.config.lasts(times),
        };
        // More than that lasts no longer.
        let times = times.min(TIMES_MAX);
        self.records.insert(id, Record { phase, times });
        outcomes.start_over(false);
    }

    fn trust(&mut self, now: Time, id: u64, outcomes: &Outcomes) {
        if let Some(record) = self.records.get_mut(&id) {
            record.phase = Phase::Trusted {
                until: now + self.config.longest,
            };
            outcomes.start_over(false);
        }
    }

    fn out_count(&self) -> usize {
        self.standings().count()
    }

    fn out(&self) -> Vec<(u64, Standing)> {
        self.standings().collect()
    }
}

const fn standing(phase: Phase) -> Standing {
    match phase {
        Phase::Ejected { until } => Standing::Ejected { until },
        Phase::Probing { .. } => Standing::Probing,
        Phase::Trusted { .. } => Standing::Admitted,
    }
}

/// After 2^32 milliseconds any ejection has its longest duration.
const TIMES_MAX: u32 = 32;
