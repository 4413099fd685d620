//! Many members in one process agree over real QUIC, and lose nobody to a lossy network.

use super::fleet::PATIENCE;
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::record::{Record, all_see, count, failures};
use crate::roster::Roster;
use crate::site::START_WITHIN;
use crate::told::{Kind, Told, What};
use rpcnet_testkit::netns::Loopback;
use rpcnet_testkit::process::Process;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

const MEMBERS: usize = 64;

const LOSS_PERCENT: f64 = 5.0;

/// All join at once; then datagrams are lost for a while.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let lossy = Duration::from_secs(scale.pick(30 * 60, 60));
    let mut loopback = Loopback::new().await?;
    let roster = Roster::new(MEMBERS)?;
    let mut command = Process::this_executable()?;
    command.arg("member").arg("--roster").arg(roster.dir());
    command.args(["--bind", "127.0.0.1:0"]);
    for name in roster.names() {
        command.args(["--name", name]);
    }
    let command = loopback.command(&command);
    let (mut process, lines) = Process::start_talking(command, START_WITHIN).await?;
    let record = Arc::new(Record::default());
    let mut takers = JoinSet::new();
    takers.spawn(Arc::clone(&record).take_down(lines));

    let seed = process.addr();
    for name in roster.names() {
        process.say(&format!("{name} join {seed}")).await?;
    }
    let agreed = agree(&record, roster.names()).await?;
    let start = record.len();
    loopback.set_loss(LOSS_PERCENT).await?;
    sleep(lossy).await;
    let told = record.since(start);
    record.check()?;

    let mut measured = Measured::default();
    let (after_last, in_all) = agreed;
    measured.at_most(
        "cluster-many-agree-after-last-join",
        after_last,
        "ms",
        5_000.0,
    );
    measured.known("cluster-many-agree-after-first-join", in_all, "ms");
    measured.none(
        "cluster-many-failed-before-loss",
        &failures(&record.since(0)[..start], |_| true),
        "events",
    );
    measured.none(
        "cluster-many-failed-under-loss",
        &failures(&told, |_| true),
        "events",
    );
    let suspected = count(&told, Kind::Suspected) as f64;
    measured.known("cluster-many-suspected-under-loss", suspected, "events");
    measured.known("cluster-many-loss-lasted", lossy.as_secs_f64(), "s");
    Ok(measured)
}

/// How long after the last, and after the beginning of the first, has joined do all see all.
async fn agree(record: &Record, names: &[String]) -> Result<(f64, f64), BoxError> {
    let look = |told: &[Told]| {
        let agreed = all_see(told, names, |_, sight| sight.live == MEMBERS)?;
        let when = |what: What| told.iter().filter(move |told| told.what == what);
        let joined = when(What::Joined).map(|told| told.at);
        (joined.clone().count() == MEMBERS).then_some(())?;
        let began = when(What::Joining).map(|told| told.at).min()?;
        Some((agreed.since(joined.max()?), agreed.since(began)))
    };
    let (last, all) = record.until("agreement", PATIENCE, look).await?;
    Ok((last.as_secs_f64() * 1e3, all.as_secs_f64() * 1e3))
}
