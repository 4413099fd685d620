//! C3, C5: a joiner soon sees everybody, and everybody hears of joins, tags and departures.

use super::NODES;
use super::fleet::{Fleet, PATIENCE};
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::moment::Moment;
use crate::percentile::percentile_ms;
use crate::record::{events, failures};
use crate::told::{Kind, Told, What};
use std::collections::BTreeMap;
use std::time::Duration;

/// One member changes a tag, leaves, ends, and joins again; then the next.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let rounds = scale.pick(32, 4);
    let mut fleet = Fleet::new(NODES, |_| false).await?;
    let mut times = Times::default();
    let mut wrong = Vec::new();
    for round in 0..rounds {
        let node = (round * 3 + 1) % NODES;
        let start = fleet.record.len();
        times.tagged.push(mark(&mut fleet, node, round).await?);
        times.left.push(leave(&mut fleet, node).await?);
        fleet.kill(node).await?;
        fleet.start(node).await?;
        let (full, known) = join(&mut fleet, node).await?;
        times.full.push(full);
        times.known.push(known);
        wrong.extend(failures(&fleet.record.since(start), |_| true));
    }
    fleet.check()?;
    let mut measured = Measured::default();
    let p99 = |times: &mut [Duration]| percentile_ms(times, 0.99);
    let name = "cluster-join";
    measured.at_least(
        format!("{name}-rounds"),
        times.full.len() as f64,
        "rounds",
        rounds as f64,
    );
    measured.at_most(
        format!("{name}-full-view-p99"),
        p99(&mut times.full),
        "ms",
        1_000.0,
    );
    measured.known(
        format!("{name}-known-to-last-p99"),
        p99(&mut times.known),
        "ms",
    );
    measured.known(
        format!("{name}-tag-to-last-p99"),
        p99(&mut times.tagged),
        "ms",
    );
    measured.known(
        format!("{name}-left-to-last-p99"),
        p99(&mut times.left),
        "ms",
    );
    measured.none(format!("{name}-taken-for-failed"), &wrong, "events");
    Ok(measured)
}

#[derive(Default)]
struct Times {
    /// From the beginning of the join to the joiner's full view.
    full: Vec<Duration>,
    /// From there to the last of the others.
    known: Vec<Duration>,
    tagged: Vec<Duration>,
    left: Vec<Duration>,
}

/// Changes a tag; returns how long it takes to reach the last of the others.
async fn mark(fleet: &mut Fleet, node: usize, round: usize) -> Result<Duration, BoxError> {
    let value = format!("{node}-{round}");
    let name = fleet.name(node).to_owned();
    let at = Moment::now();
    fleet.say(node, &format!("mark {value}")).await?;
    let all = |told: &[Told]| {
        let mut reached = BTreeMap::new();
        for told in told {
            match &told.what {
                What::Event {
                    kind: Kind::TagsUpdated,
                    about,
                    mark: Some(mark),
                } if *about == name && *mark == value => {
                    reached.insert(told.node.clone(), told.at);
                }
                _ => {}
            }
        }
        reached.remove(&name);
        (reached.len() == NODES - 1).then(|| reached.into_values().max())?
    };
    let last = fleet.record.until("a tag", PATIENCE, all).await?;
    Ok(last.since(at))
}

/// Leaves; returns how long it takes until the last of the others knows.
async fn leave(fleet: &mut Fleet, node: usize) -> Result<Duration, BoxError> {
    let name = fleet.name(node).to_owned();
    let start = fleet.record.len();
    let at = Moment::now();
    fleet.say(node, "leave").await?;
    let all = |told: &[Told]| {
        let told = told.get(start..)?;
        let mut known = events(told, Kind::Left, &name);
        known.remove(name.as_str());
        let done = |told: &&Told| told.node == name && told.what == What::Left;
        let is_done = told.iter().any(|told| done(&told));
        (is_done && known.len() == NODES - 1).then(|| known.into_values().max())?
    };
    let last = fleet.record.until("a departure", PATIENCE, all).await?;
    Ok(last.since(at))
}

/// Joins; returns how long it takes until it sees everybody, and everybody sees it.
async fn join(fleet: &mut Fleet, node: usize) -> Result<(Duration, Duration), BoxError> {
    let name = [fleet.name(node).to_owned()];
    let start = fleet.record.len();
    fleet.join(node).await?;
    let full = fleet
        .these_see("a full view", &name, |_, sight| sight.live == NODES)
        .await?;
    let known = fleet.all_live(NODES).await?;
    let told = fleet.record.since(start);
    let began = told.iter().find(|told| told.what == What::Joining);
    let began = began.ok_or("the joiner does not say when it began")?.at;
    Ok((full.since(began), known.since(began)))
}
