//! Order statistics of what was measured.

use std::time::Duration;

/// Returns the time, in milliseconds, that `share` of the samples do not exceed; not a number where
/// there are none, which meets no goal.
pub(crate) fn percentile_ms(samples: &mut [Duration], share: f64) -> f64 {
    samples.sort_unstable();
    samples
        .get(rank(samples.len(), share))
        .map_or(f64::NAN, |sample| sample.as_secs_f64() * 1e3)
}

/// As [`percentile_ms`], of numbers.
pub(crate) fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let rank = rank(samples.len(), share);
    samples.get(rank).copied().unwrap_or(f64::NAN)
}

/// Where that sample is, of so many in order.
fn rank(samples: usize, share: f64) -> usize {
    (share * samples as f64).ceil().max(1.0) as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_maximum_are_samples() {
        let mut samples: Vec<Duration> = (1..=5).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile_ms(&mut samples, 0.5), 3.0);
        assert_eq!(percentile_ms(&mut samples, 1.0), 5.0);
        assert!(percentile_ms(&mut [], 0.5).is_nan());
        let mut samples = [4.0, 2.0, 3.0, 1.0];
        let of = [0.0, 0.5, 1.0].map(|share| percentile(&mut samples, share));
        assert_eq!(of, [1.0, 2.0, 4.0]);
        assert!(percentile(&mut [], 0.5).is_nan());
    }
}
