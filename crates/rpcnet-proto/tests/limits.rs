//! Every limit of the wire, one below it, at it, and one beyond.

use bytes::{BufMut, Bytes, BytesMut};
use rpcnet_proto::wire::{
    Cancel, ErrorCode, Frame, FrameDecoder, FrameLimits, GoAway, Header, Settings, WireError,
    decode_status, encode, varint,
};
use rpcnet_proto::{Code, Metadata, Method, Origin, Status};
use std::time::Duration;

/// What a decoder says about a frame that declares `len` bytes of body, and sends them.
fn frame(limits: FrameLimits, byte: u8, len: usize) -> Result<Option<Frame>, WireError> {
    let mut out = BytesMut::new();
    varint::encode(len as u64 + 1, &mut out);
    out.put_u8(byte);
    out.put_bytes(0, len);
    let mut decoder = FrameDecoder::new(limits);
    decoder.push(out.freeze());
    decoder.next_frame()
}

/// W-9.
#[test]
fn messages_and_headers_are_as_long_as_the_limits_say() {
    for limit in [0, 1, 62, 63, 64, 5000] {
        let limits = FrameLimits {
            message_bytes_max: limit,
            header_bytes_max: limit,
        };
        let body = Bytes::from(vec![0; limit]);
        assert_eq!(
            frame(limits, 0x02, limit),
            Ok(Some(Frame::Message(body.clone())))
        );
        assert_eq!(frame(limits, 0x01, limit), Ok(Some(Frame::Header(body))));
        if let Some(below) = limit.checked_sub(1) {
            assert!(matches!(
                frame(limits, 0x02, below),
                Ok(Some(Frame::Message(_)))
            ));
            assert!(matches!(
                frame(limits, 0x01, below),
                Ok(Some(Frame::Header(_)))
            ));
        }
        let (len, limit) = (limit as u64 + 1, limit as u64);
        let error = WireError::MessageTooLarge { len, limit };
        assert_eq!(frame(limits, 0x02, len as usize), Err(error.clone()));
        assert_eq!(error.error_code(), ErrorCode::LimitExceeded);
        assert!(
            error
                .to_string()
                .contains("RpcConfig::with_max_message_bytes")
        );
        let error = WireError::HeaderTooLarge { len, limit };
        assert_eq!(frame(limits, 0x01, len as usize), Err(error.clone()));
        assert!(
            error
                .to_string()
                .contains("RpcConfig::with_max_header_bytes")
        );
    }
}

/// W-9.
#[test]
fn other_frames_are_as_long_as_the_protocol_says() {
    for (byte, limit) in [
        (0x03, FrameLimits::STATUS_BYTES_MAX),
        (0x04, FrameLimits::ANSWER_BYTES_MAX),
        (0x10, FrameLimits::CONTROL_BYTES_MAX),
        (0x11, FrameLimits::CONTROL_BYTES_MAX),
        (0x12, FrameLimits::CONTROL_BYTES_MAX),
        (0x20, FrameLimits::HELLO_BYTES_MAX),
        (0x21, FrameLimits::GOSSIP_BYTES_MAX),
        (0x22, FrameLimits::BEAT_BYTES_MAX),
        (0x40, FrameLimits::LOAD_BYTES_MAX),
        (0x41, FrameLimits::IGNORABLE_BYTES_MAX),
        (0xff, FrameLimits::IGNORABLE_BYTES_MAX),
    ] {
        let limits = FrameLimits::default();
        let is_skipped = byte > 0x40;
        for len in [limit - 1, limit] {
            let found = frame(limits, byte, len).map(|frame| frame.is_none());
            assert_eq!(found, Ok(is_skipped), "type {byte:#x}, {len} bytes");
        }
        let (len, limit) = (limit as u64 + 1, limit as u64);
        let error = WireError::FrameTooLarge { byte, len, limit };
        assert_eq!(frame(limits, byte, len as usize), Err(error));
    }
}

/// W-9: the prefix decides, whatever the number, and before the body arrives.
#[test]
fn a_length_is_refused_on_the_prefix_alone() {
    for length in [
        4 * 1024 * 1024 + 2,
        1 << 32,
        (1 << 32) + 5,
        1 << 61,
        varint::MAX,
    ] {
        let mut out = BytesMut::new();
        varint::encode(length, &mut out);
        out.put_u8(0x02);
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        decoder.push(out.freeze());
        let error = WireError::MessageTooLarge {
            len: length - 1,
            limit: 4 * 1024 * 1024,
        };
        assert_eq!(decoder.next_frame(), Err(error.clone()));
        decoder.push(Bytes::from_static(b"more"));
        assert_eq!((decoder.buffered(), decoder.pending_message()), (0, None));
        assert_eq!(decoder.finish(), Err(error));
    }
}

