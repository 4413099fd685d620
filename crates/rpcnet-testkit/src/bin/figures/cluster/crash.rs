//! C1: a process that is killed is taken for failed, and is seen again when it is back.

use super::NODES;
use super::fleet::{Fleet, PATIENCE};
use crate::group::{Measured, Outcome, Scale};
use crate::moment::Moment;
use crate::percentile::percentile_ms;
use crate::record::{events, failures};
use crate::told::Kind;

/// Kills one after another.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let kills = scale.pick(60, 8);
    let mut fleet = Fleet::new(NODES, |_| false).await?;
    let (mut first, mut last, mut spread) = (Vec::new(), Vec::new(), Vec::new());
    let mut back = Vec::new();
    let mut wrong = Vec::new();
    for round in 0..kills {
        // Every one in turn, seeds too.
        let node = (round * 7 + 3) % NODES;
        let name = fleet.name(node).to_owned();
        let start = fleet.record.len();
        let killed = fleet.kill(node).await?;
        let all = |told: &[_]| {
            let failed = events(told.get(start..)?, Kind::Failed, &name);
            let times = failed.values().copied();
            (failed.len() == NODES - 1).then(|| (times.clone().min(), times.max()))
        };
        let seen = fleet.record.until("a crash", PATIENCE, all).await?;
        if let (Some(began), Some(ended)) = seen {
            first.push(began.since(killed));
            last.push(ended.since(killed));
            spread.push(ended.since(began));
        }
        fleet.start(node).await?;
        fleet.join(node).await?;
        let joined = Moment::now();
        back.push(fleet.all_live(NODES).await?.since(joined));
        wrong.extend(failures(&fleet.record.since(start), |about| about != name));
    }
    fleet.check()?;
    let mut measured = Measured::default();
    let name = "cluster-crash";
    measured.at_least(
        format!("{name}-kills"),
        first.len() as f64,
        "kills",
        kills as f64,
    );
    for (what, times, p50, p99) in [
        ("first", &mut first, Some(5_000.0), Some(8_000.0)),
        ("last", &mut last, None, Some(9_000.0)),
        ("spread", &mut spread, None, Some(1_000.0)),
        ("back", &mut back, None, None),
    ] {
        for (share, goal) in [("p50", p50), ("p99", p99)] {
            let value = percentile_ms(times, if share == "p50" { 0.5 } else { 0.99 });
            let name = format!("{name}-{what}-{share}");
            match goal {
                Some(most) => measured.at_most(name, value, "ms", most),
                None => measured.known(name, value, "ms"),
            }
        }
    }
    measured.none(format!("{name}-wrong"), &wrong, "events");
    Ok(measured)
}
