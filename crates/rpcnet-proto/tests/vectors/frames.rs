//! The frames of the vectors: from bytes to fields, and back.

use std::time::Duration;

use bytes::BytesMut;
use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::{
    Beat, Cancel, ErrorCode, Frame, FrameDecoder, FrameLimits, GoAway, Header, Hello, Load,
    Settings, WireError, decode_status, encode, varint,
};
use rpcnet_proto::{CallId, Code, CodecId, Metadata, Method, Origin, Status, TraceContext};
use serde_json::{Map, Value, json};

use crate::entry::{call_kind, from_hex, integer, number, object, text, to_hex, us};

pub(crate) fn decode_frame(bytes: Vec<u8>) -> Result<Map<String, Value>, WireError> {
    let mut decoder = FrameDecoder::new(FrameLimits::default());
    decoder.push(bytes.into());
    let frame = decoder
        .next_frame()?
        .expect("an entry is a whole frame or an error");
    assert_eq!(decoder.buffered(), 0, "an entry is one frame");
    match frame {
        Frame::Header(body) => Header::decode(body).map(|header| describe_header(&header)),
        Frame::Message(body) => Ok(describe_message(&body)),
        Frame::Status(body) => decode_status(body).map(|(s, origin)| describe_status(&s, origin)),
        Frame::Answer(body) => Ok(describe_answer(&body)),
        Frame::Settings(body) => Settings::decode(body).map(|s| describe_settings(&s)),
        Frame::GoAway(body) => GoAway::decode(body).map(|goaway| describe_goaway(&goaway)),
        Frame::Cancel(body) => Cancel::decode(body).map(describe_cancel),
        Frame::Hello(body) => Hello::decode(body).map(|hello| describe_hello(&hello)),
        Frame::Gossip(body) => Ok(describe_gossip(&body)),
        Frame::Beat(body) => Beat::decode(body).map(describe_beat),
        Frame::Load(body) => Load::decode(body).map(describe_load),
        Frame::End => Ok(object(json!({"frame": "end"}))),
    }
}

pub(crate) fn describe_header(header: &Header) -> Map<String, Value> {
    let trace = header.trace.map(|trace| {
        json!({
            "trace_id": to_hex(&trace.trace_id),
            "parent_id": to_hex(&trace.parent_id),
            "flags": trace.flags,
        })
    });
    let metadata: Vec<Value> = header
        .metadata
        .iter()
        .map(|(key, value)| json!([key, to_hex(value)]))
        .collect();
    let mut fields = object(json!({
        "frame": "header",
        "call_id": number(header.call_id.get()),
        "call_kind": header.kind.to_string().replace(' ', "-"),
        "codec": header.codec.0,
        "idempotent": header.idempotent,
        "timeout": number(us(header.timeout)),
        "method": header.method.as_str(),
        "trace": trace,
        "metadata": metadata,
    }));
    if let Some(schema) = header.schema {
        fields.insert("schema".into(), format!("{schema:016x}").into());
    }
    if header.load_report {
        fields.insert("load_report".into(), true.into());
    }
    fields
}

/// A frame on its own is of no batch, so that any number is one of a call.
pub(crate) fn describe_answer(body: &[u8]) -> Map<String, Value> {
    let index = varint::decode(body).expect("a varint").expect("whole");
    object(json!({"frame": "answer", "index": number(index.0)}))
}

pub(crate) fn describe_message(body: &[u8]) -> Map<String, Value> {
    object(json!({"frame": "message", "body": to_hex(body)}))
}

pub(crate) fn describe_status(status: &Status, origin: Origin) -> Map<String, Value> {
    let mut fields = object(json!({
        "frame": "status",
        "code": status.code.to_wire(),
        "origin": format!("{origin:?}").to_lowercase(),
        "message": status.message,
        "details": to_hex(&status.details),
    }));
    if let Some(retry_after) = status.retry_after {
        fields.insert("retry_after".into(), number(us(retry_after) / 1000));
    }
    fields
}

pub(crate) fn describe_settings(settings: &Settings) -> Map<String, Value> {
    object(json!({
        "frame": "settings",
        "message_bytes_max": number(settings.message_bytes_max),
        "header_bytes_max": number(settings.header_bytes_max),
        "concurrent_calls_max": number(settings.concurrent_calls_max),
        "keep_alive": number(settings.keep_alive.map_or(0, us)),
        "stream_kinds": number(settings.stream_kinds),
    }))
}

pub(crate) fn describe_goaway(goaway: &GoAway) -> Map<String, Value> {
    object(json!({
        "frame": "goaway",
        "grace": number(us(goaway.grace) / 1000),
        "retry_after": number(us(goaway.retry_after) / 1000),
        "message": goaway.message,
    }))
}

pub(crate) fn describe_cancel(cancel: Cancel) -> Map<String, Value> {
    object(json!({
        "frame": "cancel",
        "call_id": number(cancel.call_id.get()),
        "code": cancel.code.to_wire(),
    }))
}

pub(crate) fn describe_hello(hello: &Hello) -> Map<String, Value> {
    object(json!({
        "frame": "hello",
        "cluster": hello.cluster.as_str(),
        "node": hello.node.as_str(),
        "link": hello.is_link,
    }))
}

