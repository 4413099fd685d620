//! C13: a worker that fails half of its calls is left out until it works again.

use super::WORKERS;
use super::crew::{Crew, PATIENCE};
use super::worker::{Terms, name as node_name};
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Ending, Load, Shape};
use crate::verify::verify;
use rpcnet::cluster::Worker;
use rpcnet_testkit::ledger::Outcome as End;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Which worker fails.
const ONE: u16 = 5;

const RATE: f64 = 500.0;

/// Lets one worker fail and recover, then all.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let lasts = Duration::from_secs(plan.scale.pick(30, 5));
    let mut crew = Crew::hire(WORKERS, Terms::default()).await?;
    let load = Load::start(&crew.pool()?, plan.seed, Shape::per_second(RATE));
    load.successes(RATE as u64).await;
    let name = "workers-failing";
    let mut measured = Measured::of_seed(plan.seed);

    crew.order(ONE, "fail 50").await?;
    let ejected = changes_to(&crew, true).await?;
    measured.at_most(format!("{name}-ejected"), ms(ejected), "ms", 2_000.0);
    let start = load.len();
    sleep(lasts).await;
    let share = share(&load.since(start), |it| !it.is_ok());
    measured.at_most(
        format!("{name}-errors-after"),
        share * 100.0,
        "percent",
        1.0,
    );

    let start = load.len();
    crew.order(ONE, "fail 0").await?;
    let recovered = Instant::now();
    let admitted = changes_to(&crew, false).await?;
    measured.at_most(format!("{name}-admitted"), ms(admitted), "ms", 10_000.0);
    let admitted_at = Instant::now();
    let is_used =
        |it: &Ending| it.is_ok() && it.begun > admitted_at && it.by == Some(crew.answerer(ONE));
    let used = load.first("a call to it", start, PATIENCE, is_used).await?;
    let used = used.ended.saturating_duration_since(recovered);
    measured.known(format!("{name}-used-again"), ms(used), "ms");

    all(&mut crew, &load, plan, &mut measured).await?;
    let told = load.stop().await;
    let unended = verify(name, &crew.dismiss().await?, &told, &mut measured);
    measured.at_most(format!("{name}-unended"), unended as f64, "handlers", 0.0);
    Ok(measured)
}

/// Lets all workers fail every call: there is nobody better to call.
async fn all(
    crew: &mut Crew,
    load: &Load,
    plan: Plan,
    measured: &mut Measured,
) -> Result<(), BoxError> {
    let lasts = Duration::from_secs(plan.scale.pick(20, 3));
    for worker in 0..WORKERS {
        crew.order(worker, "fail 100").await?;
    }
    // By then whoever can be ejected is.
    sleep(Duration::from_secs(2)).await;
    let start = load.len();
    sleep(lasts).await;
    let reached = share(&load.since(start), |it| it.outcome == End::Status);
    let start = load.len();
    for worker in 0..WORKERS {
        crew.order(worker, "fail 0").await?;
    }
    let recovered = Instant::now();
    let ok = load
        .first("a success", start, PATIENCE, Ending::is_ok)
        .await?;
    let is_admitted = |workers: &[Worker]| workers.iter().all(|it| !it.is_ejected());
    crew.until("all workers admitted", is_admitted).await?;
    let name = "workers-failing-all";
    measured.at_least(format!("{name}-reached"), reached * 100.0, "percent", 99.0);
    let first = ok.ended.saturating_duration_since(recovered);
    measured.known(format!("{name}-first-success"), ms(first), "ms");
    let admitted = recovered.elapsed();
    measured.known(format!("{name}-admitted"), ms(admitted), "ms");
    Ok(())
}

/// How long it takes from now until the worker is ejected, or is no longer.
async fn changes_to(crew: &Crew, is_ejected: bool) -> Result<Duration, BoxError> {
    let began = Instant::now();
    let name = node_name(ONE);
    let is_it = |it: &Worker| it.name().as_str() == name && it.is_ejected() == is_ejected;
    let changed = |workers: &[Worker]| workers.iter().any(is_it);
    crew.until("an ejection or its end", changed).await?;
    Ok(began.elapsed())
}

fn share(endings: &[Ending], is_it: impl Fn(&Ending) -> bool) -> f64 {
    endings.iter().filter(|it| is_it(it)).count() as f64 / endings.len() as f64
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
