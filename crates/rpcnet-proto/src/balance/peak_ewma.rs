//! [`PeakEwma`]: how long calls take, bad news first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stamp::Stamp;
use crate::swim::Time;

/// A moving average of latencies that follows a peak at once and forgets it slowly.
///
/// A latency above the average replaces it; one below pulls it down by how much time has
/// passed since the last, with a time constant of 10 s. An average that nobody has renewed
/// for a second fades quickly, with a time constant of 0.4 s: a worker that is avoided for
/// its latency is tried again with a call or two, ten times as slow after two seconds, a
/// thousand times after four. Microseconds and the time of the last observation share one atomic.
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
    let unrenewed = elapsed_ms.saturating_sub(RENEWED_MS);
    (-f64::from(elapsed_ms) / DECAY_MS - f64::from(unrenewed) / FORGET_MS).exp()
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// The time constant: after it, 37 % are left.
const DECAY_MS: f64 = 10_000.0;

/// For how long an observation stands for the present.
const RENEWED_MS: u32 = 1_000;

/// The time constant from then on.
const FORGET_MS: f64 = 400.0;

/// In microseconds: a nanosecond.
const LATENCY_MIN: f64 = 0.001;

/// In microseconds: an hour.
const LATENCY_MAX: f64 = 3.6e9;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    fn is_about(value: Option<f64>, right: f64) -> bool {
        value.is_some_and(|value| (value / right - 1.0).abs() < 1e-4)
    }

    #[test]
    fn a_peak_counts_at_once_and_fades_over_tens_of_seconds_of_better_news() {
        let latency = PeakEwma::new();
        assert_eq!(latency.latency_us(at(0)), None);
        latency.observe(at(0), 1_000.0);
        latency.observe(at(5), 50_000.0);
        assert_eq!(latency.latency_us(at(5)), Some(50_000.0));
        let kept = (-0.1_f64).exp();
        assert!(is_about(latency.latency_us(at(1_005)), 50_000.0 * kept));
        // Good news weighs as much as the time that passed since the last.
        latency.observe(at(1_005), 1_000.0);
        assert!(is_about(
            latency.latency_us(at(1_005)),
            50_000.0 * kept + 1_000.0 * (1.0 - kept)
        ));
        for turn in 1..=10_000 {
            latency.observe(at(1_005 + 10 * turn), 1_000.0);
        }
        assert!(is_about(latency.latency_us(at(101_005)), 1_002.0));
    }

    #[test]
    fn what_nobody_has_renewed_for_a_second_is_soon_forgotten() {
        let latency = PeakEwma::new();
        latency.observe(at(0), 20e6);
        let left = |ms: u64| latency.latency_us(at(ms)).map_or(0.0, |it| it / 20e6);
        assert!(left(1_000) > 0.9);
        assert!((0.05..0.12).contains(&left(2_000)), "{}", left(2_000));
        assert!(left(4_100) < 1.0 / 2_000.0, "{}", left(4_100));
    }

    /// After 49.7 days of milliseconds.
    #[test]
    fn the_clock_of_the_cell_wraps_around_unnoticed() {
        let wrap = 1_u64 << 32;
        let latency = PeakEwma::new();
        latency.observe(at(wrap - 500), 8_000.0);
        assert!(is_about(
            latency.latency_us(at(wrap + 500)),
            8_000.0 * (-0.1_f64).exp()
        ));
        latency.observe(at(wrap + 500), 9_000.0);
        assert_eq!(latency.latency_us(at(wrap + 500)), Some(9_000.0));
    }

    #[test]
    fn an_earlier_time_is_the_time_of_the_last_observation() {
        let latency = PeakEwma::new();
        latency.observe(at(60_000), 5_000.0);
        latency.observe(at(10), 1_000.0);
        assert_eq!(latency.latency_us(at(10)), Some(5_000.0));
        latency.observe(at(10), 7_000.0);
        assert_eq!(latency.latency_us(at(60_000)), Some(7_000.0));
    }

    #[test]
    fn no_latency_is_too_strange() {
        let latency = PeakEwma::new();
        latency.observe(at(0), f64::NAN);
        assert_eq!(latency.latency_us(at(0)), None);
        latency.observe(at(0), -5.0);
        assert!(is_about(latency.latency_us(at(0)), LATENCY_MIN));
        latency.observe(at(0), f64::INFINITY);
        assert_eq!(latency.latency_us(at(0)), Some(LATENCY_MAX));
        let much_later = latency.latency_us(at(1_000_000_000));
        assert_eq!(much_later, Some(0.0), "and nothing is kept for ever");
    }

    #[test]
    fn a_peak_that_two_threads_race_about_is_not_lost() {
        let latency = PeakEwma::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let latency = &latency;
                scope.spawn(move || {
                    for turn in 0..10_000 {
                        latency.observe(at(1), f64::from(turn * 4 + thread));
                    }
                });
            }
        });
        assert_eq!(latency.latency_us(at(1)), Some(39_999.0));
    }
}
