//! The group `cluster`: members in processes and network namespaces of their own.

mod crash;
mod edge;
mod fleet;
mod idle;
mod join;
mod many;
pub(crate) mod member;
mod pause;
mod split;

use crate::group::Scenario;

/// Everything this group measures, quick ones first.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cluster-join",
        run: |plan| Box::pin(join::measure(plan.scale)),
    },
    Scenario {
        name: "cluster-idle",
        run: |plan| Box::pin(idle::measure(plan.scale)),
    },
    Scenario {
        name: "cluster-edge",
        run: |plan| Box::pin(edge::measure(plan.scale)),
    },
    Scenario {
        name: "cluster-pause",
        run: |plan| Box::pin(pause::measure(plan.scale)),
    },
    Scenario {
        name: "cluster-split",
        run: |plan| Box::pin(split::measure(plan.scale)),
    },
    Scenario {
        name: "cluster-crash",
        run: |plan| Box::pin(crash::measure(plan.scale)),
    },
    Scenario {
        name: "cluster-many",
        run: |plan| Box::pin(many::measure(plan.scale)),
    },
];

/// Members of a fleet, each in a process and a network namespace of its own.
const NODES: usize = 16;
