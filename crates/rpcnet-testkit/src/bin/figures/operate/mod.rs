//! The group `operate`: what those meet who run services at night.

mod bench_agrees;
mod bench_stall;
mod metrics_cost;
mod programs;
mod rotation;
mod tracing_cost;

use self::programs::Programs;
use crate::group::{BoxError, Scenario, is_wanted};

/// Everything this group measures.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rotation",
        run: |plan| Box::pin(rotation::measure(plan)),
    },
    Scenario {
        name: "bench-agrees",
        run: |plan| Box::pin(bench_agrees::measure(plan.scale)),
    },
    Scenario {
        name: "bench-stall",
        run: |plan| Box::pin(bench_stall::measure(plan.scale)),
    },
    Scenario {
        name: "metrics-cost",
        run: |plan| Box::pin(metrics_cost::measure(plan.scale)),
    },
    Scenario {
        name: "tracing-cost",
        run: |plan| Box::pin(tracing_cost::measure(plan.scale)),
    },
];

/// Builds the programs that the wanted scenarios start: what takes minutes here would be taken for a
/// scenario that hangs.
pub(crate) async fn prepare(only: &[String]) -> Result<(), BoxError> {
    let any = |names: &[&str]| names.iter().any(|name| is_wanted(only, name));
    if any(&["bench-agrees", "bench-stall", "tracing-cost"]) {
        Programs::build().await?;
    }
    if any(&["tracing-cost"]) {
        Programs::without_spans().await?;
    }
    Ok(())
}
