//! [`Candidate`]: what a strategy may ask of a worker.

use std::sync::Arc;

use crate::swim::Time;

/// A worker that a call may go to, as the strategies see it.
///
/// Every method is called while a call waits, some of them for several candidates: each
/// should be a load or two.
pub trait Candidate {
    /// A hash of its name: the same on every node, and different from the others'.
    fn id(&self) -> u64;

    /// How many calls of this process are under way to it.
    fn in_flight(&self) -> u32;

    /// Its share under [`Strategy::Weighted`](super::Strategy::Weighted), 1 to 1,000;
    /// what lies outside counts as the nearer end.
    fn weight(&self) -> u32;

    /// How long its calls take, in microseconds, decayed to `now` as
    /// [`PeakEwma`](super::PeakEwma) does it; a guess where it was never called.
    fn latency_us(&self, now: Time) -> f64;

    /// The load that it reported: 0.0 is idle, 1.0 is full. `None` where that is unknown
    /// or too old.
    fn utilization(&self, now: Time) -> Option<f32>;
}

macro_rules! through {
    ($pointer:ty) => {
        impl<T: Candidate + ?Sized> Candidate for $pointer {
            fn id(&self) -> u64 {
                (**self).id()
            }

            fn in_flight(&self) -> u32 {
                (**self).in_flight()
            }

            fn weight(&self) -> u32 {
                (**self).weight()
            }

            fn latency_us(&self, now: Time) -> f64 {
                (**self).latency_us(now)
            }

            fn utilization(&self, now: Time) -> Option<f32> {
                (**self).utilization(now)
            }
        }
    };
}

through!(&T);
through!(Arc<T>);
