//! All workers are gone for a while: calls fail at once or wait, as they were told to.

use super::WORKERS;
use super::crew::{Crew, PATIENCE, attempts_per_call};
use super::worker::Terms;
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Ending, Idempotent, Load, Pace, Shape, Told};
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
    // Long enough that some calls run on every worker when it is killed.
    let terms = Terms {
        work: Duration::from_millis(50),
        ..Terms::default()
    };
    let mut crew = Crew::hire(WORKERS, terms).await?;
    let outage = Outage::make(&mut crew, plan).await?;
    let events = crew.dismiss().await?;

    let name = "workers-outage";
    let mut measured = Measured::of_seed(plan.seed);
    measured.known(format!("{name}-detected"), ms(outage.detected), "ms");
    outage.judge_hasty(name, &mut measured);
    outage.judge_patient(name, &mut measured);
    measured.at_most(format!("{name}-attempts"), outage.attempts, "per-call", 1.2);
    let first = ms(outage.first_success);
    measured.at_most(format!("{name}-first-success"), first, "ms", 2_000.0);
    let mut told = outage.hasty;
    told.add(outage.patient);
    // Handlers that were killed have no end, so that is not asked for.
    verify(name, &events, &told, &mut measured);
    Ok(measured)
}

/// What became of calls while all workers were gone.
struct Outage {
    killed: Instant,
    /// When the workers were about to be started again.
    over: Instant,
    detected: Duration,
    /// After the first worker was ready.
    first_success: Duration,
    /// For each call.
    attempts: f64,
    /// Calls that fail where there is no worker.
    hasty: Told,
    /// Calls that wait for one.
    patient: Told,
}

impl Outage {
    async fn make(crew: &mut Crew, plan: Plan) -> Result<Self, BoxError> {
        let lasts = Duration::from_secs(plan.scale.pick(30, 8));
        let shape = Shape {
            idempotent: Idempotent::Half,
            ..Shape::per_second(RATE)
        };
        let hasty = Load::start(&crew.pool()?, plan.seed, shape);
        hasty.successes(RATE as u64).await;
        let before = crew.client.counters();
        let killed = tokio::time::Instant::now();
        crew.kill_all().await?;
        let is_gone = |workers: &[Worker]| workers.iter().all(|it| !it.is_reachable());
        crew.until("the loss of all workers", is_gone).await?;
        let detected = killed.elapsed();
        sleep_until(killed + DETECTION).await;
        let shape = Shape {
            pace: Pace::InFlight(WAITING),
            timeout: WAIT_MOST,
            waits: true,
            ..Shape::default()
        };
        let patient = Load::start(&crew.pool()?, plan.seed + 1, shape);
        sleep_until(killed + lasts).await;

        let (over, hasty_until, patient_until) = (Instant::now(), hasty.len(), patient.len());
        let back = crew.start_all().await?;
        let one = hasty
            .first("a success", hasty_until, PATIENCE, Ending::is_ok)
            .await?;
        let other = patient
            .first("a success", patient_until, PATIENCE, Ending::is_ok)
            .await?;
        let first = one.ended.min(other.ended);
        patient.successes(WAITING as u64).await;
        let after = crew.client.counters();
        let patient = patient.stop().await;
        hasty.successes(RATE as u64).await;
        Ok(Self {
            killed: killed.into_std(),
            over,
            detected,
            first_success: first.saturating_duration_since(back),
            attempts: attempts_per_call(before, after),
            hasty: hasty.stop().await,
            patient,
        })
    }

    /// Once it is known that there is no worker, calls fail at once, and say that they did not run.
    fn judge_hasty(&self, name: &str, measured: &mut Measured) {
        let failed = self.hasty.endings.iter().filter(|it| !it.is_ok());
        let failed: Vec<&Ending> = failed.collect();
        measured.known(format!("{name}-failed"), failed.len() as f64, "calls");
        let maybe = failed.iter().filter(|it| it.outcome != End::NotExecuted);
        measured.known(
            format!("{name}-may-have-run"),
            maybe.count() as f64,
            "calls",
        );
        let known = self.killed + DETECTION;
        let endings = self.hasty.endings.iter();
        let during = endings.filter(|it| (known..self.over).contains(&it.begun));
        let during: Vec<&Ending> = during.collect();
        let mut took: Vec<Duration> = during.iter().map(|it| it.took()).collect();
        let calls = took.len() as f64;
        measured.at_least(format!("{name}-fail-fast"), calls, "calls", 100.0);
        let p99 = percentile_ms(&mut took, 0.99);
        measured.at_most(format!("{name}-fail-fast-p99"), p99, "ms", 100.0);
        let unclear = during.iter().filter(|it| it.outcome != End::NotExecuted);
        let unclear = unclear.count() as f64;
        measured.at_most(format!("{name}-fail-fast-unclear"), unclear, "calls", 0.0);
    }

    /// Calls that waited are answered once the workers are back.
    fn judge_patient(&self, name: &str, measured: &mut Measured) {
        let failed = self.patient.endings.iter().filter(|it| !it.is_ok());
        let failed = failed.count() as f64;
        measured.at_most(format!("{name}-waiting-failed"), failed, "calls", 0.0);
        let endings = self.patient.endings.iter();
        let waited = endings.filter(|it| it.is_ok() && it.begun < self.over);
        let waited = waited.count() as f64;
        measured.at_least(
            format!("{name}-waiting-ok"),
            waited,
            "calls",
            WAITING as f64,
        );
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Longer than any outage lasts.
const WAIT_MOST: Duration = Duration::from_secs(60);
