//! What damaged and hostile bytes make a reader hold, measured at the allocator.
//!
//! One test, because the allocator counts for the whole process.

use bytes::{Bytes, BytesMut};
use peak_alloc::PeakAlloc;
use rpcnet_proto::CallKind;
use rpcnet_proto::swim::{Message, NodeName};
use rpcnet_proto::wire::{
    BatchRequestReader, BatchResponseReader, Beat, Cancel, ControlReader, Frame, FrameDecoder,
    FrameLimits, GoAway, GossipEvent, GossipReader, Header, Hello, Load, RequestReader,
    ResponseReader, Settings, decode_status, encode,
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const VECTORS: &str = include_str!("../../../docs/spec/vectors.json");

/// What every single damage of every vector may allocate beyond its own bytes, at most.
const DAMAGE_BYTES_MAX: usize = 64 * 1024;

#[test]
fn nothing_that_a_peer_sends_makes_a_reader_hold_more_than_arrived() {
    claims_cost_nothing();
    small_chunks_cost_little();
    every_damage_of_every_vector_is_bounded();
}

/// W-9: a length that is within the limit, but of which nothing arrives.
fn claims_cost_nothing() {
    let mut out = BytesMut::new();
    encode::message_prefix(&mut out, 4 * 1024 * 1024);
    let prefix = out.freeze();
    let held = peak_of(|| {
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        decoder.push(prefix.clone());
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.pending_message(), Some(4 * 1024 * 1024));
    });
    let mut out = BytesMut::new();
    encode::hello(&mut out, &hello());
    encode::gossip_prefix(&mut out, FrameLimits::GOSSIP_BYTES_MAX);
    let bytes = out.freeze();
    let gossip = peak_of(|| {
        let mut reader = GossipReader::new();
        reader.push(bytes.clone());
        assert!(matches!(reader.next_event(), Ok(Some(_))));
        assert_eq!(reader.next_event(), Ok(None));
    });
    let held = held.max(gossip);
    assert!(held <= 1024, "a claim made the decoder hold {held} bytes");
}

fn hello() -> Hello {
    let name = |name| NodeName::new(name).expect("the name is legal");
    Hello {
        cluster: name("cluster"),
        node: name("node"),
        is_link: true,
    }
}

/// The factor that the decoder documents: 2 while a message arrives, and once
/// more its length while it is put together.
fn small_chunks_cost_little() {
    const BODY: usize = 1 << 20;
    for sizes in [
        &[1][..],
        &[63],
        &[64],
        &[255],
        &[256],
        &[257],
        &[1, 256],
        &[1, 255, 4096],
        &[1400],
    ] {
        let mut decoder = FrameDecoder::new(FrameLimits::default());
        let mut prefix = BytesMut::new();
        encode::message_prefix(&mut prefix, BODY);
        decoder.push(prefix.freeze());
        let mut pushed = 0;
        let mut sizes_left = sizes.iter().cycle();
        let mut push = |decoder: &mut FrameDecoder, until: usize| {
            while pushed < until {
                let size = sizes_left
                    .next()
                    .map_or(1, |size| (*size).min(BODY - pushed));
                decoder.push(Bytes::from(vec![7; size]));
                pushed += size;
                if pushed < BODY {
                    assert_eq!(decoder.next_frame(), Ok(None));
                }
            }
        };
        let arriving = peak_of(|| push(&mut decoder, BODY));
        assert!(
            arriving <= 2 * BODY + 1024,
            "{arriving} bytes held for chunks of {sizes:?}"
        );
        let assembling = peak_of(|| {
            let Ok(Some(Frame::Message(body))) = decoder.next_frame() else {
                panic!("no message")
            };
            assert_eq!(body.len(), BODY);
            assert_eq!(decoder.buffered(), 0);
        });
        assert!(
            assembling <= BODY + 1024,
            "{assembling} bytes more for chunks of {sizes:?}"
        );
    }
}

fn every_damage_of_every_vector_is_bounded() {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let hexes: Vec<String> = vectors
        .as_object()
        .expect("an object of arrays")
        .values()
        .flat_map(|array| array.as_array().expect("an array of entries"))
        .map(|entry| {
            entry["hex"]
                .as_str()
                .expect("an entry has bytes")
                .to_owned()
        })
        .collect();
    let mut damaged = 0_u64;
    let mut worst = 0;
    for hex in hexes {
        let golden = from_hex(&hex);
        let mut check = |bytes: &[u8]| {
            damaged += 1;
            worst = worst.max(peak_of(|| read_all_ways(bytes)));
        };
        for cut in 0..golden.len() {
            check(&golden[..cut]);
        }
        let mut bytes = golden.clone();
        for bit in 0..golden.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(damaged > 100_000, "only {damaged} damages were tried");
    assert!(
        worst <= DAMAGE_BYTES_MAX,
        "one damage made a reader allocate {worst} bytes"
    );
}

/// Reads the bytes as each thing that they might be; panics are what this looks for.
fn read_all_ways(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    let after_kind = shared.slice(shared.len().min(1)..);
    let limits = FrameLimits::default();

    let mut decoder = FrameDecoder::new(limits);
    decoder.push(shared.clone());
    while let Ok(Some(frame)) = decoder.next_frame() {
        let _error = match frame {
            Frame::Header(body) => Header::decode(body).err(),
            Frame::Status(body) => decode_status(body).err(),
            Frame::Settings(body) => Settings::decode(body).err(),
            Frame::GoAway(body) => GoAway::decode(body).err(),
            Frame::Cancel(body) => Cancel::decode(body).err(),
            Frame::Hello(body) => Hello::decode(body).err(),
            Frame::Beat(body) => Beat::decode(body).err(),
            Frame::Load(body) => Load::decode(body).err(),
            Frame::Message(_) | Frame::Answer(_) | Frame::Gossip(_) | Frame::End => None,
        };
    }
    assert!(decoder.buffered() <= bytes.len());

    let mut request = RequestReader::new(limits);
    request.push(after_kind.clone());
    while let Ok(Some(_)) = request.next_event() {}

    let mut batch = BatchRequestReader::new(limits);
    batch.push(after_kind.clone());
    while let Ok(Some(_)) = batch.next_event() {}

    let mut answers = BatchResponseReader::new(limits, 4);
    answers.push(shared.clone());
    while let Ok(Some(_)) = answers.next_event() {}

    let mut gossip = GossipReader::new();
    gossip.push(after_kind.clone());
    while let Ok(Some(event)) = gossip.next_event() {
        if let GossipEvent::Message(body) = event {
            let _ = Message::decode(body);
        }
    }
    assert!(gossip.buffered() <= bytes.len());

    let mut control = ControlReader::new();
    control.push(after_kind);
    while let Ok(Some(_)) = control.next_event() {}

    for kind in [CallKind::Unary, CallKind::Bidirectional] {
        let mut response = ResponseReader::new(limits, kind);
        response.push(shared.clone());
        while let Ok(Some(_)) = response.next_event() {}
    }
}

/// The most bytes that were allocated at once while `work` ran, beyond those before.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    work();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}
