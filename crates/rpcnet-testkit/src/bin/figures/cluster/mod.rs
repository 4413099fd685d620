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
        run: |scale| Box::pin(join::measure(scale)),
    },
    Scenario {
        name: "cluster-idle",
        run: |scale| Box::pin(idle::measure(scale)),
    },
    Scenario {
        name: "cluster-edge",
        run: |scale| Box::pin(edge::measure(scale)),
    },
    Scenario {
        name: "cluster-pause",
        run: |scale| Box::pin(pause::measure(scale)),
    },
    Scenario {
        name: "cluster-split",
        run: |scale| Box::pin(split::measure(scale)),
    },
    Scenario {
        name: "cluster-crash",
        run: |scale| Box::pin(crash::measure(scale)),
    },
    Scenario {
        name: "cluster-many",
        run: |scale| Box::pin(many::measure(scale)),
    },
];

/// Members of a fleet, each in a process and a network namespace of its own.
const NODES: usize = 16;