#[test]
fn the_length_of_a_message_on_its_way_is_known_for_a_budget() {
    let mut decoder = FrameDecoder::new(FrameLimits::default());
    let mut out = BytesMut::new();
    encode::message(&mut out, &[7; 1000]);
    let bytes = out.freeze();
    decoder.push(bytes.slice(..2));
    assert_eq!(
        (decoder.next_frame(), decoder.pending_message()),
        (Ok(None), None)
    );
    decoder.push(bytes.slice(2..500));
    assert_eq!(
        (decoder.next_frame(), decoder.pending_message()),
        (Ok(None), Some(1000))
    );
    assert_eq!(decoder.buffered(), 497);
    decoder.push(bytes.slice(500..));
    assert!(matches!(decoder.next_frame(), Ok(Some(Frame::Message(body))) if body.len() == 1000));
    assert_eq!((decoder.pending_message(), decoder.buffered()), (None, 0));
}

fn status_on_the_wire(status: &Status) -> Result<(Status, Origin), WireError> {
    let mut out = BytesMut::new();
    encode::status(&mut out, status, Origin::Handler);
    let mut decoder = FrameDecoder::new(FrameLimits::default());
    decoder.push(out.freeze());
    match decoder.next_frame()? {
        Some(Frame::Status(body)) => decode_status(body),
        other => panic!("a status was written, not {other:?}"),
    }
}

/// W-29.
#[test]
fn a_long_status_message_is_cut_at_a_character_and_long_details_are_left_out() {
    for len in [1023, 1024] {
        let status = Status::new(Code::Aborted, "m".repeat(len));
        assert_eq!(status_on_the_wire(&status), Ok((status, Origin::Handler)));
    }
    let cut = status_on_the_wire(&Status::new(Code::Aborted, "m".repeat(1025)));
    assert_eq!(cut.map(|(status, _)| status.message.len()), Ok(1024));
    let two_byte_characters = format!("x{}", "\u{e9}".repeat(1000));
    let cut = status_on_the_wire(&Status::new(Code::Aborted, two_byte_characters));
    assert_eq!(cut.map(|(status, _)| status.message.len()), Ok(1023));

    for (len, kept) in [(8191, 8191), (8192, 8192), (8193, 0)] {
        let status = Status::new(Code::Aborted, "why").with_details(vec![1; len]);
        let (read, _) = status_on_the_wire(&status).expect("what is written can be read");
        assert_eq!((read.details.len(), read.message.as_str()), (kept, "why"));
    }
}

/// W-71.
#[test]
fn a_time_to_wait_is_whole_milliseconds_up_to_a_minute() {
    let ms = |ms| Some(Duration::from_millis(ms));
    for (said, read) in [
        (None, None),
        (Some(Duration::ZERO), None),
        (Some(Duration::from_nanos(1)), ms(1)),
        (ms(1), ms(1)),
        (Some(Duration::from_micros(1001)), ms(2)),
        (ms(59_999), ms(59_999)),
        (ms(60_000), ms(60_000)),
        (ms(60_001), ms(60_000)),
        (Some(Duration::MAX), ms(60_000)),
    ] {
        let status = Status {
            retry_after: said,
            ..Status::new(Code::ResourceExhausted, "busy")
        };
        let (status, _) = status_on_the_wire(&status).expect("what is written can be read");
        assert_eq!(status.retry_after, read, "{said:?}");
    }
    let received = |retry_after: u64| {
        let mut body = BytesMut::from(&[8, 0, 0, 0][..]);
        varint::encode(retry_after, &mut body);
        decode_status(body.freeze()).map(|(status, _)| status.retry_after)
    };
    for (sent, read) in [
        (0, None),
        (59_999, ms(59_999)),
        (60_000, ms(60_000)),
        (60_001, ms(60_000)),
        (varint::MAX, ms(60_000)),
    ] {
        assert_eq!(received(sent), Ok(read), "{sent}");
    }
}

