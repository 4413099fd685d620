//! The group `calls`: what holds between one client and one server.

mod cancel;
mod churn;
mod concurrent;
mod faults;
mod reset;
mod soak;
mod unread;

use crate::group::{BoxError, Scenario};
use crate::service::{STATE, ServerState};
use rpcnet::RpcClient;

/// Everything this group measures, quick ones first.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "concurrent",
        run: |plan| Box::pin(concurrent::measure(plan.scale)),
    },
    Scenario {
        name: "unread-replies",
        run: |_plan| Box::pin(unread::measure()),
    },
    Scenario {
        name: "cancel-latency",
        run: |plan| Box::pin(cancel::cancellation(plan.scale)),
    },
    Scenario {
        name: "deadline",
        run: |plan| Box::pin(cancel::deadline(plan.scale)),
    },
    Scenario {
        name: "connect-churn",
        run: |plan| Box::pin(churn::measure(plan.scale)),
    },
    Scenario {
        name: "rapid-reset",
        run: |plan| Box::pin(reset::measure(plan.scale)),
    },
    Scenario {
        name: "ledger-loss",
        run: |plan| Box::pin(faults::loss(plan.scale)),
    },
    Scenario {
        name: "ledger-blackout",
        run: |plan| Box::pin(faults::blackout(plan.scale)),
    },
    Scenario {
        name: "ledger-panics",
        run: |plan| Box::pin(faults::panics(plan.scale)),
    },
    Scenario {
        name: "ledger-drops",
        run: |plan| Box::pin(faults::drops(plan.scale)),
    },
    Scenario {
        name: "ledger-stopped-server",
        run: |plan| Box::pin(faults::stopped_server(plan.scale)),
    },
    Scenario {
        name: "ledger-stopped-client",
        run: |plan| Box::pin(faults::stopped_client(plan.scale)),
    },
    Scenario {
        name: "ledger-kill",
        run: |plan| Box::pin(faults::kill(plan.scale)),
    },
    Scenario {
        name: "ledger-shutdown",
        run: |plan| Box::pin(faults::shutdown(plan.scale)),
    },
    Scenario {
        name: "soak-unary",
        run: |plan| Box::pin(soak::unary(plan.scale)),
    },
    Scenario {
        name: "soak-stream",
        run: |plan| Box::pin(soak::stream(plan.scale)),
    },
];

pub(crate) async fn state(client: &RpcClient) -> Result<ServerState, BoxError> {
    let reply = client.call(STATE, Vec::new()).await?;
    ServerState::decode(&reply).ok_or_else(|| "the server's state is unreadable".into())
}

/// A growth from `before` to `after`, never below zero.
pub(crate) fn growth(before: u64, after: u64) -> f64 {
    after.saturating_sub(before) as f64
}

/// A number of bytes in MiB.
pub(crate) fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
