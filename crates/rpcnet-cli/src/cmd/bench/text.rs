//! A run as text.

use std::fmt::Write as _;

use super::compare::{Comparison, load_words};
use super::summary::{Calls, Latency, LoadSummary, Summary};
use super::words::{bytes, count, rate, time};

/// Calls sent later than this, by this process alone, make latencies doubtful where it is also more
/// than this share of them.
const LAG_MAX_US: f64 = 1_000.0;
const LAG_SHARE_MAX: f64 = 0.1;

/// All that there is to say.
pub(super) fn render(summary: &Summary, comparison: Option<&Comparison>) -> String {
    let mut out = String::new();
    head(&mut out, summary);
    calls(&mut out, summary);
    match &summary.latency {
        Some(latency) => times(&mut out, "latency", latency),
        None => line(&mut out, "latency", "none: no call succeeded"),
    }
    open_loop(&mut out, summary);
    for error in &summary.errors {
        let mut found = format!("{} x {}", count(error.count), error.code);
        if !error.example.is_empty() {
            let _ = write!(found, ": {}", error.example);
        }
        line(&mut out, "error", &found);
    }
    if let Some(comparison) = comparison {
        compared(&mut out, comparison);
    }
    out
}

/// What was run, in a line.
pub(super) fn plan_words(summary: &Summary) -> String {
    let plan = &summary.plan;
    let amount = match (plan.duration_s, plan.calls) {
        (Some(seconds), _) => time(seconds * 1e6),
        (_, Some(calls)) => format!("{} calls", count(calls)),
        _ => String::new(),
    };
    let connections = match (plan.connections, plan.own_sockets) {
        (1, _) => "1 connection".to_owned(),
        (many, false) => format!("{many} connections"),
        (many, true) => format!("{many} connections with sockets of their own"),
    };
    let warm_up = match plan.warm_up_s {
        0.0 => "without warm-up".to_owned(),
        seconds => format!("after {} of warm-up", time(seconds * 1e6)),
    };
    format!(
        "{}, {connections}, {} of payload, {amount} {warm_up}",
        load_words(&plan.load),
        bytes(plan.payload_bytes as f64),
    )
}

/// What the reader should know before the figures are believed.
pub(super) fn cautions(summary: &Summary) -> Vec<String> {
    let mut found = Vec::new();
    let Calls {
        unsent, overdue, ..
    } = summary.calls;
    if summary.interrupted {
        found.push("the run was interrupted: calls under way are not counted".into());
    }
    if unsent > 0 {
        found.push(format!(
            "{} calls could not be sent by the end: the server did not keep up with the rate, and \
             the percentiles are of the calls that were sent",
            count(unsent)
        ));
    }
    if overdue > 0 {
        found.push(format!(
            "{} calls were sent late because too many were outstanding (--max-outstanding); their \
             latencies count from when they were due",
            count(overdue)
        ));
    }
    let latency_us = summary.latency.as_ref().map_or(0.0, |it| it.p99_us);
    let lag_max_us = LAG_MAX_US.max(latency_us * LAG_SHARE_MAX);
    if let Some(lag) = summary.lag.as_ref().filter(|lag| lag.p99_us > lag_max_us) {
        found.push(format!(
            "this machine sent calls late by itself, up to {} at p99: it is too busy for this rate",
            time(lag.p99_us)
        ));
    }
    if summary.calls.failed > 0 && summary.calls.succeeded > 0 {
        found.push("failed calls are not in the percentiles".into());
    }
    found
}

fn head(out: &mut String, summary: &Summary) {
    let subject = format!("{} at {}", summary.method.escape_debug(), summary.address);
    line(out, "bench", &subject);
    line(out, "load", &plan_words(summary));
}

