//! What must hold for any bytes at all.
//!
//! One function per fuzz target. The fuzzer calls them with what it invents,
//! `corpus.rs` replays what it kept, and `bounded.rs` feeds them damaged vectors.

#![allow(
    dead_code,
    reason = "each program that includes this module calls some of the functions"
)]

use bytes::{Bytes, BytesMut};
use rpcnet_proto::CallKind;
use rpcnet_proto::wire::{
    BATCH_CALLS_MAX, BatchRequestEvent, BatchRequestReader, BatchResponseEvent,
    BatchResponseReader, Beat, Cancel, ControlEvent, ControlReader, Frame, FrameDecoder,
    FrameLimits, GoAway, GossipEvent, GossipReader, Header, Hello, Load, RequestEvent,
    RequestReader, ResponseEvent, ResponseReader, Settings, WireError, decode_status, encode,
};

/// Small, so that a fuzzer reaches them with small inputs.
const LIMITS: FrameLimits = FrameLimits {
    message_bytes_max: 300,
    header_bytes_max: 600,
};

/// One function per fuzz target, by the name of the target.
pub(crate) type Check = fn(&[u8]);

/// Every target.
pub(crate) const TARGETS: [(&str, Check); 8] = [
    ("frame", check_frame),
    ("header", check_header),
    ("control", check_control),
    ("gossip_stream", check_gossip_stream),
    ("request_stream", check_request_stream),
    ("response_stream", check_response_stream),
    ("batch_request", check_batch_request),
    ("batch_response", check_batch_response),
];

/// Frames do not depend on the chunking, and writing them again gives the same bytes.
pub(crate) fn check_frame(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let make = || FrameDecoder::new(LIMITS);
    let (frames, outcome) = check_chunkings(data, seed, make);
    let ends = frames.iter().filter(|frame| **frame == Frame::End).count();
    assert!(ends <= 1, "the end marker comes once");
    if outcome == Ok(()) {
        assert_eq!(
            frames.last(),
            Some(&Frame::End),
            "a whole half ends with its marker"
        );
    }
    let mut again = BytesMut::new();
    for frame in &frames {
        encode_frame(&mut again, frame);
    }
    let mut decoder = make();
    decoder.push(again.freeze());
    for frame in &frames {
        assert_eq!(decoder.next_frame().as_ref(), Ok(&Some(frame.clone())));
    }
    assert_eq!(decoder.next_frame(), Ok(None));
}

fn encode_frame(out: &mut BytesMut, frame: &Frame) {
    let (kind, body) = match frame {
        Frame::Header(body) => (0x01, body),
        Frame::Message(body) => (0x02, body),
        Frame::Status(body) => (0x03, body),
        Frame::Answer(body) => (0x04, body),
        Frame::Settings(body) => (0x10, body),
        Frame::GoAway(body) => (0x11, body),
        Frame::Cancel(body) => (0x12, body),
        Frame::Hello(body) => (0x20, body),
        Frame::Gossip(body) => (0x21, body),
        Frame::Beat(body) => (0x22, body),
        Frame::Load(body) => (0x40, body),
        Frame::End => return encode::end(out),
    };
    rpcnet_proto::wire::varint::encode(body.len() as u64 + 1, out);
    out.extend_from_slice(&[kind]);
    out.extend_from_slice(body);
}

/// A header that can be read can be written, and then reads the same.
pub(crate) fn check_header(data: &[u8]) {
    let Ok(header) = Header::decode(Bytes::copy_from_slice(data)) else {
        return;
    };
    let mut out = BytesMut::new();
    encode::header(&mut out, &header);
    let body = only_frame(out.freeze());
    let Frame::Header(body) = body else {
        panic!("a header was written, not {body:?}")
    };
    assert_eq!(body.len(), header.borrowed().body_len());
    assert!(
        body.len() <= data.len(),
        "the canonical form is the shortest"
    );
    assert_eq!(Header::decode(body), Ok(header));
}

