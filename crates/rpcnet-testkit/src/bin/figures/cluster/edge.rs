//! C2: who watches heartbeats routes around a host without power, and around a crashed process.

use super::NODES;
use super::fleet::Fleet;
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::moment::Moment;
use crate::percentile::percentile_ms;
use crate::record::events;
use crate::told::Kind;
use std::time::Duration;
use tokio::time::sleep;

/// Half of the members watch.
fn is_watching(node: usize) -> bool {
    node.is_multiple_of(2)
}

/// Unplugs hosts, and kills processes on hosts that go on.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let rounds = scale.pick(15, 2);
    let mut fleet = Fleet::new(NODES, is_watching).await?;
    let (mut dead, mut crashed) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let node = (round * 5 + 1) % NODES;
        sleep(WARM_UP).await;
        let start = fleet.record.len();
        let at = Moment::now();
        fleet.network.unplug(node).await?;
        dead.extend(noticed(&fleet, node, start, at).await?);
        fleet.network.plug(node).await?;
        all_reach(&fleet, node, start).await?;

        let node = (round * 5 + 4) % NODES;
        sleep(WARM_UP).await;
        let start = fleet.record.len();
        let at = fleet.kill(node).await?;
        crashed.extend(noticed(&fleet, node, start, at).await?);
        fleet.start(node).await?;
        fleet.join(node).await?;
        all_reach(&fleet, node, start).await?;
    }
    fleet.check()?;
    let mut measured = Measured::default();
    for (what, times, goal) in [
        ("dead-host", &mut dead, 2_000.0),
        ("crashed-process", &mut crashed, 1_000.0),
    ] {
        let name = format!("cluster-edge-{what}");
        let samples = times.len() as f64;
        measured.at_least(format!("{name}-seen"), samples, "edges", rounds as f64);
        measured.known(format!("{name}-p50"), percentile_ms(times, 0.5), "ms");
        let p99 = percentile_ms(times, 0.99);
        measured.at_most(format!("{name}-p99"), p99, "ms", goal);
    }
    Ok(measured)
}

/// How long after `at` each of those who watch noticed.
async fn noticed(
    fleet: &Fleet,
    node: usize,
    start: usize,
    at: Moment,
) -> Result<Vec<Duration>, BoxError> {
    let name = fleet.name(node);
    let watchers = (0..NODES).filter(|other| is_watching(*other) && *other != node);
    let watchers = watchers.count();
    let all = |told: &[_]| {
        let noticed = events(told.get(start..)?, Kind::Unreachable, name);
        let times = noticed.values().map(|moment| moment.since(at));
        (noticed.len() == watchers).then(|| times.collect())
    };
    fleet.record.until("an edge", NOTICE_WITHIN, all).await
}

/// Waits until those who took the member for unreachable heard it again, or heard of its new start, and
/// everybody sees everybody.
async fn all_reach(fleet: &Fleet, node: usize, start: usize) -> Result<(), BoxError> {
    fleet.all_live(NODES).await?;
    let name = fleet.name(node);
    let all = |told: &[_]| {
        let told = told.get(start..)?;
        let lost = events(told, Kind::Unreachable, name);
        let again = [
            Kind::Reachable,
            Kind::Restarted,
            Kind::Recovered,
            Kind::Joined,
        ];
        let again = again.map(|kind| events(told, kind, name));
        let is_back = |edge: &&str| again.iter().any(|back| back.contains_key(*edge));
        lost.keys().all(is_back).then_some(())
    };
    fleet.record.until("reach", NOTICE_WITHIN, all).await
}

/// So many heartbeats make a history.
const WARM_UP: Duration = Duration::from_secs(6);

const NOTICE_WITHIN: Duration = Duration::from_secs(20);
