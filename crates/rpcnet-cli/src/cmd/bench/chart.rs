//! Plots of a run, as SVG that needs nothing else.

use std::fmt::Write as _;

use super::axis::{Axis, Scale};
use super::summary::{Point, Summary};
use super::words::{rate, time};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
/// Room for the names of the axes.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 30.0;

/// For light and dark paper, and for those who see few colours.
pub(super) const STYLE: &str = "\
.plot{font:12px sans-serif;fill:#555}\
.plot .grid{stroke:#8884;fill:none}\
.plot .bar{fill:#0072b2}\
.plot .line{fill:none;stroke-width:2}\
.plot .a{stroke:#0072b2}.plot .b{stroke:#d55e00}.plot .c{stroke:#888}\
.plot .before{stroke:#d55e00;stroke-dasharray:5 4}\
.plot text.a{fill:#0072b2;stroke:none}.plot text.b{fill:#d55e00;stroke:none}\
.plot text.c{fill:#888;stroke:none}.plot text.before{fill:#d55e00;stroke:none}\
@media(prefers-color-scheme:dark){.plot{fill:#bbb}.plot .bar{fill:#56b4e9}\
.plot .a{stroke:#56b4e9}.plot .b,.plot .before{stroke:#e69f00}\
.plot text.a{fill:#56b4e9}.plot text.b,.plot text.before{fill:#e69f00}}";

/// Height of all plots together.
pub(super) const ALL_HEIGHT: f64 = 3.0 * HEIGHT;

/// How the latencies are distributed, and how those of an earlier run were.
pub(super) fn histogram(summary: &Summary, before: Option<&Summary>) -> String {
    let shares = shares(summary);
    let earlier = before.map(self::shares).unwrap_or_default();
    let all = || shares.iter().chain(&earlier);
    let longest = all().map(|it| it.0).fold(1.0, f64::max);
    let shortest = all().map(|it| it.0).fold(longest, f64::min) / BUCKET;
    let least = all().map(|it| it.1).fold(100.0, f64::min);
    let x = Axis::new(Scale::Log, shortest, longest, LEFT, WIDTH - RIGHT);
    let y = Axis::new(Scale::Log, least / 2.0, 100.0, HEIGHT - BOTTOM, TOP);
    let mut out = open("Latencies: share of calls, by how long they took");
    grid(&mut out, &x, &y, time, |share| format!("{share} %"));
    for (up_to, share) in &shares {
        let (left, right) = (x.at(up_to / BUCKET), x.at(*up_to));
        let _ = writeln!(
            out,
            "<rect class=\"bar\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
             <title>up to {}: {share:.4} %</title></rect>",
            y.at(*share),
            (right - left - 0.5).max(0.5),
            HEIGHT - BOTTOM - y.at(*share),
            time(*up_to)
        );
    }
    if !earlier.is_empty() {
        let points = earlier.iter().map(|it| (x.at(it.0), y.at(it.1)));
        polyline(&mut out, "before", points);
        legend(&mut out, &[("before", "before")]);
    }
    close(out)
}

/// Calls per second, over time.
pub(super) fn throughput(summary: &Summary, before: Option<&Summary>) -> String {
    let points = |run: &Summary| -> Vec<(f64, f64)> {
        let middle = |point: &Point| (point.at_s + point.width_s / 2.0, point.rate);
        run.whole_points().map(middle).collect()
    };
    let now = points(summary);
    let earlier = before.map(points).unwrap_or_default();
    let most = now
        .iter()
        .chain(&earlier)
        .map(|it| it.1)
        .fold(1.0, f64::max);
    let x = time_axis(summary, before);
    let y = Axis::new(Scale::Linear, 0.0, most, HEIGHT - BOTTOM, TOP);
    let mut out = open("Calls that succeeded, per second");
    grid(&mut out, &x, &y, seconds, rate);
    let placed = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().map(|it| (x.at(it.0), y.at(it.1))).collect()
    };
    polyline(&mut out, "a", placed(&now).into_iter());
    if !earlier.is_empty() {
        polyline(&mut out, "before", placed(&earlier).into_iter());
        legend(&mut out, &[("a", "now"), ("before", "before")]);
    }
    close(out)
}

/// Percentiles, over time.
pub(super) fn latency(summary: &Summary) -> String {
    type Of = fn(&Point) -> Option<f64>;
    let lines: [(&str, &str, Of); 3] = [
        ("c", "max", |point| point.max_us),
        ("b", "p99", |point| point.p99_us),
        ("a", "p50", |point| point.p50_us),
    ];
    let values = |of: Of| summary.series.iter().filter_map(of);
    let all = || lines.iter().flat_map(|(_, _, of)| values(*of));
    let most = all().fold(1.0, f64::max);
    let least = all().fold(most, f64::min);
    let x = time_axis(summary, None);
    let y = Axis::new(Scale::Log, least, most, HEIGHT - BOTTOM, TOP);
    let mut out = open("Latency of the calls that ended in each interval");
    grid(&mut out, &x, &y, seconds, time);
    for (class, _, of) in lines {
        let placed = summary.series.iter().filter_map(|point| {
            let middle = point.at_s + point.width_s / 2.0;
            of(point).map(|us| (x.at(middle), y.at(us)))
        });
        polyline(&mut out, class, placed);
    }
    let names = lines.map(|(class, name, _)| (class, name));
    legend(&mut out, &names);
    close(out)
}

