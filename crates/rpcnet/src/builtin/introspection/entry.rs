//! What is told of one method.

use bytes::Bytes;
use rpcnet_proto::{CallKind, CodecId, Method};
use serde::Serialize;

use super::catalogue::{ANSWER_BYTES_MAX, too_long};
use crate::codec;
use crate::error::RpcError;
use crate::schema::Outline;
use crate::server::about::About;
use crate::server::{Handler, Route};

/// A method as JSON. What is not known of it is left out.
#[derive(Default, Serialize)]
struct MethodJson<'a> {
    method: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    service: &'static str,
    /// `streaming` where it may be any of the three streaming ones.
    kind: &'static str,
    /// Whether the messages have types; bytes otherwise.
    typed: bool,
    idempotent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    /// In what its messages may be written.
    codecs: Vec<String>,
    /// Of the messages' types, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    doc: &'a str,
    #[serde(flatten)]
    messages: Option<MessagesJson>,
}

/// What the messages look like. Without `arguments`, the call opens with none.
#[derive(Serialize)]
struct MessagesJson {
    parameters: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Outline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Outline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Outline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Outline>,
}

/// The method without its messages.
pub(super) fn line(method: &Method, route: &Route) -> Result<Bytes, RpcError> {
    codec::encode(CodecId::JSON, &of(method, route))
}

/// The method with its messages. Learnt once: it may take a millisecond.
pub(super) fn full(method: &Method, route: &Route) -> Result<Bytes, RpcError> {
    let Some(about) = route.about.as_deref() else {
        return line(method, route);
    };
    if let Some(described) = about.described.get() {
        return described.clone().map_err(too_long);
    }
    let messages = about.typed.map(|typed| {
        let outlines = typed.outlines();
        MessagesJson {
            parameters: about.parameters,
            requests: about.requests,
            arguments: outlines.arguments,
            items: outlines.items,
            reply: outlines.reply,
            error: outlines.error,
        }
    });
    let described = codec::encode(
        CodecId::JSON,
        &MethodJson {
            messages,
            ..of(method, route)
        },
    )?;
    let described = match described.len() {
        0..=ANSWER_BYTES_MAX => Ok(described),
        len => Err(len),
    };
    about
        .described
        .get_or_init(|| described)
        .clone()
        .map_err(too_long)
}

fn of<'a>(method: &'a Method, route: &Route) -> MethodJson<'a> {
    let (method, about) = (method.as_str(), route.about.as_deref());
    let Some(about) = about else {
        let kind = match route.handler {
            Handler::Unary(..) => kind_name(CallKind::Unary),
            Handler::Streaming(_) => "streaming",
        };
        return MethodJson {
            method,
            kind,
            ..MethodJson::default()
        };
    };
    let known = MethodJson {
        method,
        service: about.service,
        kind: kind_name(about.kind),
        doc: bounded(about.doc),
        codecs: vec![CodecId::JSON.to_string()],
        ..MethodJson::default()
    };
    let Some(typed) = about.typed else {
        return known;
    };
    let timeout = typed.timeout().map(|timeout| timeout.as_millis());
    let fingerprint = route.contract.and_then(|contract| contract.schema);
    MethodJson {
        typed: true,
        idempotent: typed.is_idempotent(),
        timeout_ms: timeout.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
        codecs: codecs(about),
        fingerprint: fingerprint.map(|schema| format!("{schema:016x}")),
        ..known
    }
}

fn codecs(about: &About) -> Vec<String> {
    let accepted = CODECS
        .iter()
        .filter(|codec| about.typed.is_some_and(|typed| typed.accepts(**codec)));
    accepted.map(CodecId::to_string).collect()
}

fn kind_name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Unary => "unary",
        CallKind::ServerStreaming => "server_streaming",
        CallKind::ClientStreaming => "client_streaming",
        CallKind::Bidirectional => "bidirectional",
    }
}

/// A doc comment, cut where it is longer than is told.
pub(super) fn bounded(doc: &str) -> &str {
    &doc[..doc.floor_char_boundary(DOC_BYTES_MAX)]
}

/// Bytes of a doc comment that are told.
const DOC_BYTES_MAX: usize = 4096;

const CODECS: [CodecId; 5] = [
    CodecId::POSTCARD,
    CodecId::JSON,
    CodecId::MESSAGE_PACK,
    CodecId::PROTOBUF,
    CodecId::BINCODE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_is_cut_between_characters() {
        let longest = "x".repeat(DOC_BYTES_MAX);
        assert_eq!(bounded(&longest), longest);
        assert_eq!(bounded(&(longest + "x")).len(), DOC_BYTES_MAX);
        let wide = "\u{e9}".repeat(DOC_BYTES_MAX / 2) + "\u{e9}";
        assert_eq!(bounded(&wide).len(), DOC_BYTES_MAX);
        let odd = format!("x{wide}");
        assert_eq!(bounded(&odd).len(), DOC_BYTES_MAX - 1);
    }
}
