//! More calls than the workers can take: what they can is done, the rest is refused at once.

use super::crew::{Crew, attempts_per_call};
use super::worker::Terms;
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Ending, Load, Pace, Shape, Told, goodput, latency_ms};
use crate::percentile::percentile_ms;
use crate::verify::verify;
use rpcnet::cluster::{
    ClusterClient, ClusterClientConfig, LoadBalancingStrategy, WorkerConfig, WorkerPool,
};
use rpcnet_testkit::ledger::Outcome as End;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const WORKERS: u16 = 4;

/// How long each call takes.
const WORK: Duration = Duration::from_millis(10);

/// How many times what the workers can do is asked of them.
const OVERLOAD: f64 = 5.0;

/// Of what the workers can do, what is asked of them before and after.
const CALM: f64 = 0.3;

/// Asks for too much for a while.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let places = plan.scale.pick(4, 2);
    let lasts = Duration::from_secs(plan.scale.pick(20, 4));
    let calm = Duration::from_secs(plan.scale.pick(10, 3));
    let terms = Terms {
        work: WORK,
        is_work_fixed: true,
        calls: places,
    };
    let crew = Crew::hire(WORKERS, terms).await?;
    let mut phases = Phases {
        number: plan.seed,
        told: Told::default(),
    };
    let peak = phases.peak(&crew, places, calm).await?;
    let pool = crew.pool()?;
    let (quiet, shape) = (peak * CALM, peak * OVERLOAD);
    let (quiet, shape) = (Shape::per_second(quiet), Shape::per_second(shape));
    let before = phases.run(&pool, quiet, calm).await?;
    let counted = crew.client.counters();
    let over = phases.run(&pool, shape, lasts).await?;
    let attempts = attempts_per_call(counted, crew.client.counters());
    let after = phases.run(&pool, quiet, calm.max(AFTER)).await?;
    let once = ClusterClientConfig::new(crew.rpc()).with_attempts_max(1);
    let once = ClusterClient::new(Arc::clone(&crew.registry), once);
    let once = phases.run(&once.pool(None)?, shape, calm).await?;

    let name = "workers-overload";
    let mut measured = Measured::of_seed(plan.seed);
    measured.known(format!("{name}-peak"), peak, "calls/s");
    over.judge(name, peak, &mut measured);
    over.judge_refusals(name, &mut measured);
    measured.known(format!("{name}-attempts"), attempts, "per-call");
    // What a caller waits that gives up at the first refusal.
    once.judge_refusals(&format!("{name}-once"), &mut measured);
    measured.known(format!("{name}-calm-p90"), before.p90(), "ms");
    let normal = after.normal_after(before.p90());
    measured.at_most(format!("{name}-normal-after"), normal, "ms", 2_000.0);
    let unended = verify(name, &crew.dismiss().await?, &phases.told, &mut measured);
    measured.at_most(format!("{name}-unended"), unended as f64, "handlers", 0.0);
    Ok(measured)
}

/// One load after the other.
struct Phases {
    number: u64,
    told: Told,
}

impl Phases {
    /// What the workers can do at most: who knows how many places there are, and waits for one, keeps all
    /// of them taken.
    async fn peak(&mut self, crew: &Crew, places: usize, lasts: Duration) -> Result<f64, BoxError> {
        let config = WorkerConfig::new(LoadBalancingStrategy::default());
        let client = crew.client_for(config.with_in_flight_max(places)).await?;
        let shape = Shape {
            pace: Pace::InFlight(2 * places * usize::from(WORKERS)),
            waits: true,
            ..Shape::default()
        };
        let phase = self.run(&client.pool(None)?, shape, lasts).await?;
        Ok(phase.goodput())
    }

    /// Calls for so long.
    async fn run(
        &mut self,
        pool: &WorkerPool,
        shape: Shape,
        lasts: Duration,
    ) -> Result<Phase, BoxError> {
        let from = Instant::now();
        let load = Load::start(pool, self.number, shape);
        self.number += 1;
        sleep_until(from + lasts).await;
        let to = Instant::now();
        let told = load.stop().await;
        if told.left_out > 0 {
            return Err(format!("{} calls were left out", told.left_out).into());
        }
        let endings = told.endings.clone();
        self.told.add(told);
        Ok(Phase { from, to, endings })
    }
}