/// Bodies of control frames, loads and statuses round trip, and control streams do not depend on chunking.
pub(crate) fn check_control(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let body = Bytes::copy_from_slice(data);
    let mut out = BytesMut::new();
    if let Ok(settings) = Settings::decode(body.clone()) {
        encode::settings(&mut out, &settings);
        let Frame::Settings(again) = only_frame(out.split().freeze()) else {
            panic!("settings")
        };
        assert_eq!(Settings::decode(again), Ok(settings));
    }
    if let Ok(goaway) = GoAway::decode(body.clone()) {
        encode::goaway(&mut out, &goaway);
        let Frame::GoAway(again) = only_frame(out.split().freeze()) else {
            panic!("goaway")
        };
        assert_eq!(GoAway::decode(again), Ok(goaway));
    }
    if let Ok(cancel) = Cancel::decode(body.clone()) {
        encode::cancel(&mut out, &cancel);
        let Frame::Cancel(again) = only_frame(out.split().freeze()) else {
            panic!("cancel")
        };
        assert_eq!(Cancel::decode(again), Ok(cancel));
    }
    if let Ok(load) = Load::decode(body.clone()) {
        encode::load(&mut out, load);
        assert!(out.len() <= encode::LOAD_FRAME_BYTES_MAX);
        let Frame::Load(again) = only_frame(out.split().freeze()) else {
            panic!("load")
        };
        assert_eq!(Load::decode(again), Ok(load));
    }
    if let Ok((status, origin)) = decode_status(body) {
        encode::status(&mut out, &status, origin);
        let Frame::Status(again) = only_frame(out.split().freeze()) else {
            panic!("status")
        };
        assert_eq!(decode_status(again), Ok((status, origin)));
    }
    let (events, _) = check_chunkings(data, seed, ControlReader::new);
    for (position, event) in events.iter().enumerate() {
        let is_settings = matches!(event, ControlEvent::Settings(_));
        assert_eq!(is_settings, position == 0, "SETTINGS come first and once");
    }
}

/// A gossip stream is a HELLO, then messages, and beats where it is a link, or it is an error;
/// what was read is written again as the same bytes read the same.
pub(crate) fn check_gossip_stream(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let (events, outcome) = check_chunkings(data, seed, GossipReader::new);
    let mut is_link = false;
    let mut again = BytesMut::new();
    for (position, event) in events.iter().enumerate() {
        match event {
            GossipEvent::Hello(hello) => {
                assert_eq!(position, 0, "the HELLO comes first and once");
                is_link = hello.is_link;
                encode::hello(&mut again, hello);
            }
            GossipEvent::Message(body) => {
                assert!(position > 0 && body.len() <= FrameLimits::GOSSIP_BYTES_MAX);
                // The message may be none; that it is not is for its reader to say.
                let _ = rpcnet_proto::swim::Message::decode(body.clone());
                encode::gossip_prefix(&mut again, body.len());
                again.extend_from_slice(body);
            }
            GossipEvent::Beat(beat) => {
                assert!(position > 0 && is_link, "only a link has beats");
                encode::beat(&mut again, *beat);
            }
        }
    }
    assert!(
        outcome.is_err() || !events.is_empty(),
        "a stream without HELLO is not whole"
    );
    if !events.is_empty() {
        assert_eq!(read(GossipReader::new(), &again, &[]), (events, Ok(())));
    }
    let body = Bytes::copy_from_slice(data);
    if let Ok(hello) = Hello::decode(body.clone()) {
        let mut out = BytesMut::new();
        encode::hello(&mut out, &hello);
        let Frame::Hello(again) = only_frame(out.freeze()) else {
            panic!("hello")
        };
        assert_eq!(Hello::decode(again), Ok(hello));
    }
    if let Ok(beat) = Beat::decode(body) {
        let mut out = BytesMut::new();
        encode::beat(&mut out, beat);
        let Frame::Beat(again) = only_frame(out.freeze()) else {
            panic!("beat")
        };
        assert_eq!(Beat::decode(again), Ok(beat));
    }
}

fn only_frame(bytes: Bytes) -> Frame {
    let mut decoder = FrameDecoder::new(FrameLimits::default());
    decoder.push(bytes);
    let frame = decoder
        .next_frame()
        .expect("an encoder writes what a decoder reads");
    assert_eq!(decoder.buffered(), 0, "an encoder writes one frame");
    frame.expect("an encoder writes whole frames")
}

