//! What the ledger proves about a load.

use crate::group::Measured;
use crate::load::Told;
use rpcnet_testkit::ledger::{Event, Outcome as Ending, check};

/// Adds what the ledger proves; returns how many handlers never ended.
pub(crate) fn verify(name: &str, events: &[Event], told: &Told, measured: &mut Measured) -> u64 {
    let mut report = check(events.iter().copied(), told.calls.iter().copied());
    // The count says it all; a few of them say where to look.
    report.violations.truncate(VIOLATIONS_SHOWN);
    measured.note(report.to_string());
    for (failure, count) in &told.failures {
        measured.note(format!("{count} times {failure}"));
    }
    measured.at_most(
        format!("{name}-violations"),
        (report.violation_count + told.altered) as f64,
        "calls",
        0.0,
    );
    measured.at_least(
        format!("{name}-ok"),
        report.outcomes.of(Ending::Ok) as f64,
        "calls",
        OK_LEAST,
    );
    report.unended_executions
}

const VIOLATIONS_SHOWN: usize = 10;

/// Calls that must succeed for a scenario to prove anything.
const OK_LEAST: f64 = 100.0;
