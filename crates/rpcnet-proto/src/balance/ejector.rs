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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    /// Workers with the ids 0, 1, ..., and their ejector.
    struct Bench {
        ejector: Ejector,
        workers: Vec<Outcomes>,
    }

    impl Bench {
        fn new(workers: usize) -> Self {
            Self {
                ejector: Ejector::new(EjectionConfig::default()),
                workers: (0..workers).map(|_| Outcomes::new()).collect(),
            }
        }

        fn fail(&self, worker: usize, times: usize, ms: u64) {
            for _ in 0..times {
                self.workers[worker].failed(at(ms));
            }
        }

        fn succeed(&self, worker: usize, times: usize, ms: u64) {
            for _ in 0..times {
                self.workers[worker].succeeded(at(ms));
            }
        }

        fn review(&mut self, ms: u64) -> bool {
            self.ejector.review(at(ms), (0..).zip(&self.workers))
        }

        fn out(&self) -> Vec<u64> {
            self.ejector.standings().map(|(id, _)| id).collect()
        }

        fn ends(&self, worker: u64) -> Option<u64> {
            match self.ejector.standing(worker) {
                Standing::Ejected { until } => Some(until.as_micros() / 1_000),
                Standing::Admitted | Standing::Probing => None,
            }
        }
    }

    #[test]
    fn five_failures_in_a_row_eject_and_five_good_probes_admit() {
        let mut bench = Bench::new(8);
        bench.fail(3, 4, 100);
        assert!(!bench.review(100));
        bench.fail(3, 1, 101);
        assert!(bench.review(101));
        assert_eq!(bench.ends(3), Some(1_101));
        assert_eq!(bench.ejector.poll_timeout(), Some(at(1_101)));
        assert!(!bench.review(1_100));
        assert!(bench.review(1_101));
        assert_eq!(bench.ejector.standing(3), Standing::Probing);
        assert_eq!(bench.ejector.poll_timeout(), None);
        bench.succeed(3, 4, 1_200);
        assert!(!bench.review(1_200));
        bench.succeed(3, 1, 1_201);
        assert!(bench.review(1_201));
        assert_eq!(bench.ejector.standing(3), Standing::Admitted);
        assert_eq!(bench.out(), []);
    }

    #[test]
    fn a_failed_probe_ejects_for_twice_as_long_up_to_the_longest() {
        let mut bench = Bench::new(8);
        bench.fail(0, 5, 0);
        bench.review(0);
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 8] {
            assert_eq!(bench.ends(0), Some(now + seconds * 1_000));
            now += seconds * 1_000;
            bench.review(now);
            bench.succeed(0, 3, now);
            bench.fail(0, 1, now);
            bench.review(now);
        }
    }

    #[test]
    fn a_relapse_counts_until_the_worker_was_trusted_for_the_longest_time() {
        for (later, lasts) in [(7_999, 2_000), (8_000, 1_000)] {
            let mut bench = Bench::new(8);
            bench.fail(0, 5, 0);
            bench.review(0);
            bench.review(1_000);
            bench.succeed(0, 5, 1_000);
            bench.review(1_000);
            assert_eq!(bench.ejector.standing(0), Standing::Admitted);
            let now = 1_000 + later;
            bench.fail(0, 5, now);
            bench.review(now);
            assert_eq!(bench.ends(0), Some(now + lasts));
        }
    }

    #[test]
    fn a_share_of_failures_ejects_and_leads_to_no_second_verdict() {
        let mut bench = Bench::new(8);
        for turn in 0..10 {
            bench.succeed(2, 1, turn);
            bench.fail(2, 1, turn);
        }
        bench.review(10);
        assert_eq!(bench.out(), [2]);
        bench.review(1_010);
        bench.succeed(2, 5, 1_020);
        bench.review(1_020);
        assert_eq!(bench.out(), [], "its window is still that of two seconds");
    }

    #[test]
    fn what_ends_while_it_is_out_says_nothing() {
        let mut bench = Bench::new(8);
        bench.fail(2, 5, 0);
        bench.review(0);
        bench.fail(2, 50, 500);
        bench.succeed(2, 50, 600);
        assert!(!bench.review(600));
        bench.review(1_000);
        assert_eq!(bench.ejector.standing(2), Standing::Probing);
        assert!(!bench.review(1_001));
    }

    #[test]
    fn the_worst_are_ejected_and_a_third_at_most() {
        let mut bench = Bench::new(8);
        for worker in 0..8 {
            bench.succeed(worker, 8 - worker, 0);
            bench.fail(worker, 5, 0);
        }
        bench.review(0);
        assert_eq!(bench.out(), [6, 7]);
        assert!(!bench.ejector.is_panicking());
        assert!(!bench.review(10), "the others stay, failing as they are");
        // Of seven two may be out, of five one.
        bench.workers.truncate(7);
        bench.review(20);
        assert_eq!(bench.out(), [5, 6], "one that is gone makes room");
        let workers = (0..).zip(&bench.workers).skip(2);
        bench.ejector.review(at(30), workers);
        assert_eq!(bench.out(), [5], "who was to be back first is back");
    }

    #[test]
    fn the_only_worker_is_out_and_picked_all_the_same() {
        let mut bench = Bench::new(1);
        bench.fail(0, 5, 0);
        assert!(bench.review(0));
        assert_eq!(bench.out(), [0]);
        assert!(bench.ejector.is_panicking());
        bench.review(1_000);
        bench.succeed(0, 5, 1_000);
        assert!(bench.review(1_000));
        assert!(!bench.ejector.is_panicking());
    }

    #[test]
    fn who_is_gone_is_forgotten_and_comes_back_without_a_past() {
        let mut bench = Bench::new(8);
        bench.fail(1, 5, 0);
        bench.review(0);
        assert!(bench.ejector.review(at(1), []));
        assert!(bench.ejector.records.is_empty());
        assert_eq!(bench.ejector.poll_timeout(), None);
        bench.review(2);
        assert_eq!(bench.ejector.standing(1), Standing::Admitted);
    }

    /// A worker that restarted, whose outcomes begin at zero again.
    #[test]
    fn a_new_worker_by_an_old_name_is_probed_from_its_own_beginning() {
        let mut bench = Bench::new(8);
        bench.succeed(1, 100, 0);
        bench.fail(1, 5, 0);
        bench.review(0);
        bench.review(1_000);
        bench.workers[1] = Outcomes::new();
        assert!(!bench.review(1_001));
        bench.succeed(1, 5, 1_002);
        bench.review(1_002);
        assert_eq!(bench.ejector.standing(1), Standing::Admitted);
    }

    #[test]
    fn where_none_may_be_out_none_is() {
        let mut bench = Bench::new(3);
        bench.ejector = Ejector::new(EjectionConfig::default().with_share_max(0.0));
        bench.fail(1, 50, 0);
        assert!(!bench.review(0));
        assert_eq!(bench.out(), []);
    }
}
