//! C11: workers that are killed again and again cost idempotent calls nothing but time.

use super::WORKERS;
use super::crew::{Crew, attempts_per_call};
use super::worker::Terms;
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Ending, Idempotent, Load, Shape, goodput, latency_ms};
use crate::percentile::percentile_ms;
use crate::verify::verify;
use rpcnet_testkit::chaos::Random;
use rpcnet_testkit::ledger::Outcome as End;
use std::time::{Duration, Instant};
use tokio::time::{sleep, sleep_until};

/// Kills a random worker every [`KILL_EVERY`], and starts it again.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let kills = plan.scale.pick(150, 8);
    let rate = plan.scale.pick(2_200.0, 1_000.0);
    let mut crew = Crew::hire(WORKERS, Terms::default()).await?;
    let shape = Shape {
        idempotent: Idempotent::Half,
        ..Shape::per_second(rate)
    };
    let load = Load::start(&crew.pool()?, plan.seed, shape);
    load.successes(rate as u64).await;
    let calm_from = load.len();
    sleep(
        plan.scale
            .pick(Duration::from_secs(10), Duration::from_secs(3)),
    )
    .await;
    let calm = load.since(calm_from);

    let (began, before, start) = (Instant::now(), crew.client.counters(), load.len());
    let mut killed = Killed::default();
    let mut random = Random::new(plan.seed, u64::MAX);
    for _ in 0..kills {
        let worker = (random.next_u64() % u64::from(WORKERS)) as u16;
        killed.one(&mut crew, worker).await?;
    }
    let (ended, after) = (Instant::now(), crew.client.counters());
    let told = load.stop().await;
    let events = crew.dismiss().await?;

    let name = "workers-kill";
    let mut measured = Measured::of_seed(plan.seed);
    // Handlers that were killed have no end, so that is not asked for.
    verify(name, &events, &told, &mut measured);
    measured.at_least(
        format!("{name}-kills"),
        killed.count as f64,
        "kills",
        f64::from(kills),
    );
    let reached = goodput(&told.endings, began, ended);
    let least = plan.scale.pick(2_000.0, 900.0);
    measured.at_least(format!("{name}-rate"), reached, "calls/s", least);
    failures(name, &told.endings, killed.in_flight, &mut measured);
    measured.at_most(
        format!("{name}-left-out"),
        told.left_out as f64,
        "calls",
        0.0,
    );
    let attempts = attempts_per_call(before, after);
    measured.at_most(format!("{name}-attempts"), attempts, "per-call", 1.2);
    let endings = told.endings.get(start..).unwrap_or_default();
    let calm_p50 = latency_ms(&calm, 0.5);
    let added = latency_ms(endings, 0.999) - calm_p50;
    measured.known(format!("{name}-calm-p50"), calm_p50, "ms");
    measured.known(format!("{name}-calm-p99.9"), latency_ms(&calm, 0.999), "ms");
    measured.known(
        format!("{name}-latency-p99"),
        latency_ms(endings, 0.99),
        "ms",
    );
    measured.at_most(format!("{name}-added-p99.9"), added, "ms", 250.0);
    measured.known(
        format!("{name}-latency-max"),
        latency_ms(endings, 1.0),
        "ms",
    );
    let mut returns = killed.returns(endings);
    measured.known(
        format!("{name}-used-again-p50"),
        percentile_ms(&mut returns, 0.5),
        "ms",
    );
    measured.known(
        format!("{name}-used-again-max"),
        percentile_ms(&mut returns, 1.0),
        "ms",
    );
    Ok(measured)
}

/// Adds what failed, and whether it may.
fn failures(name: &str, endings: &[Ending], in_flight: u64, measured: &mut Measured) {
    let count = |is_idempotent: bool, is_it: fn(End) -> bool| {
        let of_kind = endings
            .iter()
            .filter(|it| it.is_idempotent == is_idempotent);
        of_kind.filter(|it| is_it(it.outcome)).count() as f64
    };
    let failed = |outcome| outcome != End::Ok;
    let idempotent = count(true, failed);
    measured.at_most(
        format!("{name}-idempotent-failed"),
        idempotent,
        "calls",
        0.0,
    );
    let others = count(false, failed);
    measured.at_most(
        format!("{name}-others-failed"),
        others,
        "calls",
        in_flight as f64,
    );
    // Of these the library says that they may have run; a call that did not was to go elsewhere.
    let is_known = |outcome| matches!(outcome, End::NotExecuted | End::Status);
    let others = count(false, is_known);
    measured.at_most(format!("{name}-others-in-vain"), others, "calls", 0.0);
    let late = count(false, |outcome| outcome == End::DeadlineExceeded);
    measured.known(format!("{name}-others-timed-out"), late, "calls");
}

/// What was killed, and what that may cost.
#[derive(Debug, Default)]
struct Killed {
    count: u64,
    /// Calls that were in flight on workers when they were killed, and until they were missed.
    in_flight: u64,
    /// Who was started again, and when it was ready.
    again: Vec<(crate::answerer::Answerer, Instant)>,
}

impl Killed {
    async fn one(&mut self, crew: &mut Crew, worker: u16) -> Result<(), BoxError> {
        let next = tokio::time::Instant::now() + KILL_EVERY;
        // Where it has not joined again yet, nobody calls it either.
        let seen = crew.worker(worker);
        let ended = seen.as_ref().map_or(0, |it| it.calls());
        crew.kill(worker).await?;
        sleep(DOWN).await;
        let begun = seen
            .as_ref()
            .map_or(0, |it| it.calls() + it.in_flight() as u64);
        self.in_flight += begun.saturating_sub(ended);
        self.count += 1;
        let ready = crew.start(worker).await?;
        self.again.push((crew.answerer(worker), ready));
        sleep_until(next).await;
        Ok(())
    }

    /// How long after each start the first call was answered.
    fn returns(&self, endings: &[Ending]) -> Vec<Duration> {
        let returned = self.again.iter().filter_map(|(who, ready)| {
            let first = endings.iter().find(|it| it.by == Some(*who))?;
            Some(first.ended.saturating_duration_since(*ready))
        });
        returned.collect()
    }
}

const KILL_EVERY: Duration = Duration::from_secs(2);

/// How long a killed worker is not there.
const DOWN: Duration = Duration::from_secs(1);
