//! C15: one member of 64 lies about all others, and none of them is removed, moved or restated.

use std::time::Duration;

use super::{Size, unbroken};
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::engine::attacked::{Attacked, LIAR};
use crate::figure::{Figure, Goal};

const NODES: u32 = 64;

/// A node answers doubts at most once per gossip interval (M-20), which is 200 ms here.
const ANSWERS_PER_SECOND: f64 = 5.0;

/// A sweep is answered so often, and then once more per probe period (M-35), which is 500 ms here.
const SWEPT_AT_ONCE: f64 = 32.0;
const SWEPT_PER_SECOND: f64 = 2.0;

/// What an attack came to.
#[derive(Debug, Default)]
pub struct Harm {
    /// Honest nodes thought failed or gone, by observer.
    pub removed: u64,
    /// Rows that say what their owner did not, and other broken rules.
    pub rules: u64,
    /// Partitions that honest nodes suspected.
    pub partitions: u64,
    /// The most answers that one node gave, per second.
    pub answers: f64,
    /// The most probes that one node made because the lies looked like a cut, per second.
    pub swept: f64,
    /// What the liar said.
    pub said: u64,
}

pub(super) fn measure(size: Size) -> Vec<Figure> {
    let lasts = Duration::from_secs(size.pick(600, 20, 20));
    let mut plan = size.plan(1, NODES);
    plan.link.loss = 0.01;
    let mut cluster = Cluster::<Attacked<true>>::new(plan);
    let harm = attack(&mut cluster, lasts);
    unbroken("C15", &cluster);
    vec![
        Figure::count(
            "C15 honest members removed",
            harm.removed,
            Goal::AtMost(0.0),
        ),
        Figure::count("C15 rules broken", harm.rules, Goal::AtMost(0.0)),
        Figure::count(
            "C15 partitions suspected",
            harm.partitions,
            Goal::AtMost(0.0),
        ),
        Figure::new(
            "C15 answers to doubts of one node",
            harm.answers,
            "/s",
            Goal::AtMost(ANSWERS_PER_SECOND),
        ),
        Figure::new(
            "C15 probes that lies draw from one node",
            harm.swept,
            "/s",
            Goal::AtMost(SWEPT_AT_ONCE / lasts.as_secs_f64() + SWEPT_PER_SECOND),
        ),
        Figure::count("C15 messages of the liar", harm.said, Goal::Any),
    ]
}

/// Lets the liar speak for so long.
#[must_use]
pub fn attack<const VERIFIES: bool>(
    cluster: &mut Cluster<Attacked<VERIFIES>>,
    lasts: Duration,
) -> Harm {
    cluster.run_for(lasts);
    let honest = || (0..).zip(cluster.nodes()).filter(|(node, _)| *node != LIAR);
    let engines = || honest().filter_map(|(node, state)| Some((node, state.engine.as_ref()?)));
    let gone = engines().flat_map(|(_, observer)| {
        engines()
            .filter(move |(about, _)| observer.row(*about).is_none_or(|row| !row.rank.is_live()))
    });
    // The first comes when the first doubt does.
    let answers = engines().filter_map(|(node, engine)| engine.row(node));
    let answers = answers.map(|row| row.incarnation.saturating_sub(1));
    let swept = engines().map(|(_, engine)| engine.counters().probes_swept);
    let all = cluster
        .nodes()
        .iter()
        .filter_map(|node| node.engine.as_ref());
    Harm {
        removed: cluster.counts().false_failed + gone.count() as u64,
        rules: cluster.violations().len() as u64,
        partitions: engines().map(|(_, engine)| engine.partitions()).sum(),
        answers: answers.max().unwrap_or_default() as f64 / lasts.as_secs_f64(),
        swept: swept.max().unwrap_or_default() as f64 / lasts.as_secs_f64(),
        said: all.map(Attacked::said).sum(),
    }
}
