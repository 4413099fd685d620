//! A candidate that is whatever a test says.

use super::candidate::Candidate;
use crate::mix::finalise;
use crate::swim::Time;

#[derive(Clone, Debug)]
pub(super) struct Fake {
    pub(super) id: u64,
    pub(super) in_flight: u32,
    pub(super) weight: u32,
    pub(super) latency_us: f64,
    pub(super) utilization: Option<f32>,
}

impl Fake {
    pub(super) fn new(number: u64) -> Self {
        Self {
            id: finalise(number),
            in_flight: 0,
            weight: 100,
            latency_us: 1_000.0,
            utilization: None,
        }
    }
}

pub(super) fn fakes(count: u64) -> Vec<Fake> {
    (0..count).map(Fake::new).collect()
}

impl Candidate for Fake {
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
