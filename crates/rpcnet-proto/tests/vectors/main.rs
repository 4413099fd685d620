//! Checks every entry of `docs/spec/vectors.json`, in both directions.

use bytes::BytesMut;
use rpcnet_proto::wire::{
    BatchRequestEvent, BatchRequestReader, BatchResponseEvent, BatchResponseReader, ControlEvent,
    ControlReader, FrameLimits, GossipEvent, GossipReader, RequestEvent, RequestReader,
    ResponseEvent, ResponseReader, StreamKind, WireError, encode, varint,
};
use serde_json::{Map, Value, json};

mod entry;
mod frames;
#[path = "../fuzz_bodies/mod.rs"]
mod fuzz_bodies;

use entry::{call_kind, entries, error_name, fields, hex, integer, object, text};
use frames::{
    decode_frame, describe_beat, describe_cancel, describe_goaway, describe_gossip,
    describe_header, describe_hello, describe_load, describe_message, describe_settings,
    describe_status, encode_frame,
};
use fuzz_bodies::{Reader, read};

const SPEC: &str = include_str!("../../../../docs/spec/wire.md");
const VECTORS: &str = include_str!("../../../../docs/spec/vectors.json");

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

/// W-72 to W-74.
#[test]
fn batch_requests_read_as_specified() {
    for entry in entries("batch_requests") {
        let bytes = hex(&entry);
        assert_eq!(bytes.first(), Some(&StreamKind::Batch.to_byte()));
        check_stream(
            &entry,
            &bytes[1..],
            || BatchRequestReader::new(FrameLimits::default()),
            |event| match event {
                BatchRequestEvent::Header(Ok(header)) => describe_header(&header),
                BatchRequestEvent::Header(Err(_)) => {
                    object(json!({"frame": "header", "error": "method"}))
                }
                BatchRequestEvent::Message(body) => describe_message(&body),
                BatchRequestEvent::End => object(json!({"frame": "end"})),
            },
        );
    }
}

/// W-75, W-76.
#[test]
fn batch_responses_read_as_specified() {
    for mut entry in entries("batch_responses") {
        let calls = integer(&entry, "calls") as usize;
        // What is delivered at once is one event here.
        let mut events: Vec<Vec<Value>> = Vec::new();
        for frame in entry["events"].as_array().expect("events are an array") {
            match frame["frame"].as_str() {
                Some("answer" | "end") => events.push(vec![frame.clone()]),
                _ => events.last_mut().expect("an answer").push(frame.clone()),
            }
        }
        let merge = |frames: Vec<Value>| object(json!({ "frames": frames })).into();
        entry["events"] = Value::Array(events.into_iter().map(merge).collect());
        check_stream(
            &entry,
            &hex(&entry),
            || BatchResponseReader::new(FrameLimits::default(), calls),
            |event| {
                let frames = match event {
                    BatchResponseEvent::End => vec![object(json!({"frame": "end"}))],
                    BatchResponseEvent::Answer(answer) => {
                        let number = object(json!({"frame": "answer", "index": answer.index}));
                        let result = match answer.result {
                            Ok(body) => describe_message(&body),
                            Err((status, origin)) => describe_status(&status, origin),
                        };
                        let load = answer.load.map(describe_load);
                        [Some(number), load, Some(result)]
                            .into_iter()
                            .flatten()
                            .collect()
                    }
                };
                object(json!({ "frames": frames }))
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
        ("batch_requests", Some(StreamKind::Batch)),
        ("batch_responses", None),
    ] {
        for entry in entries(array) {
            let is_whole = matches!(text(&entry, "outcome"), "complete" | "open");
            let is_broken = text(&entry, "name").contains("no name");
            if !is_whole || is_broken || text(&entry, "name").contains("to skip") || is_cut(&entry)
            {
                continue;
            }
            let mut out = BytesMut::new();
            if let Some(kind) = kind {
                encode::stream_kind(&mut out, kind);
            }
            for event in entry["events"].as_array().expect("events are an array") {
                encode_frame(&mut out, event);
                if event["frame"] == "status" && array != "batch_responses" {
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
