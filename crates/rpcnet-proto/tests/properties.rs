//! What holds for every value and for every way to cut the bytes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::{
    Answer, BatchRequestEvent, BatchRequestReader, BatchResponseEvent, BatchResponseReader, Beat,
    Cancel, ControlEvent, ControlReader, ErrorCode, FrameLimits, GoAway, GossipEvent, GossipReader,
    Header, Hello, Load, RequestEvent, RequestReader, ResponseEvent, ResponseReader, Settings,
    encode, varint,
};
use rpcnet_proto::{
    CallId, CallKind, Code, CodecId, Metadata, Method, Origin, Status, TraceContext,
};

mod fuzz_bodies;

use fuzz_bodies::{WholeFirst, read};

const LIMITS: FrameLimits = FrameLimits {
    message_bytes_max: 1 << 20,
    header_bytes_max: 512 * 1024,
};

proptest! {
    #[test]
    fn varints_round_trip_in_their_shortest_form(value in any_varint(), tail in vec(any::<u8>(), 0..4)) {
        let mut out = BytesMut::new();
        varint::encode(value, &mut out);
        let len = out.len();
        prop_assert_eq!(len, varint::encoded_len(value));
        out.extend_from_slice(&tail);
        prop_assert_eq!(varint::decode(&out), Ok(Some((value, len))));
    }

    #[test]
    fn requests_round_trip_however_they_are_cut(
        header in any_header(),
        mut messages in vec(any_body(), 1..6),
        sizes in vec(1_usize..600, 1..5),
    ) {
        if !header.kind.streams_requests() {
            messages.truncate(1);
        }
        let mut out = BytesMut::new();
        encode::header(&mut out, &header);
        for message in &messages {
            encode::message_prefix(&mut out, message.len());
            out.extend_from_slice(message);
        }
        encode::end(&mut out);
        let mut expected = vec![RequestEvent::Header(header)];
        expected.extend(messages.into_iter().map(RequestEvent::Message));
        expected.push(RequestEvent::End);
        for (events, outcome) in [
            read(RequestReader::new(LIMITS), &out, &sizes),
            read(WholeFirst(RequestReader::new(LIMITS)), &out, &sizes),
        ] {
            prop_assert_eq!(&events, &expected);
            prop_assert_eq!(outcome, Ok(()));
        }
    }

    #[test]
    fn responses_round_trip_however_they_are_cut(
        kind in any_kind(),
        mut messages in vec(any_body(), 1..6),
        load in proptest::option::of(any_load()),
        failure in proptest::option::of((any_status(), any_origin())),
        sizes in vec(1_usize..600, 1..5),
    ) {
        if !kind.streams_responses() {
            messages.truncate(usize::from(failure.is_none()));
        }
        let mut out = BytesMut::new();
        for message in &messages {
            encode::message(&mut out, message);
        }
        let mut expected: Vec<_> = messages.into_iter().map(ResponseEvent::Message).collect();
        if let Some(load) = load {
            encode::load(&mut out, load);
            expected.push(ResponseEvent::Load(load));
        }
        if let Some((status, origin)) = failure {
            encode::status(&mut out, &status, origin);
            expected.push(ResponseEvent::Failed(status, origin));
        } else {
            expected.push(ResponseEvent::End);
        }
        encode::end(&mut out);
        for (events, outcome) in [
            read(ResponseReader::new(LIMITS, kind), &out, &sizes),
            read(WholeFirst(ResponseReader::new(LIMITS, kind)), &out, &sizes),
        ] {
            prop_assert_eq!(&events, &expected);
            prop_assert_eq!(outcome, Ok(()));
        }
    }

    #[test]
    fn batches_round_trip_however_they_are_cut(
        headers in vec(any_header(), 1..6),
        message in any_body(),
        sizes in vec(1_usize..600, 1..5),
    ) {
        let mut out = BytesMut::new();
        let mut expected = Vec::new();
        for mut header in headers {
            header.kind = CallKind::Unary;
            encode::header(&mut out, &header);
            encode::message(&mut out, &message);
            expected.push(BatchRequestEvent::Header(Ok(header)));
            expected.push(BatchRequestEvent::Message(message.clone()));
        }
        encode::end(&mut out);
        expected.push(BatchRequestEvent::End);
        let (events, outcome) = read(BatchRequestReader::new(LIMITS), &out, &sizes);
        prop_assert_eq!(events, expected);
        prop_assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn answers_round_trip_however_they_are_cut(
        results in vec(
            (proptest::option::of(any_load()), prop_oneof![
                any_body().prop_map(Ok),
                (any_status(), any_origin()).prop_map(Err),
            ]),
            1..6,
        ),
        is_reversed in any::<bool>(),
        sizes in vec(1_usize..600, 1..5),
    ) {
        let calls = results.len();
        let answers = results.into_iter().enumerate();
        let answers = answers.map(|(index, (load, result))| Answer { index, load, result });
        let mut answers: Vec<_> = answers.collect();
        if is_reversed {
            answers.reverse();
        }
        let mut out = BytesMut::new();
        for answer in &answers {
            encode::answer(&mut out, answer.index);
            if let Some(load) = answer.load {
                encode::load(&mut out, load);
            }
            match &answer.result {
                Ok(body) => encode::message(&mut out, body),
                Err((status, origin)) => encode::status(&mut out, status, *origin),
            }
        }
        encode::end(&mut out);
        let mut expected: Vec<_> = answers.into_iter().map(BatchResponseEvent::Answer).collect();
        expected.push(BatchResponseEvent::End);
        let (events, outcome) = read(BatchResponseReader::new(LIMITS, calls), &out, &sizes);
        prop_assert_eq!(events, expected);
        prop_assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn control_streams_round_trip_however_they_are_cut(
        settings in any_settings(),
        others in vec(any_control(), 0..6),
        sizes in vec(1_usize..40, 1..5),
    ) {
        let mut out = BytesMut::new();
        encode::settings(&mut out, &settings);
        for other in &others {
            match other {
                ControlEvent::GoAway(goaway) => encode::goaway(&mut out, goaway),
                ControlEvent::Cancel(cancel) => encode::cancel(&mut out, cancel),
                ControlEvent::Settings(_) => unreachable!("SETTINGS come once"),
            }
        }
        let mut expected = vec![ControlEvent::Settings(settings)];
        expected.extend(others);
        let (events, _) = read(ControlReader::new(), &out, &sizes);
        prop_assert_eq!(events, expected);
    }

    /// W-60, W-63, W-64.
    #[test]
    fn gossip_streams_round_trip_however_they_are_cut(
        hello in any_hello(),
        others in vec(any_gossip(), 0..6),
        sizes in vec(1_usize..600, 1..5),
    ) {
        let mut out = BytesMut::new();
        let mut expected = Vec::new();
        let is_link = hello.is_link;
        for event in std::iter::once(GossipEvent::Hello(hello)).chain(others) {
            if !is_link && matches!(event, GossipEvent::Beat(_)) {
                continue;
            }
            encode_gossip(&mut out, &event);
            expected.push(event);
        }
        let (events, outcome) = read(GossipReader::new(), &out, &sizes);
        prop_assert_eq!(events, expected);
        prop_assert_eq!(outcome, Ok(()));
    }

    /// W-65: what is whole before the cut is read, what the cut has hit is not.
    #[test]
    fn a_gossip_stream_cut_anywhere_loses_only_what_was_cut(
        hello in any_hello(),
        messages in vec(any_body(), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut out = BytesMut::new();
        let mut ends = Vec::new();
        for event in std::iter::once(GossipEvent::Hello(hello))
            .chain(messages.into_iter().map(GossipEvent::Message))
        {
            encode_gossip(&mut out, &event);
            ends.push(out.len());
        }
        let cut = cut.index(out.len());
        let (events, outcome) = read(GossipReader::new(), &out[..cut], &[]);
        prop_assert_eq!(events.len(), ends.iter().filter(|end| **end <= cut).count());
        prop_assert_eq!(outcome.is_ok(), ends.contains(&cut));
    }

    /// W-8.
    #[test]
    fn a_request_cut_anywhere_has_no_end(
        header in any_header(),
        message in any_body(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut out = BytesMut::new();
        encode::header(&mut out, &header);
        encode::message(&mut out, &message);
        encode::end(&mut out);
        let cut = cut.index(out.len());
        let (events, outcome) = read(RequestReader::new(LIMITS), &out[..cut], &[]);
        prop_assert!(!events.contains(&RequestEvent::End));
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn a_header_says_how_long_it_will_be(header in any_header()) {
        let mut out = BytesMut::new();
        encode::header(&mut out, &header);
        let body_len = header.borrowed().body_len();
        prop_assert_eq!(out.len(), varint::encoded_len(body_len as u64 + 1) + 1 + body_len);
        let body = out.freeze().split_off(varint::encoded_len(body_len as u64 + 1) + 1);
        for cut in [body_len / 3, body_len / 2, body_len - 1] {
            prop_assert!(Header::decode(body.slice(..cut)).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_are_an_event_or_an_error(bytes in vec(any::<u8>(), 0..400)) {
        for (_, check) in fuzz_bodies::TARGETS {
            check(&bytes);
        }
    }

    /// Bytes of which most are legal reach further than arbitrary ones.
    #[test]
    fn damaged_requests_are_an_event_or_an_error(
        header in any_header(),
        message in vec(any::<u8>(), 0..100),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut out = BytesMut::from(&[7][..]);
        encode::header(&mut out, &header);
        encode::message(&mut out, &message);
        encode::end(&mut out);
        for (at, byte) in damage {
            let at = at.index(out.len());
            out[at] = byte;
        }
        fuzz_bodies::check_request_stream(&out);
        fuzz_bodies::check_frame(&out);
    }

    #[test]
    fn metadata_keeps_order_and_keys_apart(
        entries in vec(("[a-z0-9_.-]{1,3}", vec(any::<u8>(), 0..8)), 0..64),
    ) {
        let mut metadata = Metadata::new();
        let mut model: Vec<(String, Vec<u8>)> = Vec::new();
        for (key, value) in entries {
            metadata.insert(&key, value.clone()).expect("the entry is legal");
            match model.iter_mut().find(|(k, _)| *k == key) {
                Some((_, old)) => *old = value,
                None => model.push((key, value)),
            }
        }
        let found: Vec<(String, Vec<u8>)> =
            metadata.iter().map(|(key, value)| (key.to_owned(), value.to_vec())).collect();
        prop_assert_eq!(found, model);
    }
}

fn any_varint() -> impl Strategy<Value = u64> {
    // Every length as often as the others, and the ends of each more often.
    prop_oneof![
        0_u64..70,
        16_300_u64..16_500,
        1_073_741_800_u64..1_073_741_900,
        varint::MAX - 50..=varint::MAX,
        0..=varint::MAX,
    ]
}

fn any_kind() -> impl Strategy<Value = CallKind> {
    (0_u8..4).prop_map(|byte| CallKind::from_byte(byte).expect("four kinds exist"))
}

fn any_body() -> impl Strategy<Value = Bytes> {
    prop_oneof![Just(0), 1_usize..80, 200_usize..300, 4000_usize..5000]
        .prop_flat_map(|len| any::<u8>().prop_map(move |byte| Bytes::from(vec![byte; len])))
}

fn any_metadata() -> impl Strategy<Value = Metadata> {
    let value = prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => Just(vec![9; 4096])];
    vec(("[a-z0-9_.-]{1,64}", value), 0..64).prop_map(|entries| {
        let mut metadata = Metadata::new();
        for (key, value) in entries {
            metadata.insert(&key, value).expect("the entry is legal");
        }
        metadata
    })
}

fn any_header() -> impl Strategy<Value = Header> {
    let trace = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>()).prop_map(
        |(trace_id, parent_id, flags)| TraceContext {
            trace_id,
            parent_id,
            flags,
        },
    );
    let call = (
        any_varint(),
        any_kind(),
        any::<u8>(),
        any::<[bool; 2]>(),
        any_varint(),
    );
    (
        call,
        "[A-Za-z0-9_./-]{1,128}",
        proptest::option::of(trace),
        any_metadata(),
        any::<Option<u64>>(),
    )
        .prop_map(
            |((call_id, kind, codec, flags, timeout), method, trace, metadata, schema)| Header {
                call_id: CallId::new(call_id).expect("a varint is in range"),
                kind,
                codec: CodecId(codec),
                idempotent: flags[0],
                timeout: Duration::from_micros(timeout),
                method: Method::new(&method).expect("the name is legal"),
                trace,
                metadata,
                schema,
                load_report: flags[1],
            },
        )
}

fn any_status() -> impl Strategy<Value = Status> {
    (
        prop::sample::select(&Code::ALL[..]),
        "\\PC{0,200}",
        vec(any::<u8>(), 0..50),
        proptest::option::of(1_u64..=60_000),
    )
        .prop_map(|(code, message, details, retry_after)| Status {
            retry_after: retry_after.map(Duration::from_millis),
            ..Status::new(code, message).with_details(details)
        })
}

fn any_load() -> impl Strategy<Value = Load> {
    (0..=Load::UTILIZATION_MAX, any_varint()).prop_map(|(utilization, running)| Load {
        utilization,
        running,
    })
}

fn any_origin() -> impl Strategy<Value = Origin> {
    (0_u8..4).prop_map(Origin::from_byte)
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (
        any_varint(),
        any_varint(),
        any_varint(),
        any_varint(),
        any_varint(),
    )
        .prop_map(
            |(
                message_bytes_max,
                header_bytes_max,
                concurrent_calls_max,
                keep_alive,
                stream_kinds,
            )| {
                Settings {
                    message_bytes_max,
                    header_bytes_max,
                    concurrent_calls_max,
                    keep_alive: (keep_alive > 0).then(|| Duration::from_micros(keep_alive)),
                    stream_kinds,
                }
            },
        )
}

fn any_hello() -> impl Strategy<Value = Hello> {
    (
        "[A-Za-z0-9._-]{1,64}",
        "[A-Za-z0-9._-]{1,64}",
        any::<bool>(),
    )
        .prop_map(|(cluster, node, is_link)| Hello {
            cluster: NodeName::new(&cluster).expect("the name is legal"),
            node: NodeName::new(&node).expect("the name is legal"),
            is_link,
        })
}

fn any_gossip() -> impl Strategy<Value = GossipEvent> {
    let beat = (any::<bool>(), any::<u64>()).prop_map(|(is_answer, nonce)| {
        GossipEvent::Beat(if is_answer {
            Beat::Answer { nonce }
        } else {
            Beat::Question { nonce }
        })
    });
    prop_oneof![any_body().prop_map(GossipEvent::Message), beat]
}

fn encode_gossip(out: &mut BytesMut, event: &GossipEvent) {
    match event {
        GossipEvent::Hello(hello) => encode::hello(out, hello),
        GossipEvent::Message(body) => {
            encode::gossip_prefix(out, body.len());
            out.extend_from_slice(body);
        }
        GossipEvent::Beat(beat) => encode::beat(out, *beat),
    }
}

fn any_control() -> impl Strategy<Value = ControlEvent> {
    let goaway = (any_varint(), any_varint(), "\\PC{0,100}").prop_map(|(grace, retry, message)| {
        ControlEvent::GoAway(GoAway {
            grace: Duration::from_millis(grace),
            retry_after: Duration::from_millis(retry),
            message,
        })
    });
    let cancel = (any_varint(), 0_u64..14).prop_map(|(id, code)| {
        ControlEvent::Cancel(Cancel {
            call_id: CallId::new(id).expect("a varint is in range"),
            code: ErrorCode::from_wire(code).expect("14 codes exist"),
        })
    });
    prop_oneof![goaway, cancel]
}