/// A request is a header, then messages as its kind allows, then the end, or it is an error.
pub(crate) fn check_request_stream(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let make = || RequestReader::new(LIMITS);
    let (events, outcome) = check_chunkings(data, seed, make);
    let whole_first = check_chunkings(data, seed, || WholeFirst(make()));
    assert_eq!(whole_first, (events.clone(), outcome.clone()));
    let mut messages = 0;
    for (position, event) in events.iter().enumerate() {
        match event {
            RequestEvent::Header(_) => assert_eq!(position, 0, "the header comes first and once"),
            RequestEvent::Message(body) => {
                assert!(body.len() <= LIMITS.message_bytes_max);
                messages += 1;
            }
            RequestEvent::End => assert_eq!(position, events.len() - 1, "nothing follows the end"),
        }
    }
    if let Some(RequestEvent::Header(header)) = events.first() {
        let single = !header.kind.streams_requests();
        assert!(!single || messages <= 1);
        assert!(!single || messages == 1 || events.last() != Some(&RequestEvent::End));
    } else {
        assert!(events.is_empty(), "nothing comes before the header");
    }
    if outcome == Ok(()) {
        assert_eq!(
            events.last(),
            Some(&RequestEvent::End),
            "only the end marker makes it whole"
        );
    }
}

/// A response is messages as the kind of its call allows, then success or a status, or it is an error.
pub(crate) fn check_response_stream(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let kind = CallKind::from_byte(seed & 3).expect("two bits name a kind");
    let make = || ResponseReader::new(LIMITS, kind);
    let (events, outcome) = check_chunkings(data, seed >> 2, make);
    let whole_first = check_chunkings(data, seed >> 2, || WholeFirst(make()));
    assert_eq!(whole_first, (events.clone(), outcome.clone()));
    let (mut messages, mut loads) = (0, 0);
    for (position, event) in events.iter().enumerate() {
        let is_last = position == events.len() - 1;
        match event {
            ResponseEvent::Message(_) => messages += 1,
            ResponseEvent::Load(_) => loads += 1,
            ResponseEvent::End => assert!(is_last && (messages == 1 || kind.streams_responses())),
            ResponseEvent::Failed(..) => {
                assert!(is_last && (messages == 0 || kind.streams_responses()));
            }
        }
    }
    assert!(messages <= 1 || kind.streams_responses());
    assert!(loads <= 1, "one load is enough");
    if outcome == Ok(()) {
        assert!(matches!(
            events.last(),
            Some(ResponseEvent::End | ResponseEvent::Failed(..))
        ));
    }
}

/// A batch is calls, each a header and a message, then the end, or it is an error; what was
/// read is written again as bytes that read the same.
pub(crate) fn check_batch_request(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let make = || BatchRequestReader::new(LIMITS);
    let (events, outcome) = check_chunkings(data, seed, make);
    let mut again = BytesMut::new();
    let mut is_rewritable = true;
    let mut calls = 0;
    for (position, event) in events.iter().enumerate() {
        let is_last = position == events.len() - 1;
        match event {
            BatchRequestEvent::Header(header) => {
                assert_eq!(position % 2, 0, "a header follows a message");
                calls += 1;
                match header {
                    Ok(header) => {
                        assert_eq!(header.kind, CallKind::Unary);
                        encode::header(&mut again, header);
                    }
                    Err(_) => is_rewritable = false,
                }
            }
            BatchRequestEvent::Message(body) => {
                assert_eq!(position % 2, 1, "a message follows a header");
                assert!(body.len() <= LIMITS.message_bytes_max);
                encode::message(&mut again, body);
            }
            BatchRequestEvent::End => {
                assert!(is_last && calls > 0 && position % 2 == 0);
                encode::end(&mut again);
            }
        }
    }
    assert!(calls <= BATCH_CALLS_MAX);
    if outcome == Ok(()) {
        assert_eq!(events.last(), Some(&BatchRequestEvent::End));
        if is_rewritable {
            assert_eq!(read(make(), &again, &[]), (events, Ok(())));
        }
    }
}

/// The answers to a batch are to calls that it holds, each answered once, then the end, or
/// they are an error; what was read is written again as bytes that read the same.
pub(crate) fn check_batch_response(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else {
        return;
    };
    let calls = usize::from(seed & 7);
    let make = || BatchResponseReader::new(LIMITS, calls);
    let (events, outcome) = check_chunkings(data, seed >> 3, make);
    let mut answered = vec![false; calls];
    let mut again = BytesMut::new();
    for (position, event) in events.iter().enumerate() {
        match event {
            BatchResponseEvent::Answer(answer) => {
                let known = answered.get_mut(answer.index).expect("the call exists");
                assert!(!std::mem::replace(known, true), "it is answered once");
                encode::answer(&mut again, answer.index);
                if let Some(load) = answer.load {
                    encode::load(&mut again, load);
                }
                match &answer.result {
                    Ok(body) => encode::message(&mut again, body),
                    Err((status, origin)) => encode::status(&mut again, status, *origin),
                }
            }
            BatchResponseEvent::End => {
                assert_eq!(position, events.len() - 1, "nothing follows the end");
                assert!(answered.iter().all(|answered| *answered));
                encode::end(&mut again);
            }
        }
    }
    if outcome == Ok(()) {
        assert_eq!(events.last(), Some(&BatchResponseEvent::End));
        assert_eq!(read(make(), &again, &[]), (events, Ok(())));
    }
}

