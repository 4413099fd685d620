//! [`Histogram`]: how long calls took, as a node tells it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Counts of durations, by the microsecond at which their bucket ends; the last has no end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Sparse")]
pub(crate) struct Histogram(BTreeMap<u64, u64>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sparse {
    buckets: Vec<(Option<u64>, u64)>,
}

impl From<Sparse> for Histogram {
    fn from(sparse: Sparse) -> Self {
        let buckets = sparse.buckets.into_iter();
        Self(
            buckets
                .map(|(end, count)| (end.unwrap_or(u64::MAX), count))
                .collect(),
        )
    }
}

impl Histogram {
    /// What was added since an earlier state.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let added = self.0.iter().map(|(end, count)| {
            let before = earlier.0.get(end).copied().unwrap_or(0);
            (*end, count.saturating_sub(before))
        });
        Self(added.filter(|(_, count)| *count > 0).collect())
    }

    /// All durations of both.
    pub(crate) fn add(&mut self, other: &Self) {
        for (end, count) in &other.0 {
            let sum = self.0.entry(*end).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// The end of the bucket that so many in a hundred do not exceed, in microseconds; `None`
    /// where there are none.
    pub(crate) fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self
            .0
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count));
        let rank = all.saturating_mul(percent).div_ceil(100).max(1);
        let mut below: u64 = 0;
        for (end, count) in &self.0 {
            below = below.saturating_add(*count);
            if below >= rank {
                return Some(*end);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Histogram {
        serde_json::from_str(json).expect("it is one")
    }

    #[test]
    fn percentiles_are_the_ends_of_buckets() {
        let histogram = read(r#"{"sum_us": 9, "buckets": [[10, 50], [20, 49], [null, 1]]}"#);
        for (percent, end) in [(0, 10), (50, 10), (51, 20), (99, 20), (100, u64::MAX)] {
            assert_eq!(histogram.percentile(percent), Some(end), "{percent}");
        }
        assert_eq!(read("{}").percentile(50), None);
    }

    #[test]
    fn a_span_of_time_is_the_difference_of_two_states() {
        let before = read(r#"{"buckets": [[10, 5], [20, 5]]}"#);
        let after = read(r#"{"buckets": [[10, 5], [20, 6], [40, 1]]}"#);
        let mut span = after.since(&before);
        assert_eq!(
            (span.percentile(50), span.percentile(100)),
            (Some(20), Some(40))
        );
        // One that started anew has fewer.
        assert_eq!(before.since(&after).percentile(50), None);
        span.add(&before);
        assert_eq!(span.percentile(10), Some(10));
    }
}
