//! What a newer version may add, this one goes on without.

use bytes::{BufMut, BytesMut};
use rpcnet_proto::swim::NodeName;
use rpcnet_proto::wire::{
    ControlEvent, ControlReader, FrameLimits, GossipEvent, GossipReader, Header, Hello,
    RequestEvent, RequestReader, Settings, encode, varint,
};
use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};
use std::time::Duration;

fn header() -> Header {
    Header {
        call_id: CallId::new(1).expect("the id is in range"),
        kind: CallKind::Unary,
        codec: CodecId::RAW,
        idempotent: false,
        timeout: Duration::from_secs(1),
        method: Method::new("a.b").expect("the name is legal"),
        trace: None,
        metadata: Metadata::new(),
        schema: None,
        load_report: false,
    }
}

fn frame(out: &mut BytesMut, byte: u8, body: &[u8]) {
    varint::encode(body.len() as u64 + 1, out);
    out.put_u8(byte);
    out.put_slice(body);
}

/// W-10, W-14, W-18, W-55.
#[test]
fn a_call_with_new_frames_flags_and_fields_reads_as_before() {
    let mut plain = BytesMut::new();
    encode::header(&mut plain, &header());
    let mut body = plain[2..].to_vec();
    body[3] |= 0b1111_0000;
    body.extend_from_slice(b"a new field");

    let mut out = BytesMut::new();
    for byte in 0x41..=0xff {
        frame(&mut out, byte, b"a new frame");
    }
    frame(&mut out, 0x01, &body);
    frame(&mut out, 0xff, &[]);
    encode::message(&mut out, b"hi");
    frame(&mut out, 0x41, &[0; 1000]);
    encode::end(&mut out);

    let mut reader = RequestReader::new(FrameLimits::default());
    reader.push(out.freeze());
    assert_eq!(
        reader.next_event(),
        Ok(Some(RequestEvent::Header(header())))
    );
    assert_eq!(
        reader.next_event(),
        Ok(Some(RequestEvent::Message("hi".into())))
    );
    assert_eq!(reader.next_event(), Ok(Some(RequestEvent::End)));
    assert_eq!(reader.next_event(), Ok(None));
    assert_eq!(reader.finish(), Ok(()));
}

/// W-10, W-14, W-18, W-55, W-60.
#[test]
fn a_gossip_stream_with_new_frames_flags_and_fields_reads_as_before() {
    let name = |name| NodeName::new(name).expect("the name is legal");
    let hello = Hello {
        cluster: name("c"),
        node: name("n"),
        is_link: true,
    };
    let mut out = BytesMut::new();
    encode::hello(&mut out, &hello);
    let mut body = out.split().split_off(2);
    *body.last_mut().expect("there are flags") |= 0b1111_1110;
    body.extend_from_slice(b"a new field");
    frame(&mut out, 0x41, b"a new frame");
    frame(&mut out, 0x20, &body);
    frame(&mut out, 0xff, &[0; 1000]);
    encode::gossip_prefix(&mut out, 2);
    out.put_slice(b"hi");

    let mut reader = GossipReader::new();
    reader.push(out.freeze());
    assert_eq!(reader.next_event(), Ok(Some(GossipEvent::Hello(hello))));
    let message = GossipEvent::Message("hi".into());
    assert_eq!(reader.next_event(), Ok(Some(message)));
    assert_eq!((reader.next_event(), reader.finish()), (Ok(None), Ok(())));
}

/// W-45, W-55.
#[test]
fn a_new_setting_changes_no_old_one() {
    let mut body = BytesMut::new();
    for (id, value) in [(6, 1), (2, 77), (varint::MAX, varint::MAX)] {
        varint::encode(id, &mut body);
        varint::encode(value, &mut body);
    }
    let mut out = BytesMut::new();
    frame(&mut out, 0x10, &body);
    let mut reader = ControlReader::new();
    reader.push(out.freeze());
    let expected = Settings {
        header_bytes_max: 77,
        ..Settings::default()
    };
    assert_eq!(
        reader.next_event(),
        Ok(Some(ControlEvent::Settings(expected)))
    );
}