struct Phase {
    from: Instant,
    to: Instant,
    endings: Vec<Ending>,
}

impl Phase {
    fn goodput(&self) -> f64 {
        goodput(&self.endings, self.from.into_std(), self.to.into_std())
    }

    /// Adds what was asked for too much, and what was done.
    fn judge(&self, name: &str, peak: f64, measured: &mut Measured) {
        let lasted = self.to.duration_since(self.from).as_secs_f64();
        let offered = self.endings.len() as f64 / lasted / peak;
        let least = OVERLOAD * 0.9;
        measured.at_least(format!("{name}-offered"), offered, "times", least);
        let share = self.goodput() / peak * 100.0;
        measured.at_least(format!("{name}-goodput"), share, "percent", 90.0);
        let is_else = |it: &&Ending| !matches!(it.outcome, End::Ok | End::NotExecuted);
        let others = self.endings.iter().filter(is_else).count() as f64;
        measured.at_most(format!("{name}-failed-otherwise"), others, "calls", 0.0);
        let ok = latency_ms(self.endings.iter().filter(|it| it.is_ok()), 0.99);
        measured.known(format!("{name}-ok-p99"), ok, "ms");
    }

    /// Adds how soon calls were refused.
    fn judge_refusals(&self, name: &str, measured: &mut Measured) {
        let is_refused = |it: &&Ending| it.outcome == End::NotExecuted;
        let refused = self.endings.iter().filter(is_refused);
        let mut refused: Vec<Duration> = refused.map(Ending::took).collect();
        let count = refused.len() as f64;
        measured.at_least(format!("{name}-refused"), count, "calls", 100.0);
        let median = percentile_ms(&mut refused, 0.5);
        measured.known(format!("{name}-refused-p50"), median, "ms");
        let most = percentile_ms(&mut refused, 0.99);
        measured.at_most(format!("{name}-refused-p99"), most, "ms", 5.0);
    }

    fn p90(&self) -> f64 {
        latency_ms(&self.endings, 0.9)
    }

    /// From its beginning, in milliseconds, until latencies are normal and all but a few calls succeed;
    /// not a number where they never are.
    fn normal_after(&self, p90: f64) -> f64 {
        let mut from = self.from.into_std();
        while from < self.to.into_std() {
            let to = from + WINDOW;
            let is_within = |it: &&Ending| (from..to).contains(&it.due);
            let window: Vec<Ending> = self.endings.iter().filter(is_within).copied().collect();
            let failed = window.iter().filter(|it| !it.is_ok()).count();
            if latency_ms(&window, 0.9) <= 2.0 * p90 && failed * 20 <= window.len() {
                return from.duration_since(self.from.into_std()).as_secs_f64() * 1e3;
            }
            from = to;
        }
        f64::NAN
    }
}

/// What a latency is judged by.
const WINDOW: Duration = Duration::from_millis(250);

/// How long is looked at least for normal latencies.
const AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_normal_again_once_calls_succeed_in_time() {
        let from = Instant::now();
        let ending = |ms: u64, took: u64, outcome| {
            let due = from.into_std() + Duration::from_millis(ms);
            Ending {
                due,
                begun: due,
                ended: due + Duration::from_millis(took),
                outcome,
                is_idempotent: false,
                by: None,
            }
        };
        let slow = (0..25).map(|n| ending(n * 10, 100, End::Ok));
        let refused = (25..50).map(|n| ending(n * 10, 1, End::NotExecuted));
        let normal = (50..100).map(|n| ending(n * 10, 15, End::Ok));
        let phase = |endings| Phase {
            from,
            to: from + Duration::from_secs(1),
            endings,
        };
        let endings = slow.clone().chain(refused).chain(normal).collect();
        let after = phase(endings).normal_after(10.0);
        assert!((after - 500.0).abs() < 1e-6, "{after}");
        assert!(phase(slow.collect()).normal_after(10.0).is_nan());
    }
}