/// W-29.
#[test]
fn a_received_status_beyond_the_limits_is_an_error() {
    let body = |message: usize, details: usize| {
        let mut out = BytesMut::new();
        out.put_slice(&[5, 2]);
        varint::encode(message as u64, &mut out);
        out.put_bytes(b'm', message);
        varint::encode(details as u64, &mut out);
        out.put_bytes(b'd', details);
        out.freeze()
    };
    assert!(decode_status(body(1024, 8192)).is_ok());
    for (message, details) in [(1025, 0), (0, 8193)] {
        let error = decode_status(body(message, details)).expect_err("one field is too long");
        assert!(matches!(error, WireError::FieldTooLong { .. }));
        assert_eq!(error.error_code(), ErrorCode::LimitExceeded);
    }
}

#[test]
fn a_long_goaway_message_is_cut() {
    for (len, kept) in [(1023, 1023), (1024, 1024), (1025, 1024)] {
        let goaway = GoAway {
            grace: Duration::MAX,
            retry_after: Duration::from_micros(1999),
            message: "g".repeat(len),
        };
        let mut out = BytesMut::new();
        encode::goaway(&mut out, &goaway);
        let body = out.freeze().slice(3..);
        let read = GoAway::decode(body).expect("what is written can be read");
        assert_eq!(read.message.len(), kept);
        assert_eq!(read.grace, Duration::from_millis(varint::MAX));
        assert_eq!(read.retry_after, Duration::from_millis(1));
    }
}

/// W-46.
#[test]
fn settings_hold_64_pairs() {
    for (pairs, expected) in [
        (63, Ok(())),
        (64, Ok(())),
        (65, Err(WireError::TooManySettings)),
    ] {
        let mut body = BytesMut::new();
        for id in 0..pairs {
            varint::encode(1000 + id, &mut body);
            varint::encode(0, &mut body);
        }
        assert_eq!(
            Settings::decode(body.freeze()).map(|_| ()),
            expected,
            "{pairs} pairs"
        );
    }
}

/// W-19.
#[test]
fn timeouts_and_intervals_saturate_and_round_as_documented() {
    let mut header = Header {
        call_id: rpcnet_proto::CallId::MAX,
        kind: rpcnet_proto::CallKind::Unary,
        codec: rpcnet_proto::CodecId::RAW,
        idempotent: true,
        timeout: Duration::ZERO,
        method: Method::new("m").expect("the name is legal"),
        trace: None,
        metadata: Metadata::new(),
        schema: None,
        load_report: false,
    };
    for (timeout, read) in [
        (Duration::ZERO, Duration::ZERO),
        (Duration::from_nanos(999), Duration::ZERO),
        (Duration::from_nanos(1999), Duration::from_micros(1)),
        (Duration::MAX, Duration::from_micros(varint::MAX)),
    ] {
        header.timeout = timeout;
        let mut out = BytesMut::new();
        encode::header(&mut out, &header);
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        decoder.push(out.freeze());
        let Ok(Some(Frame::Header(body))) = decoder.next_frame() else {
            panic!("no header")
        };
        assert_eq!(Header::decode(body).map(|header| header.timeout), Ok(read));
    }
    for (interval, read) in [
        (None, None),
        (Some(Duration::ZERO), None),
        (
            Some(Duration::from_nanos(1)),
            Some(Duration::from_micros(1)),
        ),
        (
            Some(Duration::MAX),
            Some(Duration::from_micros(varint::MAX)),
        ),
    ] {
        let settings = Settings {
            keep_alive: interval,
            ..Settings::default()
        };
        let mut out = BytesMut::new();
        encode::settings(&mut out, &settings);
        let body = out.freeze().slice(2..);
        assert_eq!(
            Settings::decode(body).map(|settings| settings.keep_alive),
            Ok(read)
        );
    }
}

/// W-50.
#[test]
fn an_unknown_reason_to_cancel_cancels_all_the_same() {
    let cancel = Cancel::decode(Bytes::from_static(&[9, 40, 0xff]));
    assert_eq!(cancel.map(|cancel| cancel.code), Ok(ErrorCode::Cancelled));
}

/// W-7.
#[test]
fn bytes_after_the_end_marker_are_found_by_whoever_looks_first() {
    let ended = || {
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        decoder.push(Bytes::from_static(&[0, 0]));
        assert_eq!(decoder.next_frame(), Ok(Some(Frame::End)));
        decoder
    };
    assert_eq!(ended().finish(), Err(WireError::TrailingBytes));
    assert_eq!(ended().next_frame(), Err(WireError::TrailingBytes));
}
