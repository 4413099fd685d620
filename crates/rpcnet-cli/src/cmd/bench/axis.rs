//! [`Axis`]: from values to places on paper.

/// How values are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// One dimension of a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

/// About how many names an axis has.
const TICKS: f64 = 6.0;
/// The least value of a logarithmic axis.
const LOG_MIN: f64 = 1e-6;

impl Axis {
    /// An axis on which the values `from` and `to` are at the places `start` and `end`. A linear
    /// one is extended to a round number.
    pub(super) fn new(scale: Scale, from: f64, to: f64, start: f64, end: f64) -> Self {
        let (from, to) = match scale {
            Scale::Linear => (from, if to > from { to } else { from + 1.0 }),
            Scale::Log => {
                let from = from.max(LOG_MIN);
                // At least a factor of ten.
                (from, to.max(from * 10.0))
            }
        };
        Self {
            scale,
            from,
            to,
            start,
            end,
        }
    }

    /// Where the value is; what is beyond the axis is at its end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Log => (value.max(LOG_MIN) / self.from).ln() / (self.to / self.from).ln(),
        };
        self.start + (self.end - self.start) * share.clamp(0.0, 1.0)
    }

    /// Round values along the axis.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => self.linear_ticks(),
            Scale::Log => self.powers(),
        }
    }

    fn linear_ticks(&self) -> Vec<f64> {
        let rough = (self.to - self.from) / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step).floor() as i64;
        // Rounded to the step's own digits: 3 * 0.1 is not 0.3.
        let decimals = usize::try_from(-power.log10().floor() as i64).unwrap_or(0);
        (first..=last)
            .filter_map(|tick| format!("{:.decimals$}", tick as f64 * step).parse().ok())
            .collect()
    }

    /// Powers of ten; every second or third one where there are many.
    fn powers(&self) -> Vec<f64> {
        let first = (self.from.log10() - 1e-9).ceil() as i32;
        let last = (self.to.log10() + 1e-9).floor() as i32;
        let every = 1 + (last - first).max(0) / TICKS as i32;
        (first..=last)
            .rev()
            .step_by(usize::try_from(every).unwrap_or(1))
            // Parsed, because a power of ten below one is not exact as a product.
            .filter_map(|power| format!("1e{power}").parse().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_an_axis_are_where_they_were_asked_for() {
        for scale in [Scale::Linear, Scale::Log] {
            let axis = Axis::new(scale, 1.0, 1000.0, 10.0, 110.0);
            assert!((axis.at(1.0) - 10.0).abs() < 1e-9);
            assert!((axis.at(1000.0) - 110.0).abs() < 1e-9);
            assert!((axis.at(1e9) - 110.0).abs() < 1e-9, "beyond it");
        }
        let log = Axis::new(Scale::Log, 1.0, 100.0, 0.0, 100.0);
        assert!((log.at(10.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let linear = Axis::new(Scale::Linear, 0.0, 10.0, 0.0, 1.0);
        assert_eq!(linear.ticks(), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let small = Axis::new(Scale::Linear, 0.0, 0.5, 0.0, 1.0);
        assert_eq!(small.ticks(), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
        let log = Axis::new(Scale::Log, 0.05, 120.0, 0.0, 1.0);
        assert_eq!(log.ticks(), [100.0, 10.0, 1.0, 0.1]);
        let wide = Axis::new(Scale::Log, 1e-5, 1e7, 0.0, 1.0);
        assert!(wide.ticks().len() <= 7, "{:?}", wide.ticks());
    }

    #[test]
    fn an_axis_without_extent_is_one_all_the_same() {
        for scale in [Scale::Linear, Scale::Log] {
            let axis = Axis::new(scale, 0.0, 0.0, 0.0, 100.0);
            assert!(axis.at(0.0).is_finite());
            assert!(!axis.ticks().is_empty());
        }
    }
}
