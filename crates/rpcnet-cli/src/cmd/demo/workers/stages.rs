//! The stages: in each something happens to workers, and the calls go on.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::time::sleep;

use super::super::report::{StageFailure, StageReport, milliseconds};
use super::meter::Meter;
use super::tally::{Ended, Standing, Tally};
use super::{DIRECTOR, LOAD, WORKERS, WorkersDemo};
use crate::cmd::cluster::columns;

/// What is shown, in this order. After a stage that behaved, all four workers get calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Start,
    Kill,
    Restart,
    Pause,
    Rolling,
    Sum,
}

impl Stage {
    pub(super) const ALL: [Self; 6] = [
        Self::Start,
        Self::Kill,
        Self::Restart,
        Self::Pause,
        Self::Rolling,
        Self::Sum,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Start => "a director, four workers, and load",
            Self::Kill => "a worker that is killed under load",
            Self::Restart => "the same worker, restarted",
            Self::Pause => "a worker that is paused under load",
            Self::Rolling => "every worker drained and restarted, one after the other",
            Self::Sum => "what became of the calls",
        }
    }

    pub(super) async fn run(self, demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
        match self {
            Self::Start => start(demo).await,
            Self::Kill => kill(demo).await,
            Self::Restart => restart(demo).await,
            Self::Pause => pause(demo).await,
            Self::Rolling => rolling(demo).await,
            Self::Sum => sum(demo).await,
        }
    }
}

/// To whom what happens.
const KILLED: &str = WORKERS[1];
const PAUSED: &str = WORKERS[2];

/// How long the paused worker stands still.
const PAUSE: Duration = Duration::from_secs(3);
/// How many calls show that a worker works, and that the others go on.
const SOME: u64 = 10;
/// Within this a worker must be left out, or be back. It is for a machine that is busy with other
/// things; what is usual is in the report.
const SEEN_MAX: Duration = Duration::from_secs(20);

async fn start(demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
    let director = demo.start(DIRECTOR, None).await?;
    let seed = director.address();
    demo.nodes.insert(DIRECTOR, director);
    let workers = try_join_all(WORKERS.map(|name| demo.start(name, Some(seed)))).await?;
    for (name, process) in WORKERS.into_iter().zip(workers) {
        demo.started(name, process);
    }
    let began = Instant::now();
    let load = demo.start(LOAD, Some(seed)).await?;
    demo.meter = Some(Meter::open(&demo.dir, load.address()).await?);
    demo.nodes.insert(LOAD, load);
    let busy = |tally: &Tally| WORKERS.iter().all(|name| tally.answered(name) >= SOME);
    let meter = demo.meter()?;
    meter
        .until("all four workers answer", SEEN_MAX, busy)
        .await?;
    let took = began.elapsed();
    let heading = ["node", "tag", "address", "process"].map(String::from);
    let mut rows = vec![heading];
    rows.extend(demo.nodes.iter().map(|(name, process)| {
        let role = match *name {
            DIRECTOR | LOAD => name,
            _ => "worker",
        };
        let (address, pid) = (process.address().to_string(), process.pid().to_string());
        [(*name).to_owned(), format!("role={role}"), address, pid]
    }));
    let mut report: StageReport = columns(&rows).lines().map(String::from).collect();
    report.push("the load knows the director's address and nothing else".into());
    report.push(format!(
        "{} after it was started, each worker had answered {SOME} of its calls",
        seconds(took)
    ));
    Ok(report)
}

