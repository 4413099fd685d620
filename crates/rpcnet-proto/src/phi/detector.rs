//! [`Phi`]: the detector of one edge.

use std::time::Duration;

use super::config::Config;
use super::tail::{phi_of, z_of};
use super::window::Window;
use crate::swim::Time;

/// How unlikely the present silence of one node is, judged by the rhythm of its
/// heartbeats.
///
/// `phi` of *k* says: if the node is alive, a silence as long as this one has a
/// probability of 10^-k. It is computed from a normal distribution with the mean and
/// the standard deviation of the last intervals, the acceptable pause being added to
/// the mean.
#[derive(Clone, Debug)]
pub struct Phi {
    rules: Rules,
    window: Window,
    /// Of the window and the pause, in microseconds; renewed with each sample.
    expected: f64,
    /// In microseconds, at least the least.
    deviation: f64,
    /// When the last heartbeat came; none where the next interval says nothing.
    beat: Option<Time>,
    /// When the node was last heard in any way.
    heard: Option<Time>,
}

/// A configuration in range, with its thresholds as standard deviations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) config: Config,
    pub(super) unreachable_z: f64,
    pub(super) doubt_z: f64,
}

impl Rules {
    pub(super) fn new(config: Config) -> Self {
        let config = config.checked();
        Self {
            config,
            unreachable_z: z_of(config.threshold),
            doubt_z: z_of(config.probe_threshold),
        }
    }
}

impl Phi {
    /// Makes a detector that has heard nothing yet. Until it has measured intervals, it
    /// expects `heartbeat_interval` with a quarter of it as standard deviation.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with(Rules::new(config))
    }

    pub(super) fn with(rules: Rules) -> Self {
        let interval = rules.config.heartbeat_interval;
        let deviation = interval / 4;
        let first = [interval - deviation, interval + deviation];
        let mut made = Self {
            rules,
            window: Window::new(rules.config.window, first),
            expected: 0.0,
            deviation: 0.0,
            beat: None,
            heard: None,
        };
        made.estimate();
        made
    }

    /// Takes up a heartbeat: one of a regular stream, which ends the silence and makes
    /// the interval since the last one a sample.
    ///
    /// No sample is the first one; an interval longer than `interval_max`; one in which
    /// the node was unreachable; and one of no length, such as where time went back.
    pub fn heartbeat(&mut self, now: Time) {
        let interval = self.beat.map_or(Duration::ZERO, |beat| now.since(beat));
        let is_sample = !interval.is_zero()
            && interval <= self.rules.config.interval_max
            && !self.is_unreachable(now);
        if is_sample {
            self.window.push(interval);
            self.estimate();
        }
        self.beat = self.beat.max(Some(now));
        self.heard(now);
    }

    /// Takes up that the node was heard in another way: the silence ends, and nothing is
    /// learnt about its rhythm.
    pub fn heard(&mut self, now: Time) {
        self.heard = self.heard.max(Some(now));
    }

    /// Takes up that the node is heard again after a silence about which the rhythm says
    /// nothing: the interval up to the next heartbeat is no sample either.
    pub fn resume(&mut self, now: Time) {
        self.beat = None;
        self.heard(now);
    }

    /// Forgets when the node was heard, and keeps what is known of its rhythm.
    pub(super) const fn restart(&mut self) {
        self.beat = None;
        self.heard = None;
    }

    /// Takes up that this node itself did not run for `late`, until `now`: it could not
    /// have heard anybody in that time, so the silence is shorter by it.
    pub fn handle_pause(&mut self, now: Time, late: Duration) {
        self.beat = None;
        self.heard = self.heard.map(|heard| (heard + late).min(now).max(heard));
    }

    /// How unlikely the silence up to `now` is: 0 or more, finite, and growing with the
    /// silence. 0 where nothing was heard yet.
    #[must_use]
    pub fn phi(&self, now: Time) -> f64 {
        let Some(heard) = self.heard else {
            return 0.0;
        };
        let silence = micros(now.since(heard));
        phi_of((silence - self.expected) / self.deviation)
    }

    /// The interval that is expected, without the acceptable pause.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.window.mean() as u64)
    }

    /// The standard deviation that is reckoned with: at least the least.
    #[must_use]
    pub fn std_deviation(&self) -> Duration {
        Duration::from_micros(self.deviation as u64)
    }

    /// How many intervals the estimate is made of, the two first guesses included.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.window.len()
    }

    /// When the node becomes unreachable if it goes on being silent.
    pub(super) fn unreachable_at(&self) -> Option<Time> {
        self.reaches(self.rules.unreachable_z)
    }

    /// When the silence is worth a probe.
    pub(super) fn doubtful_at(&self) -> Option<Time> {
        self.reaches(self.rules.doubt_z)
    }

    fn is_unreachable(&self, now: Time) -> bool {
        self.unreachable_at().is_some_and(|at| at <= now)
    }

    fn reaches(&self, z: f64) -> Option<Time> {
        let silence = (self.expected + z * self.deviation).ceil().max(0.0);
        self.heard
            .map(|heard| heard + Duration::from_micros(silence as u64))
    }

    fn estimate(&mut self) {
        self.expected = self.window.mean() + micros(self.rules.config.acceptable_pause);
        let least = micros(self.rules.config.min_std_deviation);
        self.deviation = self.window.std_deviation().max(least);
    }
}

fn micros(span: Duration) -> f64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX) as f64
}
