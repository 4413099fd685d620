//! [`Publisher`]: what is exported, told to the recorder of the facade `metrics`.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, Unit, with_recorder};
use tokio::time::{MissedTickBehavior, interval};

use super::Exporter;
use super::collect::{Sink, Value};
use super::family::{FAMILIES, FamilyKind, Id};
use crate::metrics::Histogram;
use crate::task::Tasks;

/// Where the numbers come from, for recorders that want to know.
const METADATA: Metadata<'static> = Metadata::new("rpcnet", Level::INFO, Some("rpcnet"));

/// Tells what is exported to the recorder that the program has installed with the facade
/// `metrics`.
///
/// Counters are set to what was counted, gauges to how things stand. Of histograms the recorder
/// gets each new call once, with the middle of its bucket for its duration.
#[derive(Debug)]
pub struct Publisher {
    exporter: Exporter,
    /// What was told of each histogram.
    told: HashMap<Key, Histogram>,
}

/// Publishes again and again, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the publishing"]
pub struct Publishing {
    _tasks: Tasks,
}

impl Publisher {
    /// Describes everything to the recorder, and publishes nothing yet.
    #[must_use]
    pub fn new(exporter: &Exporter) -> Self {
        with_recorder(|recorder| {
            for family in FAMILIES {
                let (name, help) = (family.name.into(), family.help.into());
                match family.kind {
                    FamilyKind::Counter => recorder.describe_counter(name, unit(family.name), help),
                    FamilyKind::Gauge => recorder.describe_gauge(name, unit(family.name), help),
                    FamilyKind::Histogram => {
                        recorder.describe_histogram(name, unit(family.name), help);
                    }
                }
            }
        });
        Self {
            exporter: exporter.clone(),
            told: HashMap::new(),
        }
    }

    /// Publishes how things stand now.
    pub fn publish(&mut self) {
        let mut round = Round {
            told: &mut self.told,
            seen: HashMap::new(),
        };
        self.exporter.collect(&mut round);
        let seen = round.seen;
        // What is exported no more is not kept.
        self.told = seen;
    }

    /// Publishes at once and then in this interval, at least 100 ms. Must be called within a
    /// Tokio runtime.
    pub fn every(mut self, period: Duration) -> Publishing {
        let tasks = Tasks::new();
        tasks.spawn_until_stopped(async move {
            let mut ticks = interval(period.max(PERIOD_LEAST));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.publish();
            }
        });
        Publishing { _tasks: tasks }
    }
}

/// The shortest interval of publishing.
const PERIOD_LEAST: Duration = Duration::from_millis(100);

/// One time that everything is published.
struct Round<'a> {
    told: &'a mut HashMap<Key, Histogram>,
    seen: HashMap<Key, Histogram>,
}

impl Sink for Round<'_> {
    fn put(&mut self, id: Id, labels: &[&str], value: Value<'_>) {
        let family = id.family();
        let pairs = family.labels.iter().zip(labels);
        let labels: Vec<Label> = pairs
            .map(|(name, value)| Label::new(*name, (*value).to_owned()))
            .collect();
        let key = Key::from_parts(family.name, labels);
        match value {
            Value::Counter(count) => {
                with_recorder(|to| to.register_counter(&key, &METADATA).absolute(count));
            }
            Value::Gauge(gauge) => {
                with_recorder(|to| to.register_gauge(&key, &METADATA).set(gauge));
            }
            Value::Histogram(histogram) => {
                let before = self.told.remove(&key).unwrap_or_default();
                with_recorder(|to| {
                    let to = to.register_histogram(&key, &METADATA);
                    for (start, end, count) in histogram.since(&before).buckets() {
                        let middle = end.map_or(start, |end| start.midpoint(end));
                        let count = usize::try_from(count).unwrap_or(usize::MAX);
                        to.record_many(middle.as_secs_f64(), count);
                    }
                });
                self.seen.insert(key, histogram.clone());
            }
        }
    }
}

trait Midpoint {
    fn midpoint(self, other: Self) -> Self;
}

impl Midpoint for Duration {
    fn midpoint(self, other: Self) -> Self {
        (self + other) / 2
    }
}

/// The unit that a name ends in.
fn unit(name: &str) -> Option<Unit> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    if name.ends_with("_seconds") {
        Some(Unit::Seconds)
    } else if name.ends_with("_bytes") {
        Some(Unit::Bytes)
    } else {
        None
    }
}
