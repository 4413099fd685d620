//! The group `workers`: workers in processes of their own, called by a client that is a member too.

pub(crate) mod caller;
mod cancelled;
pub(crate) mod crew;
mod failing;
mod fair;
mod kill;
mod outage;
mod overload;
mod pause;
mod rolling;
mod slow;
mod split;
pub(crate) mod worker;

use crate::group::Scenario;

/// Everything this group measures, quick ones first.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "workers-fair",
        run: |plan| Box::pin(fair::measure(plan)),
    },
    Scenario {
        name: "workers-cancelled",
        run: |plan| Box::pin(cancelled::measure(plan)),
    },
    Scenario {
        name: "workers-overload",
        run: |plan| Box::pin(overload::measure(plan)),
    },
    Scenario {
        name: "workers-failing",
        run: |plan| Box::pin(failing::measure(plan)),
    },
    Scenario {
        name: "workers-slow",
        run: |plan| Box::pin(slow::measure(plan)),
    },
    Scenario {
        name: "workers-outage",
        run: |plan| Box::pin(outage::measure(plan)),
    },
    Scenario {
        name: "workers-split",
        run: |plan| Box::pin(split::measure(plan)),
    },
    Scenario {
        name: "workers-pause",
        run: |plan| Box::pin(pause::measure(plan)),
    },
    Scenario {
        name: "workers-rolling",
        run: |plan| Box::pin(rolling::measure(plan)),
    },
    Scenario {
        name: "workers-kill",
        run: |plan| Box::pin(kill::measure(plan)),
    },
];

/// Workers of a crew, where nothing else is said.
const WORKERS: u16 = 8;
