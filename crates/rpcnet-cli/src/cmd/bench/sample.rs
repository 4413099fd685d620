//! Runs that were never made, for tests of what is done with them.

use super::summary::{
    Bucket, Calls, ErrorCount, Latency, LoadSummary, PlanSummary, Point, Summary, VERSION,
};

/// A run with such a rate in each second.
pub(super) fn run(rates: &[f64]) -> Summary {
    let points = rates.iter().enumerate().map(|(second, rate)| Point {
        at_s: second as f64,
        width_s: 1.0,
        succeeded: *rate as u64,
        failed: 1,
        rate: *rate,
        p50_us: Some(100.0),
        p99_us: Some(900.0),
        max_us: Some(1_500.0),
    });
    let succeeded = rates.iter().sum::<f64>() as u64;
    Summary {
        version: VERSION,
        at: "2026-01-31T23:59:59.123Z".into(),
        address: "192.0.2.1:4433".into(),
        method: "echo".into(),
        plan: PlanSummary {
            load: LoadSummary::Closed { in_flight: 64 },
            connections: 1,
            own_sockets: false,
            payload_bytes: 64,
            warm_up_s: 2.0,
            duration_s: Some(rates.len() as f64),
            calls: None,
            deadline_s: 10.0,
        },
        interrupted: false,
        elapsed_s: rates.len() as f64,
        calls: Calls {
            succeeded,
            failed: 3,
            unsent: 0,
            overdue: 0,
            warm_up: 2_000,
            after_end: 64,
        },
        rate: succeeded as f64 / rates.len() as f64,
        reply_bytes: succeeded * 64,
        latency: Some(Latency {
            min_us: 40.0,
            mean_us: 120.0,
            stdev_us: 30.0,
            p50_us: 100.0,
            p75_us: 150.0,
            p90_us: 300.0,
            p95_us: 500.0,
            p99_us: 900.0,
            p99_9_us: 1_200.0,
            p99_99_us: 1_400.0,
            max_us: 1_500.0,
        }),
        lag: None,
        errors: vec![ErrorCount {
            code: "UNAVAILABLE".into(),
            count: 3,
            example: "<script>alert('no')</script> & more".into(),
        }],
        series: points.collect(),
        histogram: [(50.12, 1), (100.0, succeeded / 2), (1_584.9, succeeded / 2)]
            .map(|(up_to_us, count)| Bucket { up_to_us, count })
            .to_vec(),
    }
}
