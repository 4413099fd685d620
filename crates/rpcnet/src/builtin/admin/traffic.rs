//! The connections, and the calls that run on them.

use std::time::Instant;

use serde::Serialize;

use super::shown::{Shown, ms, text};
use crate::context::CallContext;
use crate::server::RpcServer;
use crate::server::roster::{ConnectionSeen, Seen};

/// Connections that are shown, those that came first.
const CONNECTIONS_SHOWN_MAX: usize = 256;

/// Calls that are shown, those that have run for longest.
const CALLS_SHOWN_MAX: usize = 256;

/// Calls that are looked at for that.
const CALLS_SEEN_MAX: usize = 8_192;

#[derive(Debug, Serialize)]
pub(super) struct ConnectionJson {
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    /// The first name of the peer's verified certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    age_ms: u64,
    calls_running: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct CallJson {
    method: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    age_ms: u64,
    /// Until its deadline.
    left_ms: u64,
}

/// The connections and the calls of this moment.
pub(super) fn look(server: &RpcServer, now: Instant) -> (Shown<ConnectionJson>, Shown<CallJson>) {
    let Seen {
        connections,
        mut calls,
    } = server.see(CONNECTIONS_SHOWN_MAX, CALLS_SEEN_MAX);
    calls.sort_by_cached_key(CallContext::began);
    calls.truncate(CALLS_SHOWN_MAX);
    let counters = server.counters();
    let connections = connections.iter().map(|it| connection(it, now)).collect();
    let calls: Vec<CallJson> = calls.iter().map(|it| call(it, now)).collect();
    // What began and ended between the two looks is no matter.
    let running = counters.running_calls.max(calls.len()) as u64;
    (
        Shown::of(counters.connections as u64, connections),
        Shown::of(running, calls),
    )
}

fn connection(seen: &ConnectionSeen, now: Instant) -> ConnectionJson {
    ConnectionJson {
        number: seen.number,
        peer: seen.peer.address.map(|address| address.to_string()),
        name: seen.peer.identity.as_ref().map(ToString::to_string),
        age_ms: ms(now.saturating_duration_since(seen.since)),
        calls_running: seen.running,
    }
}

fn call(context: &CallContext, now: Instant) -> CallJson {
    let age = context
        .began()
        .map(|began| now.saturating_duration_since(began));
    CallJson {
        method: text(context.method()),
        kind: context.kind().to_string(),
        peer: context.remote_addr().map(|address| address.to_string()),
        name: context.peer_identity().map(ToString::to_string),
        age_ms: ms(age.unwrap_or_default()),
        left_ms: ms(context.remaining()),
    }
}
