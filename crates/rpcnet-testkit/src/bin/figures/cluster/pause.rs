//! C8: a process that stands still accuses nobody when it runs on, and nobody accuses a third.

use super::NODES;
use super::fleet::Fleet;
use crate::group::{Measured, Outcome, Scale};
use crate::moment::Moment;
use crate::record::{count, events, failures};
use crate::told::Kind;
use std::time::Duration;
use tokio::time::sleep;

/// Stops members (SIGSTOP), and lets them run on (SIGCONT).
pub(super) async fn measure(scale: Scale) -> Outcome {
    let pauses: &[u64] = scale.pick(&[1, 2, 3, 5, 8, 13, 20, 20, 13, 8, 5, 3, 2, 1], &[1, 4, 10]);
    let afterwards = Duration::from_secs(scale.pick(15, 4));
    let mut fleet = Fleet::new(NODES, |_| false).await?;
    let mut wrong = Vec::new();
    let mut back = Duration::ZERO;
    let mut measured = Measured::default();
    for (round, &seconds) in pauses.iter().enumerate() {
        let node = (round * 5 + 2) % NODES;
        let name = fleet.name(node).to_owned();
        let start = fleet.record.len();
        fleet.process(node)?.pause().await?;
        sleep(Duration::from_secs(seconds)).await;
        fleet.process(node)?.resume().await?;
        let resumed = Moment::now();
        sleep(afterwards).await;
        back = back.max(fleet.all_live(NODES).await?.since(resumed));
        let told = fleet.record.since(start);
        let healthy = failures(&told, |about| about != name);
        measured.note(format!(
            "{seconds} s: {} took it for failed, {} took others for failed, {} suspicions",
            events(&told, Kind::Failed, &name).len(),
            healthy.len(),
            count(&told, Kind::Suspected),
        ));
        wrong.extend(healthy);
    }
    fleet.check()?;
    measured.none("cluster-pause-wrong", &wrong, "events");
    let back = back.as_secs_f64() * 1e3;
    measured.at_most("cluster-pause-back-max", back, "ms", 10_000.0);
    Ok(measured)
}
