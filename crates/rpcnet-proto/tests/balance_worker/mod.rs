//! A candidate that is whatever a test says, and a pick among several.

use rpcnet_proto::balance::{Ask, Candidate, Draw, Picker, Strategy as Way};
use rpcnet_proto::swim::Time;

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) id: u64,
    pub(crate) in_flight: u32,
    pub(crate) weight: u32,
    pub(crate) latency_us: f64,
    pub(crate) utilization: Option<f32>,
    pub(crate) is_acceptable: bool,
}

impl Worker {
    pub(crate) fn idle(number: u64) -> Self {
        Self {
            id: (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            in_flight: 0,
            weight: 100,
            latency_us: 1_000.0,
            utilization: None,
            is_acceptable: true,
        }
    }
}

impl Candidate for Worker {
    fn id(&self) -> u64 {
        self.id
    }

    fn in_flight(&self) -> u32 {
        self.in_flight
    }

    fn weight(&self) -> u32 {
        self.weight
    }

    fn latency_us(&self, _: Time) -> f64 {
        self.latency_us
    }

    fn utilization(&self, _: Time) -> Option<f32> {
        self.utilization
    }
}

pub(crate) const STRATEGIES: [Way; 8] = [
    Way::RoundRobin,
    Way::Random,
    Way::LeastConnections,
    Way::PowerOfTwoChoices,
    Way::PeakEwma,
    Way::Weighted,
    Way::LeastLoaded,
    Way::Rendezvous,
];

pub(crate) fn pick(
    picker: &Picker,
    workers: &[Worker],
    draw: &mut Draw,
    key: Option<u64>,
) -> Option<usize> {
    let ask = Ask {
        now: Time::from_micros(7),
        key,
        draw,
    };
    picker.pick(workers, ask, |worker| worker.is_acceptable)
}
