//! A worker that stands still gets no calls until it runs on.

use super::WORKERS;
use super::crew::Crew;
use super::worker::Terms;
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Ending, Idempotent, Load, Shape, latency_ms};
use crate::percentile::percentile_ms;
use crate::verify::verify;
use rpcnet::cluster::Worker;
use rpcnet_testkit::chaos::Random;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// Stops workers (SIGSTOP) for some time, and lets them run on (SIGCONT).
pub(super) async fn measure(plan: Plan) -> Outcome {
    let pauses: &[u64] = plan
        .scale
        .pick(&[1, 2, 3, 5, 8, 13, 20, 13, 8, 5, 3, 2, 1], &[1, 4, 8]);
    let rate = plan.scale.pick(2_000.0, 500.0);
    let mut crew = Crew::hire(WORKERS, Terms::default()).await?;
    let shape = Shape {
        idempotent: Idempotent::Half,
        ..Shape::per_second(rate)
    };
    let load = Load::start(&crew.pool()?, plan.seed, shape);
    let mut random = Random::new(plan.seed, u64::MAX);
    let mut measured = Measured::of_seed(plan.seed);
    let (mut late, mut again) = (0, Vec::new());
    for seconds in pauses {
        load.successes(rate as u64).await;
        let worker = (random.next_u64() % u64::from(WORKERS)) as u16;
        let pause = one(&mut crew, &load, worker, Duration::from_secs(*seconds)).await?;
        let text = format!(
            "{seconds} s: {} calls begun on it after {CUT_OFF:?}, used again after {:.0?}",
            pause.late, pause.again
        );
        measured.note(text);
        late += pause.late;
        again.push(pause.again);
    }
    load.successes(rate as u64).await;
    let told = load.stop().await;
    let events = crew.dismiss().await?;

    let name = "workers-pause";
    let unended = verify(name, &events, &told, &mut measured);
    measured.at_most(format!("{name}-begun-late"), late as f64, "calls", 0.0);
    let longest = percentile_ms(&mut again, 1.0);
    measured.at_most(format!("{name}-used-again-max"), longest, "ms", 5_000.0);
    measured.at_most(format!("{name}-unended"), unended as f64, "handlers", 0.0);
    let failed = |is_idempotent: bool| {
        let failed = told.endings.iter().filter(|it| !it.is_ok());
        failed
            .filter(|it| it.is_idempotent == is_idempotent)
            .count() as f64
    };
    measured.at_most(
        format!("{name}-idempotent-failed"),
        failed(true),
        "calls",
        0.0,
    );
    measured.known(format!("{name}-others-failed"), failed(false), "calls");
    let longest = |is_idempotent: bool| {
        let of_kind = |it: &&Ending| it.is_idempotent == is_idempotent;
        latency_ms(told.endings.iter().filter(of_kind), 1.0)
    };
    measured.known(format!("{name}-idempotent-max"), longest(true), "ms");
    measured.known(format!("{name}-others-max"), longest(false), "ms");
    Ok(measured)
}

/// What one pause came to.
struct Pause {
    /// Calls that began on the worker while it stood still, later than [`CUT_OFF`].
    late: u64,
    /// How long after the worker ran on it answered a call that had begun since.
    again: Duration,
}

async fn one(
    crew: &mut Crew,
    load: &Load,
    worker: u16,
    lasts: Duration,
) -> Result<Pause, BoxError> {
    let seen = crew.worker(worker).ok_or("the worker is not seen")?;
    let who = crew.answerer(worker);
    let stopped = tokio::time::Instant::now();
    crew.pause(worker).await?;
    sleep_until(stopped + CUT_OFF.min(lasts)).await;
    let before = begun(&seen);
    sleep_until(stopped + lasts).await;
    // Once it is taken for failed, nobody is called by its name.
    let late = begun(&seen) - before;
    let start = load.len();
    crew.resume(worker).await?;
    let resumed = Instant::now();
    let is_fresh = |it: &Ending| it.by == Some(who) && it.begun > resumed;
    let first = load.first("a call to it", start, USED_WITHIN, is_fresh);
    let again = match first.await {
        Ok(first) => first.ended.saturating_duration_since(resumed),
        // Which is a finding, and no reason to look no further.
        Err(_) => USED_WITHIN,
    };
    Ok(Pause { late, again })
}

/// Calls that were sent to this worker, or were about to be.
fn begun(worker: &Worker) -> u64 {
    worker.calls() + worker.in_flight() as u64
}

/// Who watches heartbeats routes around a worker that is silent for so long.
const CUT_OFF: Duration = Duration::from_secs(2);

/// How long is waited for a worker that ran on to be used again.
const USED_WITHIN: Duration = Duration::from_secs(20);
