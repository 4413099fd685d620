//! The latest calls and handshakes that failed.

use serde::Serialize;

use super::shown::{Shown, text, unix_ms};
use crate::server::RpcServer;
use crate::server::failures::{FailedCall, FailedHandshake};

/// A call or a handshake that failed; what does not belong to it is left out.
#[derive(Debug, Serialize)]
pub(super) struct ErrorJson {
    at_ms: u64,
    /// `call` or `handshake`.
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    /// The first name of the peer's verified certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    message: String,
}

impl ErrorJson {
    fn of_call(call: &FailedCall) -> Self {
        Self {
            at_ms: unix_ms(call.at),
            what: "call",
            peer: call.peer.address.map(|address| address.to_string()),
            name: call.peer.identity.as_ref().map(ToString::to_string),
            method: Some(text(&call.method)),
            code: Some(call.code.to_string()),
            message: text(&call.message),
        }
    }

    fn of_handshake((at, remote, reason): &FailedHandshake) -> Self {
        Self {
            at_ms: unix_ms(*at),
            what: "handshake",
            peer: remote.map(|address| address.to_string()),
            name: None,
            method: None,
            code: None,
            message: text(&reason.to_string()),
        }
    }
}

/// The latest ones, newest first, and how many there were.
pub(super) fn latest(server: &RpcServer) -> Shown<ErrorJson> {
    let (calls_total, calls) = server.failures();
    let handshakes = server.failed_handshakes();
    let total = calls_total + server.counters().handshakes_failed;
    let mut errors: Vec<ErrorJson> = calls.iter().map(ErrorJson::of_call).collect();
    errors.extend(handshakes.iter().map(ErrorJson::of_handshake));
    errors.sort_by_key(|error| std::cmp::Reverse(error.at_ms));
    Shown::of(total, errors)
}