async fn kill(demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
    let mut killed = demo.take(KILLED)?;
    let meter = demo.meter()?;
    meter.mark().await?;
    let before = meter.tally();
    let began = Instant::now();
    killed.kill().await?;
    let out = |tally: &Tally| tally.standing(KILLED) != Standing::Serving;
    meter.until("the worker is gone", SEEN_MAX, out).await?;
    let noticed = began.elapsed();
    let after = goes_on(meter, &[KILLED]).await?;
    none_failed(&before, &after)?;
    Ok(vec![
        format!(
            "{KILLED} got SIGKILL; {} later no call was sent to it any more",
            seconds(noticed)
        ),
        format!(
            "{} idempotent calls ended meanwhile, {} of them at another worker than begun; none failed",
            well(&before, &after).well,
            after.failovers - before.failovers
        ),
        once(&before, &after)?,
        slowest(&after),
    ])
}

async fn restart(demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
    let before = demo.meter()?.tally();
    let began = Instant::now();
    demo.start_worker(KILLED).await?;
    let started = began.elapsed();
    let after = answers_again(demo.meter()?, KILLED, before.answered(KILLED)).await?;
    none_failed(&before, &after)?;
    Ok(vec![format!(
        "{KILLED} joined {} after its process began, and had {SOME} calls answered {} later",
        seconds(started),
        seconds(began.elapsed().saturating_sub(started))
    )])
}

async fn pause(demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
    let meter = demo.meter()?;
    meter.mark().await?;
    let before = meter.tally();
    let began = Instant::now();
    demo.node(PAUSED)?.pause()?;
    let meter = demo.meter()?;
    let out = |tally: &Tally| tally.standing(PAUSED) != Standing::Serving;
    meter.until("the worker is silent", SEEN_MAX, out).await?;
    let noticed = began.elapsed();
    goes_on(meter, &[PAUSED]).await?;
    // It stays as long as was said, whenever it was noticed.
    sleep(PAUSE.saturating_sub(began.elapsed())).await;
    let paused = began.elapsed();
    let silent = meter.tally();
    demo.node(PAUSED)?.resume()?;
    let after = answers_again(demo.meter()?, PAUSED, silent.answered(PAUSED)).await?;
    none_failed(&before, &after)?;
    Ok(vec![
        format!(
            "{PAUSED} got SIGSTOP for {}: it is there, and says nothing",
            seconds(paused)
        ),
        format!("{} later no call was sent to it any more", seconds(noticed)),
        format!(
            "{} idempotent calls ended meanwhile; {} were made a second time for being slow; none failed",
            well(&before, &after).well,
            after.hedges - before.hedges
        ),
        once(&before, &after)?,
        slowest(&after),
    ])
}

async fn rolling(demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
    let meter = demo.meter()?;
    meter.mark().await?;
    let before = meter.tally();
    let mut report = Vec::new();
    for name in WORKERS {
        let began = Instant::now();
        let mut worker = demo.take(name)?;
        worker.ask_to_stop();
        let meter = demo.meter()?;
        let out = |tally: &Tally| tally.standing(name) != Standing::Serving;
        meter.until("the worker drains", SEEN_MAX, out).await?;
        let left_out = began.elapsed();
        let ended = worker.stopped().await?;
        if !ended.ends_with(" 0 cut") {
            return Err(StageFailure::new(format!("{name} says: {ended}")));
        }
        let stopped = began.elapsed();
        let answered = demo.meter()?.tally().answered(name);
        demo.start_worker(name).await?;
        answers_again(demo.meter()?, name, answered).await?;
        report.push(format!(
            "{name}: no call after {}, ended by itself after {} ({ended}), answers again after {}",
            seconds(left_out),
            seconds(stopped),
            seconds(began.elapsed())
        ));
    }
    let after = demo.meter()?.tally();
    none_failed(&before, &after)?;
    let once = ended_since(before.once, after.once);
    if once.failed > 0 {
        return Err(StageFailure::new(
            "a drain cost a call that may not run twice",
        ));
    }
    report.push(format!(
        "{} calls ended meanwhile, {} of them not idempotent; none failed",
        well(&before, &after).well + once.well,
        once.well
    ));
    report.push(slowest(&after));
    Ok(report)
}

