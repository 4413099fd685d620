//! How long answers take.

use std::time::Duration;

/// A decaying histogram of round trips over all members, half an octave per
/// bucket from 64 microseconds up.
#[derive(Clone, Debug, Default)]
pub(super) struct Rtt {
    buckets: [u16; BUCKETS],
    total: u16,
}

impl Rtt {
    pub(super) fn record(&mut self, rtt: Duration) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(rtt)) {
            *bucket += 1;
            self.total += 1;
        }
        if self.total >= DECAY_AT {
            // Halving lets the past fade: after a change, 1 % of slow answers
            // is seen within a hundred probes.
            self.buckets.iter_mut().for_each(|count| *count /= 2);
            self.total = self.buckets.iter().sum();
        }
    }

    /// M-13: three times the 99th percentile, within the bounds; the upper bound
    /// until enough was measured.
    pub(super) fn timeout(&self, min: Duration, max: Duration) -> Duration {
        if self.total < SAMPLES_MIN {
            return max;
        }
        (self.percentile_99() * 3).clamp(min, max)
    }

    /// The upper end of the bucket in which the 99th percentile lies.
    fn percentile_99(&self) -> Duration {
        let mut beyond = self.total / 100;
        for (bucket, count) in self.buckets.iter().enumerate().rev() {
            if *count > beyond {
                return upper_end(bucket);
            }
            beyond -= count;
        }
        upper_end(0)
    }
}

fn bucket_of(rtt: Duration) -> usize {
    (0..BUCKETS)
        .find(|bucket| rtt <= upper_end(*bucket))
        .unwrap_or(BUCKETS - 1)
}

/// 64 us, 96 us, 128 us, 192 us, ...
fn upper_end(bucket: usize) -> Duration {
    let octave = 64_u64 << (bucket / 2);
    Duration::from_micros(if bucket.is_multiple_of(2) {
        octave
    } else {
        octave / 2 * 3
    })
}

/// Up to 2 s and beyond.
const BUCKETS: usize = 32;
const SAMPLES_MIN: u16 = 16;
const DECAY_AT: u16 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(50);
    const MAX: Duration = Duration::from_millis(300);

    fn after(samples: &[(u64, usize)]) -> Duration {
        let mut rtt = Rtt::default();
        for (ms, count) in samples {
            for _ in 0..*count {
                rtt.record(Duration::from_millis(*ms));
            }
        }
        rtt.timeout(MIN, MAX)
    }

    /// M-13.
    #[test]
    fn the_timeout_follows_the_slowest_hundredth_within_its_bounds() {
        assert_eq!(after(&[(1, 15)]), MAX, "too few samples");
        assert_eq!(after(&[(1, 16)]), MIN);
        assert_eq!(after(&[(30, 100)]), Duration::from_micros(98_304));
        assert_eq!(after(&[(1, 98), (30, 2)]), Duration::from_micros(98_304));
        assert_eq!(after(&[(1, 400), (30, 2)]), MIN, "half a hundredth is none");
        assert_eq!(after(&[(10_000, 20)]), MAX);
        assert_eq!(after(&[(0, 20)]), MIN);
    }

    #[test]
    fn the_past_fades() {
        assert_eq!(after(&[(90, 500), (1, 20_000)]), MIN);
        assert_eq!(
            after(&[(1, 20_000), (90, 20)]),
            Duration::from_micros(294_912)
        );
    }
}
