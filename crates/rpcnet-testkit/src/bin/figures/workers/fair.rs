//! How evenly calls are spread, and which keys move when a worker goes.

use super::WORKERS;
use super::crew::{Crew, until};
use super::worker::Terms;
use crate::answerer::{Answerer, read_answer};
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Load, Pace, Shape, Told};
use crate::service::RECORDED;
use crate::verify::verify;
use bytes::Bytes;
use rpcnet::cluster::{ClusterClient, LoadBalancingStrategy, Worker, WorkerPool};
use rpcnet::{CallOptions, Carrier};
use rpcnet_testkit::ledger::{CallLog, Outcome as End};
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls of each strategy.
const CALLS: u64 = 10_000;

/// Counts who answers.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let terms = Terms {
        work: Duration::ZERO,
        ..Terms::default()
    };
    let mut measured = Measured::of_seed(plan.seed);
    let mut crew = Crew::hire_for(WORKERS, terms, LoadBalancingStrategy::RoundRobin).await?;

    let mut told = spread(&crew.client, plan.seed).await?;
    let name = "workers-fair-round-robin";
    let counts = counts(told.endings.iter().filter_map(|it| it.by));
    workers_used(name, &counts, &mut measured);
    let (least, most) = (counts.values().min(), counts.values().max());
    let ratio = most.copied().unwrap_or(0) as f64 / least.copied().unwrap_or(0) as f64;
    measured.at_most(format!("{name}-ratio"), ratio, "times", 1.01);

    let client = crew.client_for(LoadBalancingStrategy::Random).await?;
    let random = spread(&client, plan.seed + 1).await?;
    let name = "workers-fair-random";
    let counts = self::counts(random.endings.iter().filter_map(|it| it.by));
    workers_used(name, &counts, &mut measured);
    measured.at_most(format!("{name}-deviation"), sigmas(&counts), "sigmas", 4.0);
    told.add(random);

    let log = CallLog::new(plan.seed + 2);
    let keys = plan.scale.pick(10_000, 1_000);
    moved(&mut crew, keys, &log, &mut measured).await?;
    told.calls.extend(log.records());
    let unended = verify("workers-fair", &crew.dismiss().await?, &told, &mut measured);
    measured.at_most("workers-fair-unended", unended as f64, "handlers", 0.0);
    Ok(measured)
}

/// Makes [`CALLS`] calls.
async fn spread(client: &ClusterClient, number: u64) -> Result<Told, BoxError> {
    let shape = Shape {
        pace: Pace::InFlight(16),
        ..Shape::default()
    };
    let load = Load::start(&client.pool(None)?, number, shape);
    load.successes(CALLS).await;
    Ok(load.stop().await)
}

/// Looks which keys change their worker when one goes.
async fn moved(
    crew: &mut Crew,
    keys: usize,
    log: &CallLog,
    measured: &mut Measured,
) -> Result<(), BoxError> {
    const GONE: u16 = 2;
    let client = crew.client_for(LoadBalancingStrategy::Rendezvous).await?;
    let before = owners(&client, keys, log).await?;
    crew.retire(GONE).await?;
    let others = usize::from(WORKERS) - 1;
    let are_others = |workers: &[Worker]| workers.len() == others;
    until(client.registry(), "one worker fewer", are_others).await?;
    let after = owners(&client, keys, log).await?;

    let pairs = || before.iter().zip(&after);
    let moved = pairs().filter(|(before, after)| before != after).count();
    let needless =
        |(before, after): &(&Answerer, &Answerer)| before.worker != GONE && before != after;
    let needless = pairs().filter(needless).count();
    let share = moved as f64 / keys as f64 * 100.0;
    let most = 120.0 / f64::from(WORKERS);
    let name = "workers-fair-rendezvous";
    let counts = counts(before.into_iter());
    workers_used(name, &counts, measured);
    measured.at_most(format!("{name}-moved"), share, "percent", most);
    measured.at_most(format!("{name}-needless"), needless as f64, "keys", 0.0);
    Ok(())
}

/// Who answers calls of each key.
async fn owners(
    client: &ClusterClient,
    keys: usize,
    log: &CallLog,
) -> Result<Vec<Answerer>, BoxError> {
    let pool = client.pool(None)?;
    let mut owners = Vec::with_capacity(keys);
    for key in 0..keys {
        let pool = pool.clone().with_key(format!("key-{key}"));
        owners.push(owner(&pool, log).await?);
    }
    Ok(owners)
}

async fn owner(pool: &WorkerPool, log: &CallLog) -> Result<Answerer, BoxError> {
    let id = log.issue();
    let payload = Bytes::copy_from_slice(&id.to_bytes());
    let answer = pool.call(RECORDED, payload, CallOptions::new()).await;
    log.settle(id, End::of(&answer));
    let answer = answer?;
    let answerer = read_answer(&answer, id).flatten();
    answerer.ok_or_else(|| "the answer says nobody's name".into())
}

fn counts(answerers: impl Iterator<Item = Answerer>) -> BTreeMap<u16, u64> {
    let mut counts = BTreeMap::new();
    for answerer in answerers {
        *counts.entry(answerer.worker).or_default() += 1;
    }
    counts
}

/// A worker without any call has no count, and must not go unnoticed.
fn workers_used(name: &str, counts: &BTreeMap<u16, u64>, measured: &mut Measured) {
    measured.note(format!("{name}: {:?}", counts.values().collect::<Vec<_>>()));
    let used = counts.len() as f64;
    measured.at_least(
        format!("{name}-workers"),
        used,
        "workers",
        f64::from(WORKERS),
    );
}

/// How far the count of a worker is from what is expected at most, in standard deviations.
fn sigmas(counts: &BTreeMap<u16, u64>) -> f64 {
    let all: u64 = counts.values().sum();
    let share = 1.0 / f64::from(WORKERS);
    let expected = all as f64 * share;
    let sigma = (expected * (1.0 - share)).sqrt();
    let deviation = |count: &u64| (*count as f64 - expected).abs() / sigma;
    counts.values().map(deviation).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_counted_in_what_chance_makes_of_it() {
        let even: BTreeMap<u16, u64> = (0..WORKERS).map(|worker| (worker, 800)).collect();
        assert!(sigmas(&even) < 1e-9);
        // 6,400 calls over eight workers: the standard deviation is the root of 700.
        let mut odd = even;
        odd.insert(0, 800 + 53);
        odd.insert(1, 800 - 53);
        assert!((sigmas(&odd) - 53.0 / 700.0_f64.sqrt()).abs() < 1e-9);
    }
}