/// What the readers have in common.
pub(crate) trait Reader {
    /// What it returns.
    type Event: PartialEq + std::fmt::Debug;
    /// Takes a chunk.
    fn push(&mut self, chunk: Bytes);
    /// Returns an event.
    fn next(&mut self) -> Result<Option<Self::Event>, WireError>;
    /// The bytes that it holds.
    fn buffered(&self) -> usize;
    /// What it says where the stream ends.
    fn finish(&self) -> Result<(), WireError>;
}

macro_rules! reader {
    ($reader:ty, $event:ty, $next:ident, |$it:ident| $finish:expr) => {
        impl Reader for $reader {
            type Event = $event;
            fn push(&mut self, chunk: Bytes) {
                <$reader>::push(self, chunk);
            }
            fn next(&mut self) -> Result<Option<Self::Event>, WireError> {
                self.$next()
            }
            fn buffered(&self) -> usize {
                <$reader>::buffered(self)
            }
            fn finish(&self) -> Result<(), WireError> {
                let $it = self;
                $finish
            }
        }
    };
}

reader!(FrameDecoder, Frame, next_frame, |it| it.finish());
reader!(RequestReader, RequestEvent, next_event, |it| it.finish());
reader!(ResponseReader, ResponseEvent, next_event, |it| it.finish());
reader!(BatchRequestReader, BatchRequestEvent, next_event, |it| it
    .finish());
reader!(BatchResponseReader, BatchResponseEvent, next_event, |it| it
    .finish());
reader!(GossipReader, GossipEvent, next_event, |it| it.finish());
reader!(ControlReader, ControlEvent, next_event, |_it| Err(
    WireError::Truncated
));

/// A reader that is asked for whole messages first, as those are who read many.
pub(crate) struct WholeFirst<R>(pub(crate) R);

macro_rules! whole_first {
    ($reader:ty, $event:ident) => {
        impl Reader for WholeFirst<$reader> {
            type Event = $event;
            fn push(&mut self, chunk: Bytes) {
                self.0.push(chunk);
            }
            fn next(&mut self) -> Result<Option<Self::Event>, WireError> {
                match self.0.next_whole_message() {
                    Some(message) => Ok(Some($event::Message(message))),
                    None => self.0.next_event(),
                }
            }
            fn buffered(&self) -> usize {
                self.0.buffered()
            }
            fn finish(&self) -> Result<(), WireError> {
                self.0.finish()
            }
        }
    };
}

whole_first!(RequestReader, RequestEvent);
whole_first!(ResponseReader, ResponseEvent);

/// Reads `data` to its end in chunks of these sizes, over and over; returns
/// what came and how it ended.
pub(crate) fn read<R: Reader>(
    mut reader: R,
    data: &[u8],
    sizes: &[usize],
) -> (Vec<R::Event>, Result<(), WireError>) {
    let mut events = Vec::new();
    let mut sizes = sizes.iter().cycle();
    let mut rest = Bytes::copy_from_slice(data);
    let mut pushed = 0;
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        pushed += size;
        reader.push(rest.split_to(size));
        loop {
            match reader.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.buffered(), 0, "a failed reader holds nothing");
                    assert_eq!(reader.next(), Err(error.clone()), "an error is for ever");
                    return (events, Err(error));
                }
            }
        }
        assert!(reader.buffered() <= pushed);
    }
    let outcome = reader.finish();
    (events, outcome)
}

/// Reads `data` whole, byte by byte, and in chunks derived from `seed`; all must agree.
fn check_chunkings<R: Reader>(
    data: &[u8],
    seed: u8,
    make: impl Fn() -> R,
) -> (Vec<R::Event>, Result<(), WireError>) {
    let whole = read(make(), data, &[]);
    let seed = usize::from(seed);
    for sizes in [&[1][..], &[seed % 7 + 1, seed % 61 + 1, 256 + seed % 5]] {
        assert_eq!(read(make(), data, sizes), whole, "chunks of {sizes:?}");
    }
    whole
}
