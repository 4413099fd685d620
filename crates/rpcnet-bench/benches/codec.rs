//! The wire codec: what a call costs before and after the transport.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rpcnet_proto::wire::{
    FrameLimits, HeaderRef, RequestEvent, RequestReader, ResponseEvent, ResponseReader, encode,
};
use rpcnet_proto::{CallId, CallKind, CodecId, Metadata, Method};

fn request(payload: &[u8]) -> Bytes {
    let (method, metadata) = (Method::new("echo").unwrap(), Metadata::new());
    let header = HeaderRef {
        call_id: CallId::new(12_345).unwrap(),
        kind: CallKind::Unary,
        codec: CodecId::RAW,
        idempotent: false,
        timeout: Duration::from_secs(30),
        method: &method,
        trace: None,
        metadata: &metadata,
        schema: None,
        load_report: false,
    };
    let mut frames = BytesMut::with_capacity(96 + payload.len());
    encode::header_ref(&mut frames, &header);
    encode::message(&mut frames, payload);
    encode::end(&mut frames);
    frames.freeze()
}

fn response(payload: &[u8]) -> Bytes {
    let mut frames = BytesMut::with_capacity(16 + payload.len());
    encode::message(&mut frames, payload);
    encode::end(&mut frames);
    frames.freeze()
}

fn read_request(frames: Bytes) -> usize {
    let mut reader = RequestReader::new(FrameLimits::default());
    reader.push(frames);
    let mut bytes = 0;
    while let Some(event) = reader.next_event().unwrap() {
        if let RequestEvent::Message(message) = event {
            bytes += message.len();
        }
    }
    bytes
}

fn read_response(frames: Bytes, kind: CallKind) -> usize {
    let mut reader = ResponseReader::new(FrameLimits::default(), kind);
    reader.push(frames);
    let mut bytes = 0;
    while let Some(event) = reader.next_event().unwrap() {
        if let ResponseEvent::Message(message) = event {
            bytes += message.len();
        }
    }
    bytes
}

fn unary(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unary");
    for size in [64, 16 << 10] {
        let payload = vec![7u8; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("encode request {size} B"), |bencher| {
            bencher.iter(|| request(black_box(&payload)));
        });
        let frames = request(&payload);
        group.bench_function(format!("decode request {size} B"), |bencher| {
            bencher.iter_batched(|| frames.clone(), read_request, BatchSize::SmallInput);
        });
        let frames = response(&payload);
        group.bench_function(format!("decode response {size} B"), |bencher| {
            let read = |frames| read_response(frames, CallKind::Unary);
            bencher.iter_batched(|| frames.clone(), read, BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn stream(criterion: &mut Criterion) {
    const ITEMS: u64 = 1000;
    let mut frames = BytesMut::new();
    for _ in 0..ITEMS {
        encode::message(&mut frames, &[7; 64]);
    }
    encode::end(&mut frames);
    let frames = frames.freeze();
    let mut group = criterion.benchmark_group("stream");
    group.throughput(Throughput::Elements(ITEMS));
    group.bench_function("decode 1000 messages of 64 B", |bencher| {
        let read = |frames| read_response(frames, CallKind::ServerStreaming);
        bencher.iter_batched(|| frames.clone(), read, BatchSize::SmallInput);
    });
    group.bench_function("decode them from 1200 B chunks", |bencher| {
        bencher.iter(|| {
            let mut reader = ResponseReader::new(FrameLimits::default(), CallKind::ServerStreaming);
            let mut rest = frames.clone();
            let mut messages = 0;
            while !rest.is_empty() {
                reader.push(rest.split_to(rest.len().min(1200)));
                while let Some(event) = reader.next_event().unwrap() {
                    messages += usize::from(matches!(event, ResponseEvent::Message(_)));
                }
            }
            assert_eq!(messages as u64, ITEMS);
        });
    });
    group.finish();
}

criterion_group!(benches, unary, stream);
criterion_main!(benches);
