//! What is told of the methods to whoever asks what there is.

use rpcnet_proto::CallKind;

use super::service::{SNAPSHOT, WATCH};
use crate::server::about::Builtin;

pub(super) const METHODS: [Builtin; 6] = [
    Builtin {
        method: SNAPSHOT,
        kind: CallKind::Unary,
        doc: "What the server is doing now. Takes nothing.",
    },
    Builtin {
        method: WATCH,
        kind: CallKind::ServerStreaming,
        doc: "A snapshot each interval. Takes {\"interval_ms\": 1000}, or nothing.",
    },
    unary(
        "rpcnet.admin/set-tag",
        "Sets a tag of the node. Takes {\"key\": \"zone\", \"value\": \"a\"}.",
    ),
    unary(
        "rpcnet.admin/remove-tag",
        "Removes a tag of the node. Takes {\"key\": \"zone\"}.",
    ),
    unary(
        "rpcnet.admin/drain",
        "Says to all members whether the node wants more work. Takes {\"draining\": true}.",
    ),
    unary("rpcnet.admin/leave", "Leaves the cluster. Takes nothing."),
];

const fn unary(method: &'static str, doc: &'static str) -> Builtin {
    Builtin {
        method,
        kind: CallKind::Unary,
        doc,
    }
}