/// All plots as a file of its own.
pub(super) fn file(summary: &Summary, before: Option<&Summary>) -> String {
    let plots = [
        histogram(summary, before),
        throughput(summary, before),
        latency(summary),
    ];
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {ALL_HEIGHT}\">\n\
         <style>:root{{color-scheme:light dark}}{STYLE}</style>\n"
    );
    for (at, plot) in plots.iter().enumerate() {
        let _ = writeln!(
            out,
            "<svg y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">{plot}</svg>",
            at as f64 * HEIGHT
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A bucket's end as a multiple of its beginning: twenty for a factor of ten.
const BUCKET: f64 = 1.122_018_454_301_963_3;

/// The end of each bucket, and its share in per cent.
fn shares(summary: &Summary) -> Vec<(f64, f64)> {
    let all = summary.calls.succeeded.max(1) as f64;
    let buckets = summary.histogram.iter();
    buckets
        .map(|bucket| (bucket.up_to_us, 100.0 * bucket.count as f64 / all))
        .collect()
}

fn time_axis(summary: &Summary, before: Option<&Summary>) -> Axis {
    let end = |run: &Summary| run.series.last().map_or(1.0, |it| it.at_s + it.width_s);
    let end = end(summary).max(before.map_or(0.0, end));
    Axis::new(Scale::Linear, 0.0, end, LEFT, WIDTH - RIGHT)
}

fn seconds(seconds: f64) -> String {
    format!("{seconds} s")
}

fn open(title: &str) -> String {
    format!(
        "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-label=\"{title}\">\n<text x=\"0\" y=\"14\">{title}</text>\n"
    )
}

fn close(mut out: String) -> String {
    out.push_str("</svg>\n");
    out
}

fn grid(
    out: &mut String,
    x: &Axis,
    y: &Axis,
    x_name: impl Fn(f64) -> String,
    y_name: impl Fn(f64) -> String,
) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in y.ticks() {
        let at = y.at(tick);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            y_name(tick)
        );
    }
    for tick in x.ticks() {
        let at = x.at(tick);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            x_name(tick)
        );
    }
}

fn polyline(out: &mut String, class: &str, points: impl Iterator<Item = (f64, f64)>) {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        out,
        "<polyline class=\"line {class}\" points=\"{}\"/>",
        points.join(" ")
    );
}

fn legend(out: &mut String, names: &[(&str, &str)]) {
    for (at, (class, name)) in names.iter().enumerate() {
        let x = WIDTH - RIGHT - 60.0 * at as f64;
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"14\" text-anchor=\"end\">{name}</text>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    /// Every number in the attributes that place something.
    fn coordinates(svg: &str) -> Vec<f64> {
        let is_number = |text: &&str| !text.is_empty();
        let texts = svg.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
        let numbers = texts.filter(is_number).filter_map(|text| text.parse().ok());
        numbers.collect()
    }

    #[test]
    fn plots_are_drawn_with_finite_numbers_only() {
        let now = run(&[1000.0, 0.0, 2000.0]);
        let before = run(&[500.0]);
        let mut empty = run(&[]);
        empty.latency = None;
        empty.histogram.clear();
        empty.calls.succeeded = 0;
        for summary in [&now, &before, &empty] {
            for before in [None, Some(&before), Some(&empty)] {
                let svg = file(summary, before);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
                assert!(coordinates(&svg).iter().all(|it| it.abs() < 1e6), "{svg}");
            }
        }
    }

    #[test]
    fn an_earlier_run_is_drawn_beside_the_new_one() {
        let now = run(&[1000.0, 1000.0]);
        assert!(!file(&now, None).contains("class=\"line before\""));
        let both = file(&now, Some(&now));
        assert_eq!(both.matches("class=\"line before\"").count(), 2);
    }

    #[test]
    fn a_second_without_calls_is_a_gap_in_latency_and_zero_in_throughput() {
        let mut summary = run(&[1000.0, 0.0, 1000.0]);
        let still = &mut summary.series[1];
        (still.p50_us, still.p99_us, still.max_us) = (None, None, None);
        let points = |svg: &str| {
            let line = svg.split("class=\"line a\" points=\"").nth(1);
            let line = line.and_then(|rest| rest.split('"').next());
            line.map_or(0, |points| points.split(' ').count())
        };
        assert_eq!(points(&throughput(&summary, None)), 3);
        assert_eq!(points(&latency(&summary)), 2);
    }
}