/// The load ends, and so do all processes; what is told now is final.
async fn sum(demo: &mut WorkersDemo) -> Result<StageReport, StageFailure> {
    let tally = demo.meter()?.finish().await?;
    demo.meter = None;
    let heading = ["worker", "started", "calls answered"].map(String::from);
    let mut rows = vec![heading];
    rows.extend(WORKERS.map(|name| {
        let starts = demo.places.get(name).map_or(0, |(_, starts)| *starts);
        let times = if starts == 1 {
            "once".into()
        } else {
            format!("{starts} times")
        };
        [name.to_owned(), times, tally.answered(name).to_string()]
    }));
    let mut report: StageReport = columns(&rows).lines().map(String::from).collect();
    let Ended { well, failed } = tally.idempotent;
    report.push(format!(
        "{} calls, {} attempts: {} failed over, {} hedged",
        tally.calls(),
        tally.attempts,
        tally.failovers,
        tally.hedges
    ));
    report.push(format!(
        "p50 {}, p99 {}",
        microseconds(tally.p50_us),
        microseconds(tally.p99_us)
    ));
    report.push(format!(
        "idempotent calls: {well} answered, {failed} failed"
    ));
    report.push(once(&Tally::default(), &tally)?);
    let mut nodes = std::mem::take(&mut demo.nodes);
    for node in nodes.values_mut() {
        node.ask_to_stop();
    }
    for node in nodes.values_mut() {
        node.stopped().await?;
    }
    report.push(format!("all {} processes have left and ended", nodes.len()));
    none_failed(&Tally::default(), &tally)?;
    Ok(report)
}

/// Waits until the workers besides these have answered some more calls.
async fn goes_on(meter: &Meter, besides: &[&str]) -> Result<Tally, StageFailure> {
    let before = meter.tally();
    let others = || WORKERS.into_iter().filter(|name| !besides.contains(name));
    let grown =
        |tally: &Tally| others().all(|name| tally.answered(name) >= before.answered(name) + SOME);
    meter
        .until("the other workers go on", SEEN_MAX, grown)
        .await
}

/// Waits until a worker has answered some more calls than it had.
async fn answers_again(meter: &Meter, name: &str, had: u64) -> Result<Tally, StageFailure> {
    let grown = |tally: &Tally| tally.answered(name) >= had + SOME;
    meter
        .until(&format!("{name} answers again"), SEEN_MAX, grown)
        .await
}

/// Fails where an idempotent call has.
fn none_failed(before: &Tally, after: &Tally) -> Result<(), StageFailure> {
    match after.idempotent.failed - before.idempotent.failed {
        0 => Ok(()),
        failed => {
            let why = after.last_error.as_deref().unwrap_or("nobody knows why");
            Err(StageFailure::new(format!(
                "{failed} idempotent calls failed, the last: {why}"
            )))
        }
    }
}

/// What became of the calls that may not run twice. None may fail that has not run.
fn once(before: &Tally, after: &Tally) -> Result<String, StageFailure> {
    let Ended { well, failed } = ended_since(before.once, after.once);
    if after.once_unrun > before.once_unrun {
        let why = after.last_error.as_deref().unwrap_or("nobody knows why");
        let what = format!("a call that had not run was not made elsewhere: {why}");
        return Err(StageFailure::new(what));
    }
    Ok(format!(
        "calls that may not run twice: {well} answered, {failed} failed because they may have run"
    ))
}

fn well(before: &Tally, after: &Tally) -> Ended {
    ended_since(before.idempotent, after.idempotent)
}

fn ended_since(before: Ended, after: Ended) -> Ended {
    Ended {
        well: after.well - before.well,
        failed: after.failed - before.failed,
    }
}

fn slowest(tally: &Tally) -> String {
    format!(
        "the slowest idempotent call took {}",
        microseconds(tally.slowest_us)
    )
}

fn microseconds(us: u64) -> String {
    milliseconds(Duration::from_micros(us))
}

/// A time of detection, as exact as it can be repeated.
fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
