//! All workers are gone for a while: calls fail at once or wait, as they were told to.

use super::WORKERS;
use super::crew::{Crew, PATIENCE, attempts_per_call};
use super::worker::Terms;
use crate::group::{Measured, Outcome, Plan};
use crate::load::{Ending, Load, Pace, Shape};
use crate::percentile::percentile_ms;
use crate::verify::verify;
use rpcnet::cluster::Worker;
use rpcnet_testkit::ledger::Outcome as End;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

const RATE: f64 = 500.0;

/// Calls that wait at once.
const WAITING: usize = 200;

/// Within this time the loss of all workers is known.
const DETECTION: Duration = Duration::from_secs(2);

/// Kills all workers, and starts them again some time later.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let lasts = Duration::from_secs(plan.scale.pick(30, 8));
    let mut crew = Crew::hire(WORKERS, Terms::default()).await?;
    let hasty = Load::start(&crew.pool()?, plan.seed, Shape::per_second(RATE));
    hasty.successes(RATE as u64).await;
    let before = crew.client.counters();
    crew.kill_all().await?;
    let killed = tokio::time::Instant::now();
    let is_gone = |workers: &[Worker]| workers.iter().all(|it| !it.is_reachable());
    crew.until("the loss of all workers", is_gone).await?;
    let detected = killed.elapsed();
    sleep_until(killed + DETECTION).await;
    let patient = Shape {
        pace: Pace::InFlight(WAITING),
        timeout: Duration::from_secs(60),
        waits: true,
        ..Shape::default()
    };
    let patient = Load::start(&crew.pool()?, plan.seed + 1, patient);
    sleep_until(killed + lasts).await;
    let (down, start) = (Instant::now(), hasty.len());
    let waited = patient.len();
    let back = crew.start_all().await?;
    let first = hasty
        .first("a success", start, PATIENCE, Ending::is_ok)
        .await?;
    let first_patient = patient
        .first("a success", waited, PATIENCE, Ending::is_ok)
        .await?;
    patient.successes(WAITING as u64).await;
    let after = crew.client.counters();
    let patient = patient.stop().await;
    hasty.successes(RATE as u64).await;
    let mut told = hasty.stop().await;

    let name = "workers-outage";
    let mut measured = Measured::of_seed(plan.seed);
    let known = killed.into_std() + DETECTION;
    let hasty: Vec<&Ending> = told.endings.iter().filter(|it| !it.is_ok()).collect();
    let is_during = |it: &&Ending| (known..down).contains(&it.begun);
    let during: Vec<&Ending> = told.endings.iter().filter(is_during).collect();
    let mut took: Vec<Duration> = during.iter().map(|it| it.took()).collect();
    measured.known(format!("{name}-detected"), ms(detected), "ms");
    measured.known(format!("{name}-failed"), hasty.len() as f64, "calls");
    let maybe = hasty.iter().filter(|it| it.outcome != End::NotExecuted);
    measured.known(
        format!("{name}-may-have-run"),
        maybe.count() as f64,
        "calls",
    );
    measured.at_least(
        format!("{name}-fail-fast"),
        took.len() as f64,
        "calls",
        100.0,
    );
    let p99 = percentile_ms(&mut took, 0.99);
    measured.at_most(format!("{name}-fail-fast-p99"), p99, "ms", 100.0);
    let ran = during.iter().filter(|it| it.outcome != End::NotExecuted);
    measured.at_most(
        format!("{name}-fail-fast-unclear"),
        ran.count() as f64,
        "calls",
        0.0,
    );
    let failed = patient.endings.iter().filter(|it| !it.is_ok());
    measured.at_most(
        format!("{name}-waiting-failed"),
        failed.count() as f64,
        "calls",
        0.0,
    );
    let succeeded = patient
        .endings
        .iter()
        .filter(|it| it.is_ok() && it.begun < down);
    let succeeded = succeeded.count() as f64;
    measured.at_least(
        format!("{name}-waiting-ok"),
        succeeded,
        "calls",
        WAITING as f64,
    );
    let attempts = attempts_per_call(before, after);
    measured.at_most(format!("{name}-attempts"), attempts, "per-call", 1.2);
    let first = first.ended.min(first_patient.ended);
    let first = first.saturating_duration_since(back);
    measured.at_most(format!("{name}-first-success"), ms(first), "ms", 2_000.0);
    told.add(patient);
    // Handlers that were killed have no end, so that is not asked for.
    verify(name, &crew.dismiss().await?, &told, &mut measured);
    Ok(measured)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
