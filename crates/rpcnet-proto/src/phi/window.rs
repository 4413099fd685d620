//! The last intervals between heartbeats, and their mean and variance.

use std::collections::VecDeque;
use std::time::Duration;

/// A ring of intervals in microseconds, with their sum and the sum of their squares.
///
/// Both sums are whole numbers and exact, however long the window is in use: nothing
/// drifts, and nothing cancels when the variance is taken from them.
#[derive(Clone, Debug)]
pub(super) struct Window {
    samples: VecDeque<u32>,
    len_max: usize,
    sum: u64,
    squares: u128,
}

impl Window {
    /// A window of at most `len_max` intervals; `first` ones are in it until as many
    /// were measured.
    pub(super) fn new(len_max: usize, first: [Duration; 2]) -> Self {
        let mut window = Self {
            samples: VecDeque::new(),
            len_max: len_max.clamp(first.len(), LEN_CEILING),
            sum: 0,
            squares: 0,
        };
        for interval in first {
            window.push(interval);
        }
        window
    }

    /// Takes up an interval, the longest that is kept being [`INTERVAL_CEILING`], and
    /// lets go of the oldest where the window is full.
    pub(super) fn push(&mut self, interval: Duration) {
        let micros = interval.min(INTERVAL_CEILING).as_micros();
        let micros = u32::try_from(micros).unwrap_or(u32::MAX);
        if self.samples.len() >= self.len_max
            && let Some(oldest) = self.samples.pop_front()
        {
            self.sum -= u64::from(oldest);
            self.squares -= square(oldest);
        }
        self.samples.push_back(micros);
        self.sum += u64::from(micros);
        self.squares += square(micros);
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// In microseconds.
    pub(super) fn mean(&self) -> f64 {
        self.sum as f64 / self.samples.len() as f64
    }

    /// In microseconds.
    pub(super) fn std_deviation(&self) -> f64 {
        let count = self.samples.len() as u128;
        let sum = u128::from(self.sum);
        // n * sum(x^2) >= sum(x)^2, by Cauchy and Schwarz; the difference is exact.
        let spread = (count * self.squares).saturating_sub(sum * sum);
        (spread as f64).sqrt() / count as f64
    }
}

fn square(micros: u32) -> u128 {
    u128::from(micros) * u128::from(micros)
}

/// The most intervals of a window: 64 KiB.
pub(super) const LEN_CEILING: usize = 16_384;

/// The longest interval that is told from longer ones.
pub(super) const INTERVAL_CEILING: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_last_intervals() {
        let mut window = Window::new(4, [us(375), us(625)]);
        assert_eq!((window.mean(), window.std_deviation()), (500.0, 125.0));
        for micros in [100, 300, 500, 700] {
            window.push(us(micros));
        }
        assert_eq!(window.len(), 4, "the first estimates are gone");
        assert_eq!(window.mean(), 400.0);
        assert!((window.std_deviation() - 50_000_f64.sqrt()).abs() < 1e-9);
        for _ in 0..4 {
            window.push(us(7));
        }
        assert_eq!((window.mean(), window.std_deviation()), (7.0, 0.0));
    }

    /// Where the textbook's formula in floating point yields noise, or less than zero.
    #[test]
    fn a_tiny_spread_of_huge_intervals_is_exact_after_a_million_of_them() {
        let hour = INTERVAL_CEILING;
        let mut window = Window::new(1_000, [hour, Duration::MAX]);
        for turn in 0..1_000_000_u64 {
            window.push(us(turn * 7_919 % 3_600_000_000));
        }
        for turn in 0..1_000 {
            window.push(hour - us(turn % 2));
        }
        assert_eq!(window.mean(), 3_599_999_999.5);
        assert_eq!(window.std_deviation(), 0.5);
    }

    #[test]
    fn the_length_is_bounded() {
        let mut window = Window::new(usize::MAX, [us(1), us(1)]);
        for _ in 0..LEN_CEILING + 10 {
            window.push(us(1));
        }
        assert_eq!(window.len(), LEN_CEILING);
        assert_eq!(Window::new(0, [us(1), us(1)]).len(), 2);
    }
}
