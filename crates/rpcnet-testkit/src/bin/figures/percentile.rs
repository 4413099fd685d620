//! Order statistics of measured times.

use std::time::Duration;

/// Returns the time, in milliseconds, that `share` of the samples do not exceed; not a number where
/// there are none, which meets no goal.
pub(crate) fn percentile_ms(samples: &mut [Duration], share: f64) -> f64 {
    samples.sort_unstable();
    let rank = (share * samples.len() as f64).ceil().max(1.0) as usize;
    samples
        .get(rank - 1)
        .map_or(f64::NAN, |sample| sample.as_secs_f64() * 1e3)
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
    }
}
