//! [`Histogram`]: how long calls took.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets for each doubling.
const STEPS: u64 = 4;

/// Durations of two to the power of this many microseconds and more, 67 s, share the last
/// bucket.
const OCTAVES: u32 = 26;

/// How many buckets there are.
pub(super) const BUCKETS: usize = (OCTAVES as usize - 1) * STEPS as usize + 1;

/// The bucket of a duration in microseconds: one for each up to 4, then four for each
/// doubling, so that a bucket is at most a quarter of its bounds wide.
pub(super) const fn bucket_of(micros: u64) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let octave = micros.ilog2();
    if octave >= OCTAVES {
        return BUCKETS - 1;
    }
    let step = (micros >> (octave - 2)) & (STEPS - 1);
    (octave as u64 - 1) as usize * STEPS as usize + step as usize
}

/// The microsecond at which a bucket begins.
const fn start_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    (STEPS + bucket % STEPS) << (bucket / STEPS - 1)
}

/// How many calls took how long, in buckets that are at most a quarter of their bounds wide.
///
/// As JSON it has the sum of all durations and the buckets that are not empty, each as the
/// microsecond at which it ends (`null` for the last one, which has no end) and its count:
/// `{"sum_us":2100,"buckets":[[1024,2],[null,1]]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Sparse", into = "Sparse")]
pub struct Histogram {
    /// Up to the last that is not empty.
    counts: Vec<u64>,
    sum: Duration,
}

impl Histogram {
    pub(super) fn new(mut counts: Vec<u64>, sum: Duration) -> Self {
        let used = counts.iter().rposition(|count| *count > 0);
        counts.truncate(used.map_or(0, |last| last + 1));
        Self { counts, sum }
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// Their mean; `None` where there are none.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum.as_secs_f64() / self.count() as f64;
        Duration::try_from_secs_f64(mean).ok()
    }

    /// The duration that so many of them, 0.0 to 1.0, do not exceed; within the bounds of its
    /// bucket it is guessed. `None` where there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (share.clamp(0.0, 1.0) * count as f64).max(f64::MIN_POSITIVE);
        let mut below = 0;
        for (bucket, in_bucket) in self.counts.iter().copied().enumerate() {
            if in_bucket > 0 && (below + in_bucket) as f64 >= rank {
                let start = start_of(bucket) as f64;
                let end = end_of(bucket).map_or(start, |end| end as f64);
                let into = (rank - below as f64) / in_bucket as f64;
                let micros = start + (end - start) * into;
                return Duration::try_from_secs_f64(micros / 1e6).ok();
            }
            below += in_bucket;
        }
        None
    }

    /// What was added since an earlier state of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.counts.iter().enumerate();
        let counts = counts.map(|(bucket, count)| {
            let before = earlier.counts.get(bucket).copied().unwrap_or(0);
            count.saturating_sub(before)
        });
        Self::new(counts.collect(), self.sum.saturating_sub(earlier.sum))
    }

    /// Buckets that are not empty: where each begins, where it ends, if it does, and how many
    /// durations are in it.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, Option<Duration>, u64)> {
        let counts = self.counts.iter().copied().enumerate();
        counts.filter(|(_, count)| *count > 0).map(|(at, count)| {
            let start = Duration::from_micros(start_of(at));
            (start, end_of(at).map(Duration::from_micros), count)
        })
    }

    /// How many durations are below two to the power of so many microseconds.
    #[cfg(any(feature = "prometheus", test))]
    pub(crate) fn below(&self, octave: u32) -> u64 {
        let end = bucket_of(1 << octave);
        self.counts.iter().take(end).sum()
    }
}

/// The microsecond at which a bucket ends; `None` for the last.
fn end_of(bucket: usize) -> Option<u64> {
    (bucket + 1 < BUCKETS).then(|| start_of(bucket + 1))
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Sparse {
    sum_us: u64,
    buckets: Vec<(Option<u64>, u64)>,
}

impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        let counts = histogram.counts.iter().copied().enumerate();
        let filled = counts.filter(|(_, count)| *count > 0);
        Self {
            sum_us: u64::try_from(histogram.sum.as_micros()).unwrap_or(u64::MAX),
            buckets: filled.map(|(at, count)| (end_of(at), count)).collect(),
        }
    }
}

impl From<Sparse> for Histogram {
    /// Counts of bounds that are not ours go to the bucket that has them.
    fn from(sparse: Sparse) -> Self {
        let mut counts = vec![0_u64; BUCKETS];
        for (end, count) in sparse.buckets {
            let bucket = end.map_or(BUCKETS - 1, |end| bucket_of(end.saturating_sub(1)));
            counts[bucket] = counts[bucket].saturating_add(count);
        }
        Self::new(counts, Duration::from_micros(sparse.sum_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut counts = vec![0; BUCKETS];
        for micros in micros {
            counts[bucket_of(*micros)] += 1;
        }
        Histogram::new(counts, Duration::from_micros(micros.iter().sum()))
    }

    #[test]
    fn buckets_follow_each_other_and_are_no_wider_than_a_quarter_of_their_start() {
        assert_eq!(bucket_of(0), 0);
        for bucket in 0..BUCKETS {
            let start = start_of(bucket);
            assert_eq!(bucket_of(start), bucket);
            match end_of(bucket) {
                Some(end) => {
                    assert_eq!(bucket_of(end - 1), bucket);
                    assert!(end - start <= (start / STEPS).max(1), "{start} to {end}");
                }
                None => assert_eq!(start, 1 << OCTAVES),
            }
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_within_the_bucket_that_has_them() {
        let histogram = of(&[100; 99]);
        let near = |share: f64| {
            histogram
                .quantile(share)
                .expect("there are some")
                .as_micros()
        };
        for share in [0.0, 0.5, 1.0] {
            assert!((96..=112).contains(&near(share)), "{}", near(share));
        }
        let mut micros = vec![100; 98];
        micros.extend([50_000, u64::MAX >> 20]);
        let histogram = of(&micros);
        assert!(
            histogram
                .quantile(0.98)
                .is_some_and(|it| it.as_micros() <= 112)
        );
        assert!(
            histogram
                .quantile(0.99)
                .is_some_and(|it| it.as_micros() >= 49_152)
        );
        assert_eq!(
            histogram.quantile(1.0),
            Some(Duration::from_micros(1 << OCTAVES)),
            "of the last bucket only the start is known"
        );
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }

    #[test]
    fn what_was_added_since_is_the_difference() {
        let (before, now) = (of(&[10, 20]), of(&[10, 20, 20, 3000]));
        let added = now.since(&before);
        assert_eq!(added, of(&[20, 3000]));
        assert_eq!(before.since(&now).count(), 0, "nothing is below zero");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let histogram = of(&[0, 7, 900, 900, u64::MAX >> 20]);
        let json = serde_json::to_string(&histogram).expect("it is written");
        let back: Histogram = serde_json::from_str(&json).expect("it is read");
        assert_eq!(back, histogram);
        let empty = serde_json::to_string(&Histogram::default()).expect("it is written");
        assert_eq!(empty, r#"{"sum_us":0,"buckets":[]}"#);
    }

    #[test]
    fn doublings_count_what_is_below_them() {
        let histogram = of(&[0, 3, 15, 16, 1 << 20]);
        let below: Vec<u64> = [2, 4, 5, 20, 21].map(|it| histogram.below(it)).into();
        assert_eq!(below, [2, 3, 4, 4, 5]);
    }
}
