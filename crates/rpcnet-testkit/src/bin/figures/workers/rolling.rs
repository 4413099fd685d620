//! C11: every worker is restarted in good order, one after another, and nobody who calls notices.

use super::WORKERS;
use super::crew::{Crew, PATIENCE, attempts_per_call};
use super::worker::Terms;
use crate::group::{Measured, Outcome, Plan};
use crate::load::{Idempotent, Load, Shape, goodput, latency_ms};
use crate::percentile::percentile_ms;
use crate::verify::verify;
use std::time::Instant;

/// Restarts all workers, round after round, under load.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let rounds = plan.scale.pick(5, 1);
    let rate = plan.scale.pick(2_200.0, 1_000.0);
    let mut crew = Crew::hire(WORKERS, Terms::default()).await?;
    let shape = Shape {
        idempotent: Idempotent::Half,
        ..Shape::per_second(rate)
    };
    let load = Load::start(&crew.pool()?, plan.seed, shape);
    load.successes(rate as u64).await;
    let (began, before, start) = (Instant::now(), crew.client.counters(), load.len());
    let (mut exits, mut returns) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for worker in 0..WORKERS {
            let told = Instant::now();
            crew.retire(worker).await?;
            exits.push(told.elapsed());
            let ready = crew.start(worker).await?;
            let new = crew.answerer(worker);
            let answered = load
                .first("a restarted worker", start, PATIENCE, |it| {
                    it.by == Some(new)
                })
                .await?;
            returns.push(answered.ended.saturating_duration_since(ready));
        }
    }
    let (ended, after) = (Instant::now(), crew.client.counters());
    let told = load.stop().await;
    let events = crew.dismiss().await?;

    let name = "workers-rolling";
    let mut measured = Measured::of_seed(plan.seed);
    let unended = verify(name, &events, &told, &mut measured);
    let restarts = returns.len() as f64;
    let wanted = f64::from(rounds * u32::from(WORKERS));
    measured.at_least(format!("{name}-restarts"), restarts, "restarts", wanted);
    let reached = goodput(&told.endings, began, ended);
    let least = plan.scale.pick(2_000.0, 900.0);
    measured.at_least(format!("{name}-rate"), reached, "calls/s", least);
    let failed = told.endings.iter().filter(|it| !it.is_ok()).count() as u64;
    let failed = (failed + told.left_out) as f64;
    measured.at_most(format!("{name}-failed"), failed, "calls", 0.0);
    measured.at_most(format!("{name}-unended"), unended as f64, "handlers", 0.0);
    let attempts = attempts_per_call(before, after);
    measured.known(format!("{name}-attempts"), attempts, "per-call");
    let endings = told.endings.get(start..).unwrap_or_default();
    for (share, at) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let latency = latency_ms(endings, at);
        measured.known(format!("{name}-latency-{share}"), latency, "ms");
    }
    let slowest = percentile_ms(&mut exits, 1.0);
    measured.known(format!("{name}-exit-max"), slowest, "ms");
    let slowest = percentile_ms(&mut returns, 1.0);
    measured.known(format!("{name}-used-again-max"), slowest, "ms");
    Ok(measured)
}
