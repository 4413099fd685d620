//! The group `operate`: what those meet who run services at night.

mod bench_agrees;
mod bench_stall;
mod metrics_cost;
mod programs;
mod rotation;
mod tracing_cost;

use crate::group::Scenario;

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
