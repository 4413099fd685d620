//! The group `operate`: what those meet who run services at night.

mod rotation;

use crate::group::Scenario;

/// Everything this group measures.
pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "rotation",
    run: |plan| Box::pin(rotation::measure(plan)),
}];
