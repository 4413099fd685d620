//! [`PeakEwma`]: how long calls take, bad news first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stamp::Stamp;
use crate::swim::Time;

/// A moving average of latencies that follows a peak at once and forgets it slowly.
///
/// A latency above the average replaces it; one below pulls it down by how much time has
/// passed since the last, with a time constant of 10 s. While nothing is observed the
/// average decays towards zero, so that a worker that is avoided for its latency is tried
/// again. Microseconds and the time of the last observation share one atomic.
#[derive(Debug)]
pub struct PeakEwma(AtomicU64);

impl PeakEwma {
    /// Without an observation.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Takes up that a call took so long. What is no number is left out; a time before the
    /// last observation counts as that one's.
    pub fn observe(&self, now: Time, latency_us: f64) {
        if latency_us.is_nan() {
            return;
        }
        let latency = latency_us.clamp(LATENCY_MIN, LATENCY_MAX);
        let now = Stamp::of(now, MILLISECOND);
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let next = match read(word) {
                Some((average, at)) => {
                    let elapsed = now.since(at);
                    let weight = decay(elapsed);
                    let average = average * weight + latency * (1.0 - weight);
                    let stamp = if elapsed == 0 { at } else { now };
                    write(average.max(latency), stamp)
                }
                None => write(latency, now),
            };
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(current) => word = current,
            }
        }
    }

    /// The average in microseconds, decayed to `now`; `None` where nothing was observed.
    #[must_use]
    pub fn latency_us(&self, now: Time) -> Option<f64> {
        let (average, at) = read(self.0.load(Ordering::Relaxed))?;
        let elapsed = Stamp::of(now, MILLISECOND).since(at);
        Some(if elapsed == 0 {
            average
        } else {
            average * decay(elapsed)
        })
    }
}

impl Default for PeakEwma {
    fn default() -> Self {
        Self::new()
    }
}

fn read(word: u64) -> Option<(f64, Stamp)> {
    let average = f32::from_bits((word >> 32) as u32);
    (word != 0).then(|| (f64::from(average), Stamp(word as u32)))
}

/// Never zero, as the least latency is above it.
fn write(average: f64, at: Stamp) -> u64 {
    u64::from((average as f32).to_bits()) << 32 | u64::from(at.0)
}

/// What is left of an average after so many milliseconds.
fn decay(elapsed_ms: u32) -> f64 {
    (-f64::from(elapsed_ms) / DECAY_MS).exp()
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// The time constant: after it, 37 % are left.
const DECAY_MS: f64 = 10_000.0;

/// In microseconds: a nanosecond.
const LATENCY_MIN: f64 = 0.001;

/// In microseconds: an hour.
const LATENCY_MAX: f64 = 3.6e9;
