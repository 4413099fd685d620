//! The group `services`: what typed calls cost beside raw ones, and what they withstand.

mod definition;
mod given_up;
mod items;
mod malformed;
mod ratio;

pub(crate) use self::definition::service;

use crate::group::Scenario;

/// Everything this group measures, quick ones first.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "typed-items",
        run: |plan| Box::pin(items::measure(plan.scale)),
    },
    Scenario {
        name: "typed-malformed",
        run: |plan| Box::pin(malformed::measure(plan.scale)),
    },
    Scenario {
        name: "typed-given-up",
        run: |plan| Box::pin(given_up::measure(plan.scale)),
    },
    Scenario {
        name: "typed-over-raw",
        run: |plan| Box::pin(ratio::measure(plan.scale)),
    },
];
