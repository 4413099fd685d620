//! Whether `rpcnet bench` says the same as the project's own benchmark, on the same work.

use super::programs::Programs;
use crate::group::{BoxError, Measured, Outcome, Scale};
use rpcnet_testkit::process::Process;

/// The most that the medians may differ by, in per cent.
const DIFFERENCE_MAX: f64 = 5.0;

/// What both measured in one repetition: `rpcnet bench` as a multiple of the benchmark.
#[derive(Debug, Clone, Copy)]
struct Ratios {
    rate: f64,
    p50: f64,
}

pub(super) async fn measure(scale: Scale) -> Outcome {
    let repetitions: usize = scale.pick(15, 7);
    let millis = scale.pick(3_000, 1_000);
    let programs = Programs::build().await?;
    let server = programs.serve().await?;
    let mut measured = Measured::default();
    for in_flight in [64, 256] {
        let mut found = Vec::new();
        for repetition in 0..repetitions {
            let is_first = repetition % 2 == 0;
            let work = (in_flight, millis);
            found.push(compare(&programs, &server, work, is_first).await?);
        }
        let rates = sorted(found.iter().map(|ratios| ratios.rate));
        let medians = sorted(found.iter().map(|ratios| ratios.p50));
        measured.note(format!(
            "{in_flight} in flight: rate x {:.3} ({:.3} to {:.3}), p50 x {:.3} ({:.3} to {:.3})",
            median(&rates),
            rates[0],
            rates[repetitions - 1],
            median(&medians),
            medians[0],
            medians[repetitions - 1],
        ));
        let difference = (median(&rates) - 1.0).abs() * 100.0;
        let name = format!("bench-agrees-{in_flight}-in-flight");
        measured.at_most(name, difference, "%", DIFFERENCE_MAX);
        let difference = (median(&medians) - 1.0).abs() * 100.0;
        let name = format!("bench-agrees-{in_flight}-p50");
        measured.at_most(name, difference, "%", DIFFERENCE_MAX);
    }
    Ok(measured)
}

/// Both on the same work, one after the other, each first as often as second.
async fn compare(
    programs: &Programs,
    server: &Process,
    (in_flight, millis): (usize, u64),
    is_first: bool,
) -> Result<Ratios, BoxError> {
    let duration = format!("{millis}ms");
    let at_once = in_flight.to_string();
    let options = [
        "--in-flight",
        &at_once,
        "--duration",
        &duration,
        "--warm-up",
        "300ms",
    ];
    let (result, sample) = if is_first {
        let result = programs.bench(server.addr(), &options).await?;
        (result, programs.load(server, in_flight, millis).await?)
    } else {
        let sample = programs.load(server, in_flight, millis).await?;
        (programs.bench(server.addr(), &options).await?, sample)
    };
    let value = |pointer| {
        let value = result.pointer(pointer).and_then(serde_json::Value::as_f64);
        value.ok_or_else(|| format!("no {pointer} in the result"))
    };
    Ok(Ratios {
        rate: value("/rate")? / sample.rate,
        p50: value("/latency/p50_us")? / sample.p50_us,
    })
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