pub(crate) fn describe_gossip(body: &[u8]) -> Map<String, Value> {
    object(json!({"frame": "gossip", "body": to_hex(body)}))
}

pub(crate) fn describe_beat(beat: Beat) -> Map<String, Value> {
    let (kind, nonce) = match beat {
        Beat::Question { nonce } => ("question", nonce),
        Beat::Answer { nonce } => ("answer", nonce),
    };
    object(json!({"frame": "beat", "kind": kind, "nonce": number(nonce)}))
}

pub(crate) fn describe_load(load: Load) -> Map<String, Value> {
    object(json!({
        "frame": "load",
        "utilization": load.utilization,
        "running": number(load.running),
    }))
}

pub(crate) fn encode_frame(out: &mut BytesMut, fields: &Value) {
    match text(fields, "frame") {
        "header" => encode::header(out, &header(fields)),
        "message" => encode::message(out, &from_hex(text(fields, "body"))),
        "status" => {
            let origin = match text(fields, "origin") {
                "refused" => Origin::Refused,
                "server" => Origin::Server,
                "service" => Origin::Service,
                _ => Origin::Handler,
            };
            let code = Code::from_wire(integer(fields, "code"));
            let details = from_hex(text(fields, "details"));
            let mut status = Status::new(code, text(fields, "message")).with_details(details);
            status.retry_after = fields
                .get("retry_after")
                .map(|_| Duration::from_millis(integer(fields, "retry_after")));
            encode::status(out, &status, origin);
        }
        "answer" => encode::answer(out, integer(fields, "index").try_into().expect("small")),
        "settings" => encode::settings(out, &settings(fields)),
        "goaway" => {
            let goaway = GoAway {
                grace: Duration::from_millis(integer(fields, "grace")),
                retry_after: Duration::from_millis(integer(fields, "retry_after")),
                message: text(fields, "message").to_owned(),
            };
            encode::goaway(out, &goaway);
        }
        "cancel" => {
            let code = ErrorCode::from_wire(integer(fields, "code")).expect("a known code");
            encode::cancel(
                out,
                &Cancel {
                    call_id: call_id(fields),
                    code,
                },
            );
        }
        "hello" => {
            let name = |key| NodeName::new(text(fields, key)).expect("the name is legal");
            let hello = Hello {
                cluster: name("cluster"),
                node: name("node"),
                is_link: fields["link"] == json!(true),
            };
            encode::hello(out, &hello);
        }
        "gossip" => {
            let body = from_hex(text(fields, "body"));
            encode::gossip_prefix(out, body.len());
            out.extend_from_slice(&body);
        }
        "beat" => {
            let nonce = integer(fields, "nonce");
            let beat = match text(fields, "kind") {
                "question" => Beat::Question { nonce },
                _ => Beat::Answer { nonce },
            };
            encode::beat(out, beat);
        }
        "load" => {
            let utilization = integer(fields, "utilization");
            let load = Load {
                utilization: utilization.try_into().expect("at most the largest"),
                running: integer(fields, "running"),
            };
            encode::load(out, load);
        }
        "end" => encode::end(out),
        other => panic!("{other} is no frame"),
    }
}

pub(crate) fn header(fields: &Value) -> Header {
    let mut metadata = Metadata::new();
    for entry in fields["metadata"].as_array().expect("metadata is an array") {
        let (key, value) = (entry[0].as_str(), entry[1].as_str());
        let value = from_hex(value.expect("a value is hex"));
        metadata
            .insert(key.expect("a key is text"), value)
            .expect("the entry is legal");
    }
    let trace = fields["trace"].is_object().then(|| {
        let trace = &fields["trace"];
        TraceContext {
            trace_id: from_hex(text(trace, "trace_id"))
                .try_into()
                .expect("16 bytes"),
            parent_id: from_hex(text(trace, "parent_id"))
                .try_into()
                .expect("8 bytes"),
            flags: integer(trace, "flags").try_into().expect("one byte"),
        }
    });
    Header {
        call_id: call_id(fields),
        kind: call_kind(fields, "call_kind"),
        codec: CodecId(integer(fields, "codec").try_into().expect("one byte")),
        idempotent: fields["idempotent"] == json!(true),
        timeout: Duration::from_micros(integer(fields, "timeout")),
        method: Method::new(text(fields, "method")).expect("the name is legal"),
        trace,
        metadata,
        schema: fields.get("schema").map(|schema| {
            let schema = schema.as_str().expect("a schema is hex");
            u64::from_str_radix(schema, 16).expect("8 bytes")
        }),
        load_report: fields.get("load_report") == Some(&json!(true)),
    }
}

pub(crate) fn settings(fields: &Value) -> Settings {
    let keep_alive = integer(fields, "keep_alive");
    Settings {
        message_bytes_max: integer(fields, "message_bytes_max"),
        header_bytes_max: integer(fields, "header_bytes_max"),
        concurrent_calls_max: integer(fields, "concurrent_calls_max"),
        keep_alive: (keep_alive > 0).then(|| Duration::from_micros(keep_alive)),
        stream_kinds: integer(fields, "stream_kinds"),
    }
}

pub(crate) fn call_id(fields: &Value) -> CallId {
    CallId::new(integer(fields, "call_id")).expect("the id is in range")
}
