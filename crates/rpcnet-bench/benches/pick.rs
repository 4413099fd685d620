//! What it costs to choose a worker: each strategy, with few workers and with many.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rpcnet_proto::balance::{Ask, Candidate, Draw, LoadCell, PeakEwma, Picker, Strategy};
use rpcnet_proto::swim::Time;

/// As a client keeps it: every figure is an atomic that calls update.
struct Worker {
    id: u64,
    in_flight: AtomicU32,
    weight: u32,
    latency: PeakEwma,
    load: LoadCell,
}

impl Candidate for Worker {
    fn id(&self) -> u64 {
        self.id
    }

    fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn weight(&self) -> u32 {
        self.weight
    }

    fn latency_us(&self, now: Time) -> f64 {
        self.latency.latency_us(now).unwrap_or(1_000.0)
    }

    fn utilization(&self, now: Time) -> Option<f32> {
        self.load.utilization(now)
    }
}

/// All busy, so that no search ends early; their figures are a second old.
fn workers(count: u64) -> Vec<Arc<Worker>> {
    let mut draw = Draw::new(count);
    let worker = |id: u64| {
        let worker = Worker {
            id: id.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            in_flight: AtomicU32::new(1 + draw.below(8) as u32),
            weight: 1 + draw.below(1_000) as u32,
            latency: PeakEwma::new(),
            load: LoadCell::new(),
        };
        let at = Time::from_micros(1_000_000);
        worker.latency.observe(at, 1_000.0 * draw.fraction());
        worker.load.report(at, draw.fraction() as f32);
        Arc::new(worker)
    };
    (0..count).map(worker).collect()
}

const STRATEGIES: [Strategy; 8] = [
    Strategy::RoundRobin,
    Strategy::Random,
    Strategy::LeastConnections,
    Strategy::PowerOfTwoChoices,
    Strategy::PeakEwma,
    Strategy::Weighted,
    Strategy::LeastLoaded,
    Strategy::Rendezvous,
];

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    for strategy in STRATEGIES {
        for count in [8, 1_000] {
            let workers = workers(count);
            let picker = Picker::new(strategy, &workers);
            let mut draw = Draw::new(7);
            let mut now = Time::from_micros(2_000_000);
            let mut key = 0_u64;
            let id = BenchmarkId::new(format!("{strategy:?}"), count);
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    now = now + Duration::from_micros(10);
                    key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let ask = Ask {
                        now,
                        key: Some(key),
                        draw: &mut draw,
                    };
                    let accept = |worker: &Arc<Worker>| worker.in_flight() < 1_024;
                    picker.pick(black_box(&workers), ask, accept).unwrap()
                });
            });
        }
    }
    group.finish();
}

/// What a change of the set costs where that is the most: a table of owners.
fn change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table of owners");
    for count in [8, 1_000] {
        let workers = workers(count);
        group.bench_function(BenchmarkId::new("made", count), |bencher| {
            bencher.iter(|| Picker::new(Strategy::Rendezvous, black_box(&workers)));
        });
        let (_, fewer) = workers.split_first().unwrap();
        let without = Picker::new(Strategy::Rendezvous, fewer);
        group.bench_function(BenchmarkId::new("one joins", count), |bencher| {
            bencher.iter(|| without.succeed(black_box(&workers)));
        });
        let with = Picker::new(Strategy::Rendezvous, &workers);
        group.bench_function(BenchmarkId::new("one leaves", count), |bencher| {
            bencher.iter(|| with.succeed(black_box(fewer)));
        });
    }
    group.finish();
}

criterion_group!(benches, pick, change);
criterion_main!(benches);
