//! Checks every entry of `docs/spec/vectors.json`, in both directions.

use std::time::Duration;

use bytes::BytesMut;
use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::{
    Beat, Cancel, ControlEvent, ControlReader, ErrorCode, Frame, FrameDecoder, FrameLimits, GoAway,
    GossipEvent, GossipReader, Header, Hello, Load, RequestEvent, RequestReader, ResponseEvent,
    ResponseReader, Settings, StreamKind, WireError, decode_status, encode, varint,
};
use rpcnet_proto::{
    CallId, CallKind, Code, CodecId, Metadata, Method, Origin, Status, TraceContext,
};
use serde_json::{Map, Value, json};

mod fuzz_bodies;

use fuzz_bodies::{Reader, read};

const SPEC: &str = include_str!("../../../docs/spec/wire.md");
const VECTORS: &str = include_str!("../../../docs/spec/vectors.json");

/// W-6.
#[test]
fn varints_read_and_write_as_specified() {
    for entry in entries("varints") {
        let (name, bytes) = (text(&entry, "name"), hex(&entry));
        if let Some(error) = entry.get("error") {
            let found = varint::decode(&bytes).expect_err(name);
            assert_eq!(error_name(&found), error, "{name}");
            continue;
        }
        let value = integer(&entry, "value");
        assert_eq!(
            varint::decode(&bytes),
            Ok(Some((value, bytes.len()))),
            "{name}"
        );
        let mut out = BytesMut::new();
        varint::encode(value, &mut out);
        assert_eq!(out, bytes, "{name}");
    }
}

