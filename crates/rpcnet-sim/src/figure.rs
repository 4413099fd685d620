//! Measured values, the goals they are held against, and how both are printed.

use std::fmt;
use std::fs;
use std::time::Duration;

/// A measured value.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// How much it is.
    pub value: f64,
    /// In which unit.
    pub unit: &'static str,
    /// What it has to be.
    pub goal: Goal,
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Anything: it is there to be known.
    Any,
}

impl Goal {
    /// Whether `value` meets it.
    #[must_use]
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Any => true,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {}", number(*most)),
            Self::AtLeast(least) => write!(f, ">= {}", number(*least)),
            Self::Any => f.write_str("-"),
        }
    }
}

impl Figure {
    /// A value in `unit`.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, goal: Goal) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            goal,
        }
    }

    /// A time, in seconds.
    #[must_use]
    pub fn seconds(name: impl Into<String>, value: Duration, goal: Goal) -> Self {
        Self::new(name, value.as_secs_f64(), "s", goal)
    }

    /// A number of things.
    #[must_use]
    pub fn count(name: impl Into<String>, value: u64, goal: Goal) -> Self {
        Self::new(name, value as f64, "", goal)
    }

    /// Whether the goal is met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.goal.is_met(self.value)
    }

    /// The line that says so, with the baseline's value beside it.
    #[must_use]
    pub fn line(&self, baseline: Option<f64>) -> String {
        let verdict = match (self.goal, self.is_met()) {
            (Goal::Any, _) => "",
            (_, true) => "ok",
            (_, false) => "short",
        };
        let baseline = baseline.map_or_else(String::new, |value| format!("foca {}", number(value)));
        let (name, value, goal) = (&self.name, number(self.value), self.goal.to_string());
        let unit = self.unit;
        let line = format!("{name:<52} {value:>10} {unit:<10} {goal:<10} {verdict:<6} {baseline}");
        line.trim_end().to_owned()
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// The value below which a share of `sorted` lies: the nearest rank. Zero of none.
#[must_use]
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let at = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or_default()
}

/// Values, the smallest first.
#[must_use]
pub fn sorted(mut values: Vec<Duration>) -> Vec<Duration> {
    values.sort_unstable();
    values
}

/// The most memory that this process has had, as the kernel counts it, in 10^9 bytes.
#[must_use]
pub fn peak_gb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.map_or(f64::INFINITY, |kib| kib * 1024.0 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_secs).collect();
        assert_eq!(percentile(&values, 0.5), Duration::from_secs(50));
        assert_eq!(percentile(&values, 0.99), Duration::from_secs(99));
        assert_eq!(percentile(&values, 1.0), Duration::from_secs(100));
        assert_eq!(percentile(&values[..1], 0.01), Duration::from_secs(1));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn a_value_beyond_its_goal_is_short() {
        let figure = Figure::new("a", 1.5, "s", Goal::AtMost(1.0));
        assert!(!figure.is_met());
        assert!(figure.line(Some(3.0)).contains("short"));
        assert!(figure.line(Some(3.0)).ends_with("foca 3"));
        assert!(Figure::new("a", 1.0, "s", Goal::AtMost(1.0)).is_met());
        assert!(!Figure::new("a", 0.9, "s", Goal::AtLeast(1.0)).is_met());
        assert!(Figure::new("a", 0.9, "s", Goal::Any).is_met());
    }
}
