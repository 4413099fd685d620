//! What the spans of calls cost where nobody collects them.
//!
//! Against the same benchmark, built with every span and log line left out by the compiler: the control
//! has less than no subscriber could have. Short slices of both by turns, each first as often as second.

use super::programs::Programs;
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::percentile::percentile;
use rpcnet_testkit::process::Process;

/// The most that calls may be slower, in per cent.
const COST_MAX: f64 = 1.0;

/// A slice, short enough that both see the same machine.
const SLICE_MS: u64 = 300;

/// Calls at once.
const IN_FLIGHT: usize = 256;

pub(super) async fn measure(scale: Scale) -> Outcome {
    let pairs: usize = scale.pick(200, 40);
    let (spans, control) = (Programs::build().await?, Programs::without_spans().await?);
    let (of_spans, of_control) = (spans.serve().await?, control.serve().await?);
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let with = || slice(&spans, &of_spans);
        let without = || slice(&control, &of_control);
        let (with, without) = if pair % 2 == 0 {
            let with = with().await?;
            (with, without().await?)
        } else {
            let without = without().await?;
            (with().await?, without)
        };
        ratios.push(with / without);
    }
    let [low, median, high] = [0.25, 0.5, 0.75].map(|share| percentile(&mut ratios, share));
    let mut measured = Measured::default();
    measured.note(format!(
        "{IN_FLIGHT} in flight, {pairs} pairs: rate x {median:.4}, half of them {low:.4} to {high:.4}"
    ));
    let cost = (1.0 - median) * 100.0;
    measured.at_most("tracing-cost", cost, "%", COST_MAX);
    Ok(measured)
}

async fn slice(programs: &Programs, server: &Process) -> Result<f64, BoxError> {
    let sample = programs.load(server, IN_FLIGHT, SLICE_MS).await?;
    Ok(sample.rate)
}