fn calls(out: &mut String, summary: &Summary) {
    let calls = &summary.calls;
    let replies = summary.reply_bytes as f64 / summary.elapsed_s.max(f64::MIN_POSITIVE);
    let succeeded = format!(
        "{} in {}: {}, {}/s of replies",
        count(calls.succeeded),
        time(summary.elapsed_s * 1e6),
        rate(summary.rate),
        bytes(replies)
    );
    line(out, "succeeded", &succeeded);
    let failed = format!(
        "{} ({:.2} %)",
        count(calls.failed),
        100.0 * calls.failed as f64 / calls.due().max(1) as f64
    );
    line(out, "failed", &failed);
    let besides = format!(
        "{} to warm up, {} under way at the end",
        count(calls.warm_up),
        count(calls.after_end)
    );
    line(out, "besides", &besides);
    for caution in cautions(summary) {
        line(out, "note", &caution);
    }
}

fn times(out: &mut String, title: &str, latency: &Latency) {
    let mean = format!(
        "mean {}, standard deviation {}",
        time(latency.mean_us),
        time(latency.stdev_us)
    );
    line(out, title, &mean);
    for (name, us) in latency.rows() {
        let _ = writeln!(out, "  {name:>8}  {:>9}", time(us));
    }
}

fn open_loop(out: &mut String, summary: &Summary) {
    if let (LoadSummary::Open { .. }, Some(lag)) = (&summary.plan.load, &summary.lag) {
        let sent = format!(
            "calls left {} after they were due at p50, {} at p99, {} at most",
            time(lag.p50_us),
            time(lag.p99_us),
            time(lag.max_us)
        );
        line(out, "sending", &sent);
    }
}

fn compared(out: &mut String, comparison: &Comparison) {
    line(out, "compared", &format!("with {}", comparison.before_at));
    for difference in &comparison.differences {
        line(out, "differs", difference);
    }
    for row in &comparison.rows {
        let value = |value| match row.name {
            "rate" => rate(value),
            _ => time(value),
        };
        let noise = match row.noise {
            Some(noise) => format!("noise {:.1} %", noise * 100.0),
            None => "noise unknown".into(),
        };
        let _ = writeln!(
            out,
            "  {:>8}  {:>12} -> {:>12}  x {:.3}  {noise:<14} {}",
            row.name,
            value(row.before),
            value(row.now),
            row.ratio,
            row.verdict.words()
        );
    }
}

fn line(out: &mut String, title: &str, text: &str) {
    let _ = writeln!(out, "{title:<10} {text}");
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    #[test]
    fn the_text_says_what_was_measured_and_what_came_of_it() {
        let text = render(&run(&[1000.0, 1000.0]), None);
        for expected in [
            "bench      echo at 192.0.2.1:4433\n",
            "load       closed loop, 64 in flight, 1 connection, 64 B of payload, 2.00 s after 2.00 s \
             of warm-up\n",
            "succeeded  2,000 in 2.00 s: 1,000/s, 64.0 kB/s of replies\n",
            "failed     3 (0.15 %)\n",
            "     p99     900 us\n",
            "  p99.99    1.40 ms\n",
            "error      3 x UNAVAILABLE: ",
            "note       failed calls are not in the percentiles\n",
        ] {
            assert!(text.contains(expected), "{expected:?} in {text}");
        }
    }

    #[test]
    fn what_was_late_or_never_sent_is_said() {
        let mut summary = run(&[1000.0]);
        summary.calls.unsent = 1_234;
        summary.calls.overdue = 56;
        summary.interrupted = true;
        let text = render(&summary, None);
        for expected in [
            "1,234 calls could not be sent",
            "56 calls were sent late",
            "interrupted",
        ] {
            assert!(text.contains(expected), "{expected:?} in {text}");
        }
    }

    #[test]
    fn a_comparison_names_ratio_noise_and_verdict() {
        let before = run(&[1000.0, 1010.0, 990.0]);
        let now = run(&[2000.0, 2010.0, 1990.0]);
        let text = render(&now, Some(&Comparison::new(&before, &now)));
        assert!(text.contains("x 2.000"), "{text}");
        assert!(text.contains("better, beyond the noise"), "{text}");
        assert!(
            text.contains("compared   with 2026-01-31T23:59:59.123Z"),
            "{text}"
        );
    }
}
