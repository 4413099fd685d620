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
        run: |scale| Box::pin(concurrent::measure(scale)),
    },
    Scenario {
        name: "unread-replies",
        run: |_scale| Box::pin(unread::measure()),
    },
    Scenario {
        name: "cancel-latency",
        run: |scale| Box::pin(cancel::cancellation(scale)),
    },
    Scenario {
        name: "deadline",
        run: |scale| Box::pin(cancel::deadline(scale)),
    },
    Scenario {
        name: "connect-churn",
        run: |scale| Box::pin(churn::measure(scale)),
    },
    Scenario {
        name: "rapid-reset",
        run: |scale| Box::pin(reset::measure(scale)),
    },
    Scenario {
        name: "ledger-loss",
        run: |scale| Box::pin(faults::loss(scale)),
    },
    Scenario {
        name: "ledger-blackout",
        run: |scale| Box::pin(faults::blackout(scale)),
    },
    Scenario {
        name: "ledger-panics",
        run: |scale| Box::pin(faults::panics(scale)),
    },
    Scenario {
        name: "ledger-drops",
        run: |scale| Box::pin(faults::drops(scale)),
    },
    Scenario {
        name: "ledger-stopped-server",
        run: |scale| Box::pin(faults::stopped_server(scale)),
    },
    Scenario {
        name: "ledger-stopped-client",
        run: |scale| Box::pin(faults::stopped_client(scale)),
    },
    Scenario {
        name: "ledger-kill",
        run: |scale| Box::pin(faults::kill(scale)),
    },
    Scenario {
        name: "ledger-shutdown",
        run: |scale| Box::pin(faults::shutdown(scale)),
    },
    Scenario {
        name: "soak-unary",
        run: |scale| Box::pin(soak::unary(scale)),
    },
    Scenario {
        name: "soak-stream",
        run: |scale| Box::pin(soak::stream(scale)),
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