/// W-9 to W-14, W-17 to W-21, W-23, W-27 to W-29, W-45, W-46, W-50, W-61, W-66,
/// W-69, W-71.
#[test]
fn frames_read_as_specified() {
    for entry in entries("frames") {
        let name = text(&entry, "name");
        match (decode_frame(hex(&entry)), entry.get("error")) {
            (Ok(frame), None) => assert_eq!(Value::Object(frame), fields(&entry), "{name}"),
            (Err(error), Some(expected)) => assert_eq!(error_name(&error), expected, "{name}"),
            (found, expected) => panic!("{name}: {found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn every_error_has_the_code_that_the_specification_gives_it() {
    let errors = entries("frames")
        .into_iter()
        .filter(|entry| entry.get("error").is_some());
    for entry in errors.filter(|entry| entry["error"] != "method") {
        let error = decode_frame(hex(&entry)).expect_err("the entry is an error");
        let name = format!("`{}`", error_name(&error));
        let row = SPEC
            .lines()
            .find(|line| line.starts_with("| ") && line.contains(&name));
        let row = row.unwrap_or_else(|| panic!("{name} is in no row of the table"));
        let code = format!("| {:?} |", error.error_code());
        assert!(row.ends_with(&code), "{row} but the code says {code}");
    }
}

#[test]
fn frames_write_as_specified() {
    let canonical = |entry: &Value| {
        entry.get("error").is_none() && entry.get("canonical") != Some(&json!(false))
    };
    for entry in entries("frames").into_iter().filter(canonical) {
        let mut out = BytesMut::new();
        encode_frame(&mut out, &entry);
        assert_eq!(out, hex(&entry), "{}", text(&entry, "name"));
    }
}

/// W-7, W-8, W-15, W-24.
#[test]
fn requests_read_as_specified() {
    for entry in entries("requests") {
        let bytes = hex(&entry);
        assert_eq!(bytes.first(), Some(&StreamKind::Call.to_byte()));
        check_stream(
            &entry,
            &bytes[1..],
            || RequestReader::new(FrameLimits::default()),
            |event| match event {
                RequestEvent::Header(header) => describe_header(&header),
                RequestEvent::Message(body) => describe_message(&body),
                RequestEvent::End => object(json!({"frame": "end"})),
            },
        );
    }
}

/// W-7, W-8, W-25, W-26, W-68, W-69.
#[test]
fn responses_read_as_specified() {
    for entry in entries("responses") {
        let limits = FrameLimits::default();
        let kind = call_kind(&entry, "kind");
        check_stream(
            &entry,
            &hex(&entry),
            || ResponseReader::new(limits, kind),
            |event| match event {
                ResponseEvent::Message(body) => describe_message(&body),
                ResponseEvent::Load(load) => describe_load(load),
                ResponseEvent::Failed(status, origin) => describe_status(&status, origin),
                ResponseEvent::End => object(json!({"frame": "end"})),
            },
        );
    }
}

/// W-10, W-39, W-44.
#[test]
fn control_streams_read_as_specified() {
    for entry in entries("controls") {
        let bytes = hex(&entry);
        assert_eq!(bytes.first(), Some(&StreamKind::Control.to_byte()));
        check_stream(
            &entry,
            &bytes[1..],
            ControlReader::new,
            |event| match event {
                ControlEvent::Settings(settings) => describe_settings(&settings),
                ControlEvent::GoAway(goaway) => describe_goaway(&goaway),
                ControlEvent::Cancel(cancel) => describe_cancel(cancel),
            },
        );
    }
}

/// W-60, W-64, W-65.
#[test]
fn gossip_streams_read_as_specified() {
    for entry in entries("gossips") {
        let bytes = hex(&entry);
        assert_eq!(bytes.first(), Some(&StreamKind::Gossip.to_byte()));
        check_stream(
            &entry,
            &bytes[1..],
            GossipReader::new,
            |event| match event {
                GossipEvent::Hello(hello) => describe_hello(&hello),
                GossipEvent::Message(body) => describe_gossip(&body),
                GossipEvent::Beat(beat) => describe_beat(beat),
            },
        );
    }
}

/// W-3: an encoder writes the same streams, kind byte first.
#[test]
fn whole_streams_write_as_specified() {
    for (array, kind) in [
        ("requests", Some(StreamKind::Call)),
        ("responses", None),
        ("controls", Some(StreamKind::Control)),
        ("gossips", Some(StreamKind::Gossip)),
    ] {
        for entry in entries(array) {
            let is_whole = matches!(text(&entry, "outcome"), "complete" | "open");
            if !is_whole || text(&entry, "name").contains("to skip") || is_cut(&entry) {
                continue;
            }
            let mut out = BytesMut::new();
            if let Some(kind) = kind {
                encode::stream_kind(&mut out, kind);
            }
            for event in entry["events"].as_array().expect("events are an array") {
                encode_frame(&mut out, event);
                if event["frame"] == "status" {
                    encode::end(&mut out);
                }
            }
            assert_eq!(out, hex(&entry), "{}", text(&entry, "name"));
        }
    }
}

/// W-8: cut anywhere, by FIN, nothing that was whole looks whole.
#[test]
fn a_stream_cut_at_any_byte_is_never_complete() {
    let complete = |entry: &Value| text(entry, "outcome") == "complete";
    for entry in entries("requests").into_iter().filter(complete) {
        let bytes = hex(&entry);
        for cut in 1..bytes.len() {
            let reader = RequestReader::new(FrameLimits::default());
            let (events, outcome) = read(reader, &bytes[1..cut], &[]);
            assert_eq!(
                outcome,
                Err(WireError::Truncated),
                "{} at {cut}",
                text(&entry, "name")
            );
            assert!(!events.contains(&RequestEvent::End));
        }
    }
    for entry in entries("responses").into_iter().filter(complete) {
        let bytes = hex(&entry);
        for cut in 0..bytes.len() {
            let limits = FrameLimits::default();
            let reader = ResponseReader::new(limits, call_kind(&entry, "kind"));
            let (events, outcome) = read(reader, &bytes[..cut], &[]);
            assert_eq!(
                outcome,
                Err(WireError::Truncated),
                "{} at {cut}",
                text(&entry, "name")
            );
            assert!(
                events.iter().all(|event| matches!(
                    event,
                    ResponseEvent::Message(_) | ResponseEvent::Load(_)
                ))
            );
        }
    }
}

/// A half that stops within a frame has no events for what is missing.
fn is_cut(entry: &Value) -> bool {
    text(entry, "name").contains("stops within")
}

fn check_stream<R: Reader>(
    entry: &Value,
    bytes: &[u8],
    make: impl Fn() -> R,
    describe: impl Fn(R::Event) -> Map<String, Value>,
) {
    let name = text(entry, "name");
    for sizes in [&[][..], &[1], &[2, 3], &[7, 1, 300]] {
        let (events, outcome) = read(make(), bytes, sizes);
        let events: Vec<Value> = events
            .into_iter()
            .map(|e| Value::Object(describe(e)))
            .collect();
        assert_eq!(
            Value::Array(events),
            entry["events"],
            "{name} in chunks of {sizes:?}"
        );
        let expected = match text(entry, "outcome") {
            "complete" => None,
            "incomplete" | "open" => Some("truncated"),
            error => Some(error),
        };
        assert_eq!(
            outcome.as_ref().err().map(error_name),
            expected,
            "{name} in {sizes:?}"
        );
    }
}

fn decode_frame(bytes: Vec<u8>) -> Result<Map<String, Value>, WireError> {
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

fn describe_header(header: &Header) -> Map<String, Value> {
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

fn describe_message(body: &[u8]) -> Map<String, Value> {
    object(json!({"frame": "message", "body": to_hex(body)}))
}

fn describe_status(status: &Status, origin: Origin) -> Map<String, Value> {
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

fn describe_settings(settings: &Settings) -> Map<String, Value> {
    object(json!({
        "frame": "settings",
        "message_bytes_max": number(settings.message_bytes_max),
        "header_bytes_max": number(settings.header_bytes_max),
        "concurrent_calls_max": number(settings.concurrent_calls_max),
        "keep_alive": number(settings.keep_alive.map_or(0, us)),
        "stream_kinds": number(settings.stream_kinds),
    }))
}

fn describe_goaway(goaway: &GoAway) -> Map<String, Value> {
    object(json!({
        "frame": "goaway",
        "grace": number(us(goaway.grace) / 1000),
        "retry_after": number(us(goaway.retry_after) / 1000),
        "message": goaway.message,
    }))
}

fn describe_cancel(cancel: Cancel) -> Map<String, Value> {
    object(json!({
        "frame": "cancel",
        "call_id": number(cancel.call_id.get()),
        "code": cancel.code.to_wire(),
    }))
}

fn describe_hello(hello: &Hello) -> Map<String, Value> {
    object(json!({
        "frame": "hello",
        "cluster": hello.cluster.as_str(),
        "node": hello.node.as_str(),
        "link": hello.is_link,
    }))
}

fn describe_gossip(body: &[u8]) -> Map<String, Value> {
    object(json!({"frame": "gossip", "body": to_hex(body)}))
}

fn describe_beat(beat: Beat) -> Map<String, Value> {
    let (kind, nonce) = match beat {
        Beat::Question { nonce } => ("question", nonce),
        Beat::Answer { nonce } => ("answer", nonce),
    };
    object(json!({"frame": "beat", "kind": kind, "nonce": number(nonce)}))
}

fn describe_load(load: Load) -> Map<String, Value> {
    object(json!({
        "frame": "load",
        "utilization": load.utilization,
        "running": number(load.running),
    }))
}

fn encode_frame(out: &mut BytesMut, fields: &Value) {
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

fn header(fields: &Value) -> Header {
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

fn settings(fields: &Value) -> Settings {
    let keep_alive = integer(fields, "keep_alive");
    Settings {
        message_bytes_max: integer(fields, "message_bytes_max"),
        header_bytes_max: integer(fields, "header_bytes_max"),
        concurrent_calls_max: integer(fields, "concurrent_calls_max"),
        keep_alive: (keep_alive > 0).then(|| Duration::from_micros(keep_alive)),
        stream_kinds: integer(fields, "stream_kinds"),
    }
}

fn call_id(fields: &Value) -> CallId {
    CallId::new(integer(fields, "call_id")).expect("the id is in range")
}

fn call_kind(fields: &Value, key: &str) -> CallKind {
    (0..4)
        .filter_map(CallKind::from_byte)
        .find(|kind| kind.to_string().replace(' ', "-") == text(fields, key))
        .expect("a call kind")
}

fn error_name(error: &WireError) -> &'static str {
    match error {
        WireError::VarintNotShortest => "varint-not-shortest",
        WireError::UnknownFrame { .. } => "unknown-frame",
        WireError::UnexpectedFrame { .. } => "unexpected-frame",
        WireError::UnexpectedEnd => "unexpected-end",
        WireError::MessageMissing => "message-missing",
        WireError::Truncated => "truncated",
        WireError::TrailingBytes => "trailing-bytes",
        WireError::MessageTooLarge { .. } => "message-too-large",
        WireError::HeaderTooLarge { .. } => "header-too-large",
        WireError::FrameTooLarge { .. } => "frame-too-large",
        WireError::BodyTooShort { .. } => "body-too-short",
        WireError::UnknownCallKind { .. } => "unknown-call-kind",
        WireError::Method(_) => "method",
        WireError::Metadata(_) => "metadata",
        WireError::TextNotUtf8 { .. } => "text-not-utf8",
        WireError::FieldTooLong { .. } => "field-too-long",
        WireError::DuplicateSetting { .. } => "duplicate-setting",
        WireError::TooManySettings => "too-many-settings",
        WireError::Name(_) => "name",
        WireError::UnknownBeat { .. } => "unknown-beat",
        _ => "an error that the specification does not name",
    }
}

fn entries(array: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    vectors[array]
        .as_array()
        .expect("an array of entries")
        .clone()
}

fn fields(entry: &Value) -> Value {
    let mut fields = entry.as_object().expect("an entry is an object").clone();
    fields.retain(|key, _| !matches!(key.as_str(), "name" | "hex" | "canonical"));
    Value::Object(fields)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is text in {value}"))
}

fn integer(value: &Value, key: &str) -> u64 {
    let value = &value[key];
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .expect("an integer")
}

/// As the specification writes integers: beyond 2^53 as a string.
fn number(value: u64) -> Value {
    if value <= 1 << 53 {
        json!(value)
    } else {
        json!(value.to_string())
    }
}

fn us(duration: Duration) -> u64 {
    duration
        .as_micros()
        .try_into()
        .expect("what came off the wire fits")
}

fn hex(entry: &Value) -> Vec<u8> {
    from_hex(text(entry, "hex"))
}

fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
