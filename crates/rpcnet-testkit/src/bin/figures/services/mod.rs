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
        run: |scale| Box::pin(items::measure(scale)),
    },
    Scenario {
        name: "typed-malformed",
        run: |scale| Box::pin(malformed::measure(scale)),
    },
    Scenario {
        name: "typed-given-up",
        run: |scale| Box::pin(given_up::measure(scale)),
    },
    Scenario {
        name: "typed-over-raw",
        run: |scale| Box::pin(ratio::measure(scale)),
    },
];
