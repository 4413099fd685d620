//! [`Catalogue`]: services and methods.

use std::fmt;

use rpcnet::CallKind;
use serde::{Deserialize, Serialize};

use super::types::Types;

/// What a server has, or one part of it.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Catalogue {
    #[serde(default)]
    pub(crate) services: Vec<Service>,
    pub(crate) methods: Vec<Method>,
    /// The method after which to go on, where this is not all.
    #[serde(default, skip_serializing)]
    pub(super) next: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) doc: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Method {
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) service: String,
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) typed: bool,
    #[serde(default)]
    pub(crate) idempotent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    #[serde(default)]
    pub(crate) codecs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    #[serde(default)]
    pub(crate) doc: String,
    /// The names of the arguments.
    #[serde(default)]
    pub(crate) parameters: Vec<String>,
    /// The name of the stream of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requests: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<Types>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<Types>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Types>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Types>,
}

/// Its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidirectional,
    /// Any of the three.
    Streaming,
}

impl Kind {
    /// The kind of a call, where there is only one that fits.
    pub(crate) fn of_call(self) -> Option<CallKind> {
        Some(match self {
            Self::Unary => CallKind::Unary,
            Self::ServerStreaming => CallKind::ServerStreaming,
            Self::ClientStreaming => CallKind::ClientStreaming,
            Self::Bidirectional => CallKind::Bidirectional,
            Self::Streaming => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of_call() {
            Some(kind) => f.pad(&kind.to_string()),
            None => f.pad("streaming"),
        }
    }
}

impl Method {
    /// Whether its messages can be written in JSON.
    pub(crate) fn speaks_json(&self) -> bool {
        !self.typed || self.codecs.iter().any(|codec| codec == "json")
    }

    /// Whether it belongs to the library.
    pub(crate) fn is_builtin(&self) -> bool {
        self.method.starts_with("rpcnet.")
    }
}
