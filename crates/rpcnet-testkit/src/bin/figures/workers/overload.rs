//! More calls than the workers can take: what they can is done, the rest is refused at once.

use super::crew::{Crew, attempts_per_call};
use super::worker::Terms;
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::load::{Ending, Load, Pace, Shape, Told, goodput, latency_ms};
use crate::percentile::percentile_ms;
use crate::verify::verify;
use rpcnet::cluster::{LoadBalancingStrategy, WorkerConfig, WorkerPool};
use rpcnet_testkit::ledger::Outcome as End;
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
    // Who knows how many places there are, and waits for one, keeps all of them taken.
    let knowing = LoadBalancingStrategy::default();
    let knowing = WorkerConfig::new(knowing).with_in_flight_max(places);
    let knowing = crew.client_for(knowing).await?.pool(None)?;
    let full = Shape {
        pace: Pace::InFlight(2 * places * usize::from(WORKERS)),
        waits: true,
        ..Shape::default()
    };
    let peak = phases.run(&knowing, full, calm).await?.goodput();
    let pool = crew.pool()?;
    let quiet = Shape::per_second(peak * CALM);
    let before = phases.run(&pool, quiet, calm).await?;
    let counted = crew.client.counters();
    let over = Shape::per_second(peak * OVERLOAD);
    let over = phases.run(&pool, over, lasts).await?;
    let counters = crew.client.counters();
    let after = phases.run(&pool, quiet, calm.max(AFTER)).await?;

    let name = "workers-overload";
    let mut measured = Measured::of_seed(plan.seed);
    measured.known(format!("{name}-peak"), peak, "calls/s");
    let offered = over.endings.len() as f64 / lasts.as_secs_f64();
    measured.at_least(
        format!("{name}-offered"),
        offered / peak,
        "times",
        OVERLOAD * 0.9,
    );
    let share = over.goodput() / peak * 100.0;
    measured.at_least(format!("{name}-goodput"), share, "percent", 90.0);
    let refused = over
        .endings
        .iter()
        .filter(|it| it.outcome == End::NotExecuted);
    let mut refused: Vec<Duration> = refused.map(Ending::took).collect();
    measured.at_least(
        format!("{name}-refused"),
        refused.len() as f64,
        "calls",
        100.0,
    );
    let median = percentile_ms(&mut refused, 0.5);
    measured.known(format!("{name}-refused-p50"), median, "ms");
    let refused = percentile_ms(&mut refused, 0.99);
    measured.at_most(format!("{name}-refused-p99"), refused, "ms", 5.0);
    let is_else = |it: &&Ending| !matches!(it.outcome, End::Ok | End::NotExecuted);
    let others = over.endings.iter().filter(is_else).count() as f64;
    measured.at_most(format!("{name}-failed-otherwise"), others, "calls", 0.0);
    let ok = latency_ms(over.endings.iter().filter(|it| it.is_ok()), 0.99);
    measured.known(format!("{name}-ok-p99"), ok, "ms");
    let attempts = attempts_per_call(counted, counters);
    measured.known(format!("{name}-attempts"), attempts, "per-call");
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
