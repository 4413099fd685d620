//! C12: a worker that is ten times slower than the others is left alone by strategies that notice.

use super::WORKERS;
use super::crew::Crew;
use super::worker::Terms;
use crate::group::{BoxError, Measured, Outcome, Plan, Scale};
use crate::load::{Ending, Load, Shape, latency_ms};
use rpcnet::cluster::{ClusterClient, LoadBalancingStrategy};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long calls take, and at the slow worker.
const WORK: Duration = Duration::from_millis(40);
const SLOW: Duration = Duration::from_millis(400);

/// So many calls per second keep about as many in flight as there are workers.
const RATE: f64 = 200.0;

/// Which worker is slow.
const ONE: u16 = 3;

/// What the 99th percentile with a slow worker may be of that without.
const RATIO_MOST: f64 = 1.3;

/// Compares the latencies with and without a slow worker, strategy by strategy.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let terms = Terms {
        work: WORK,
        is_work_fixed: true,
        ..Terms::default()
    };
    let mut crew = Crew::hire(WORKERS, terms).await?;
    let mut measured = Measured::of_seed(plan.seed);
    for (number, (strategy, name)) in (plan.seed..).zip(STRATEGIES) {
        let client = crew.client_for(strategy).await?;
        let healthy = latencies(&client, number, plan.scale).await?;
        crew.order(ONE, &order(SLOW)).await?;
        let slow = latencies(&client, number, plan.scale).await?;
        crew.order(ONE, &order(WORK)).await?;
        let (before, after) = (latency_ms(&healthy, 0.99), latency_ms(&slow, 0.99));
        let name = format!("workers-slow-{name}");
        let is_one = |it: &&Ending| it.by.is_some_and(|by| by.worker == ONE);
        let share = slow.iter().filter(is_one).count() as f64 / slow.len() as f64;
        let failed = slow.iter().chain(&healthy).filter(|it| !it.is_ok()).count();
        measured.note(format!("{name}: {failed} calls failed"));
        measured.known(format!("{name}-share"), share * 100.0, "percent");
        measured.known(format!("{name}-calm-p50"), latency_ms(&healthy, 0.5), "ms");
        measured.known(format!("{name}-p50"), latency_ms(&slow, 0.5), "ms");
        measured.known(format!("{name}-calm-p99"), before, "ms");
        measured.known(format!("{name}-p99"), after, "ms");
        let ratio = after / before;
        match strategy {
            LoadBalancingStrategy::PeakEwma => {
                measured.at_most(format!("{name}-ratio"), ratio, "times", RATIO_MOST);
            }
            _ => measured.known(format!("{name}-ratio"), ratio, "times"),
        }
    }
    Ok(measured)
}

/// The one that is held to the goal first; the last is the control.
const STRATEGIES: [(LoadBalancingStrategy, &str); 4] = [
    (LoadBalancingStrategy::PeakEwma, "peak-ewma"),
    (LoadBalancingStrategy::PowerOfTwoChoices, "two-choices"),
    (LoadBalancingStrategy::LeastConnections, "least"),
    (LoadBalancingStrategy::RoundRobin, "round-robin"),
];

fn order(work: Duration) -> String {
    format!("work {}", work.as_micros())
}

/// How the calls of a paced load ended that were due once it was under way.
async fn latencies(
    client: &ClusterClient,
    number: u64,
    scale: Scale,
) -> Result<Vec<Ending>, BoxError> {
    let load = Load::start(&client.pool(None)?, number, Shape::per_second(RATE));
    let from = Instant::now() + WARM_UP;
    let to = from + Duration::from_secs(scale.pick(20, 3));
    sleep_until(to).await;
    let mut endings = load.stop().await.endings;
    endings.retain(|it| (from.into_std()..to.into_std()).contains(&it.due));
    Ok(endings)
}

/// Within this time every worker has been called.
const WARM_UP: Duration = Duration::from_secs(1);
