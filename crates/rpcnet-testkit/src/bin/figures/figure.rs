//! One measured number and what it is held to.

use std::fmt;

/// A figure: its name, its value, and the goal that it meets or misses.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
}

/// What a value is compared with, in the figure's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing: it is there to be known.
    Any,
}

impl Figure {
    /// Says whether the goal is met; what is not a number never meets one.
    pub(crate) fn is_met(&self) -> bool {
        match self.goal {
            Goal::AtLeast(least) => self.value >= least,
            Goal::AtMost(most) => self.value <= most,
            Goal::Any => !self.value.is_nan(),
        }
    }
}

/// The line above the figures, which names the columns of [`Figure`]'s own form.
pub(crate) fn header() -> String {
    line("# figure", "value", "unit", "goal", "verdict")
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = match self.goal {
            Goal::AtLeast(least) => format!(">={}", number(least)),
            Goal::AtMost(most) => format!("<={}", number(most)),
            Goal::Any => "-".to_owned(),
        };
        let verdict = if self.is_met() { "ok" } else { "short" };
        f.write_str(&line(
            &self.name,
            &number(self.value),
            self.unit,
            &goal,
            verdict,
        ))
    }
}

/// The line of a scenario that this machine cannot measure.
pub(crate) fn skipped(scenario: &str) -> String {
    line(scenario, "-", "-", "-", "skipped")
}

/// No column contains a space, so that the line splits at white space.
fn line(name: &str, value: &str, unit: &str, goal: &str, verdict: &str) -> String {
    format!("{name:<34} {value:>12} {unit:<8} {goal:>12} {verdict}")
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, goal: Goal) -> Figure {
        let name = "soak-unary-lost".to_owned();
        Figure {
            name,
            value,
            unit: "calls",
            goal,
        }
    }

    #[test]
    fn a_goal_is_met_at_its_bound_and_missed_beyond_it() {
        assert!(figure(5.0, Goal::AtMost(5.0)).is_met());
        assert!(!figure(5.1, Goal::AtMost(5.0)).is_met());
        assert!(figure(5.0, Goal::AtLeast(5.0)).is_met());
        assert!(!figure(4.9, Goal::AtLeast(5.0)).is_met());
    }

    #[test]
    fn what_is_not_a_number_falls_short_of_every_goal() {
        assert!(!figure(f64::NAN, Goal::AtMost(5.0)).is_met());
        assert!(!figure(f64::NAN, Goal::AtLeast(5.0)).is_met());
        assert!(!figure(f64::NAN, Goal::Any).is_met());
    }

    #[test]
    fn a_line_has_five_columns_that_line_up_with_the_header() {
        let short = figure(2.5, Goal::AtMost(0.0)).to_string();
        let columns: Vec<&str> = short.split_whitespace().collect();
        assert_eq!(
            columns,
            ["soak-unary-lost", "2.50", "calls", "<=0", "short"]
        );
        assert_eq!(short.find("short"), header().find("verdict"));
        let known = figure(2.5, Goal::Any).to_string();
        assert_eq!(known.split_whitespace().nth(3), Some("-"));
        assert_eq!(skipped("soak").split_whitespace().count(), 5);
    }
}
