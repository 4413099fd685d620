//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write as _;

use super::Exporter;
use super::collect::{Sink, Value};
use super::family::{FAMILIES, Id};
use crate::metrics::Histogram;

/// Buckets are told at two to the power of these many microseconds: 16 µs to 67 s.
const OCTAVES: std::ops::RangeInclusive<u32> = 4..=26;

impl Exporter {
    /// All that is exported, in the text format of Prometheus.
    #[must_use]
    pub fn render_prometheus(&self) -> String {
        let mut text = Text(vec![String::new(); FAMILIES.len()]);
        self.collect(&mut text);
        let mut all = String::new();
        for (family, lines) in FAMILIES.iter().zip(text.0) {
            if lines.is_empty() {
                continue;
            }
            let (name, kind) = (family.name, family.kind.name());
            // A `String` takes everything.
            let _ = writeln!(all, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
            all.push_str(&lines);
        }
        all
    }
}

/// The lines of each family.
struct Text(Vec<String>);

impl Sink for Text {
    fn put(&mut self, id: Id, labels: &[&str], value: Value<'_>) {
        let family = id.family();
        let lines = &mut self.0[id as usize];
        let pairs = family.labels.iter().zip(labels);
        let mut told = String::new();
        for (name, value) in pairs {
            let _ = write!(told, "{name}=\"");
            escape(&mut told, value);
            told.push_str("\",");
        }
        let name = family.name;
        match value {
            Value::Counter(count) => line(lines, name, &told, &count),
            Value::Gauge(gauge) => line(lines, name, &told, &Number(gauge)),
            Value::Histogram(histogram) => buckets(lines, name, &told, histogram),
        }
    }
}

fn buckets(lines: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let (bucket, sum) = (format!("{name}_bucket"), format!("{name}_sum"));
    for octave in OCTAVES {
        let end = (1_u64 << octave) as f64 / 1e6;
        let labels = format!("{labels}le=\"{end}\",");
        line(lines, &bucket, &labels, &histogram.below(octave));
    }
    let count = histogram.count();
    line(lines, &bucket, &format!("{labels}le=\"+Inf\","), &count);
    line(lines, &sum, labels, &histogram.sum().as_secs_f64());
    line(lines, &format!("{name}_count"), labels, &count);
}

fn line(lines: &mut String, name: &str, labels: &str, value: &dyn std::fmt::Display) {
    let labels = labels.strip_suffix(',').unwrap_or(labels);
    let _ = writeln!(lines, "{name}{{{labels}}} {value}");
}

/// As the format has numbers that are none.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            number if number.is_nan() => f.write_str("NaN"),
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => number.fmt(f),
        }
    }
}

/// A label's value; what would end it or the line is escaped.
fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            // The format would let them through, terminals should not have to.
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(id: Id, labels: &[&str], value: Value<'_>) -> String {
        let mut text = Text(vec![String::new(); FAMILIES.len()]);
        text.put(id, labels, value);
        text.0.swap_remove(id as usize)
    }

    #[test]
    fn no_label_can_end_its_line_or_its_quotes() {
        let hostile = "a\"} 1\nrpcnet_fake 2\\\u{1b}[31m";
        let told = lines(Id::ServerRunning, &[hostile], Value::Gauge(1.5));
        let same = "rpcnet_server_running_calls{server=\"a\\\"} 1\\nrpcnet_fake 2\\\\\u{fffd}[31m\"} 1.5\n";
        assert_eq!(told, same);
    }

    #[test]
    fn a_histogram_is_told_in_cumulative_buckets() {
        let mut counts = vec![0; 101];
        counts[super::super::super::histogram::bucket_of(100)] = 2;
        counts[100] = 1;
        let histogram = Histogram::new(counts, Duration::from_secs(70));
        let value = Value::Histogram(&histogram);
        let told = lines(Id::ServerDuration, &["s", "m"], value);
        let name = "rpcnet_server_call_duration_seconds";
        for line in [
            "_bucket{server=\"s\",method=\"m\",le=\"0.000064\"} 0",
            "_bucket{server=\"s\",method=\"m\",le=\"0.000128\"} 2",
            "_bucket{server=\"s\",method=\"m\",le=\"67.108864\"} 2",
            "_bucket{server=\"s\",method=\"m\",le=\"+Inf\"} 3",
            "_sum{server=\"s\",method=\"m\"} 70",
            "_count{server=\"s\",method=\"m\"} 3",
        ] {
            assert!(
                told.contains(&format!("{name}{line}\n")),
                "{line} in\n{told}"
            );
        }
    }

    #[test]
    fn numbers_that_are_none_have_the_names_of_the_format() {
        for (number, told) in [
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (0.25, "0.25"),
        ] {
            assert_eq!(Number(number).to_string(), told);
        }
    }
}
