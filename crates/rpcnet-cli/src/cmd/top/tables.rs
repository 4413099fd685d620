//! The tables as words: what the screen and the plain lines have in common.

use super::app::{Order, Tab};
use crate::cmd::access::printable;
use crate::cmd::observe::words::{age, count, micros, phi, rate};
use crate::cmd::observe::{MemberRow, Picture};

/// A table: its heading, its rows, and which rows want a look.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) heading: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
    /// Columns that are left out where there is no room, those first that matter least.
    pub(super) dropped: &'static [usize],
    /// What is said where there is no row.
    pub(super) empty: &'static str,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) weight: Weight,
}

/// How much a row wants to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Plain,
    Doubtful,
    Bad,
}

/// One of the tables of a picture.
pub(super) fn table(picture: &Picture, tab: Tab, order: Order) -> Table {
    match tab {
        Tab::Members => members(picture, order),
        Tab::Methods => methods(picture, order),
        Tab::Calls => calls(picture),
        Tab::Errors => errors(picture),
    }
}

fn members(picture: &Picture, order: Order) -> Table {
    let mut members: Vec<&MemberRow> = picture.members.iter().collect();
    match order {
        Order::Name => {}
        Order::Rate => members.sort_by(|a, b| greatest(a.calls_per_s(), b.calls_per_s())),
        Order::Slowest => members.sort_by_key(|row| std::cmp::Reverse(row.p99_us())),
        Order::Phi => members.sort_by(|a, b| greatest(a.phi, b.phi)),
    }
    Table {
        heading: vec![
            "NAME", "STATE", "CALLS/S", "FAIL/S", "RUN", "P50", "P99", "PHI", "TREND", "ADDRESS",
            "TAGS",
        ],
        rows: members.into_iter().map(member).collect(),
        dropped: &[10, 9, 8, 5, 3, 7],
        empty: "no member is known",
    }
}

fn member(row: &MemberRow) -> Row {
    let mark = if row.answers { " *" } else { "" };
    let running = row.running.or(row.seen.as_ref().map(|seen| seen.in_flight));
    let weight = match row.state.as_str() {
        "failed" => Weight::Bad,
        "alive" if row.reachable && row.failed_per_s().is_none_or(|failed| failed == 0.0) => {
            Weight::Plain
        }
        "left" => Weight::Plain,
        _ => Weight::Doubtful,
    };
    Row {
        cells: vec![
            printable(&row.name, NAME_CHARS_MAX) + mark,
            printable(&row.condition(), STATE_CHARS_MAX),
            rate(row.calls_per_s()),
            rate(row.failed_per_s()),
            count(running),
            micros(row.typical_us()),
            micros(row.p99_us()),
            phi(row.phi),
            trend(&row.history),
            printable(&row.address, NAME_CHARS_MAX),
            printable(&row.tags, TEXT_CHARS_MAX),
        ],
        weight,
    }
}

fn methods(picture: &Picture, order: Order) -> Table {
    let mut methods: Vec<_> = picture.methods.iter().collect();
    match order {
        Order::Name | Order::Phi => {}
        Order::Rate => {
            methods.sort_by(|a, b| greatest(Some(a.calls_per_s), Some(b.calls_per_s)));
        }
        Order::Slowest => methods.sort_by_key(|row| std::cmp::Reverse(row.p99_us)),
    }
    let rows = methods.into_iter().map(|row| Row {
        cells: vec![
            printable(&row.method, METHOD_CHARS_MAX),
            rate(Some(row.calls_per_s)),
            rate(Some(row.failed_per_s)),
            row.in_flight.to_string(),
            micros(row.p50_us),
            micros(row.p99_us),
            row.total.to_string(),
        ],
        weight: if row.failed_per_s > 0.0 {
            Weight::Doubtful
        } else {
            Weight::Plain
        },
    });
    Table {
        heading: vec!["METHOD", "CALLS/S", "FAIL/S", "RUN", "P50", "P99", "TOTAL"],
        rows: rows.collect(),
        dropped: &[6, 4, 2],
        empty: "no node has counted a call yet",
    }
}

fn calls(picture: &Picture) -> Table {
    let rows = picture.calls.iter().map(|call| Row {
        cells: vec![
            age(call.age_ms),
            age(call.left_ms),
            printable(&call.node, NAME_CHARS_MAX),
            printable(&call.method, METHOD_CHARS_MAX),
            printable(&call.caller, NAME_CHARS_MAX),
        ],
        weight: Weight::Plain,
    });
    Table {
        heading: vec!["AGE", "LEFT", "NODE", "METHOD", "CALLER"],
        rows: rows.collect(),
        dropped: &[1, 4],
        empty: "no call has to wait for its handler",
    }
}

fn errors(picture: &Picture) -> Table {
    let rows = picture.errors.iter().map(|error| Row {
        cells: vec![
            crate::cmd::stamp::of_ms(error.at_ms),
            printable(&error.node, NAME_CHARS_MAX),
            printable(&error.what, METHOD_CHARS_MAX),
            printable(&error.code, STATE_CHARS_MAX),
            printable(&error.message, TEXT_CHARS_MAX),
            printable(&error.caller, NAME_CHARS_MAX),
        ],
        weight: Weight::Plain,
    });
    Table {
        heading: vec!["AT", "NODE", "WHAT", "CODE", "MESSAGE", "CALLER"],
        rows: rows.collect(),
        dropped: &[5, 0, 1],
        empty: "nothing has failed",
    }
}

/// The greatest first, and what is not known last.
fn greatest(a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
    let value = |it: Option<f64>| it.unwrap_or(-1.0);
    value(b).total_cmp(&value(a))
}

/// The rates of the last spans as bars, newest at the right.
fn trend(history: &[(f64, Option<u64>)]) -> String {
    const BARS: [char; 8] = [
        '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
        '\u{2588}',
    ];
    let skipped = history.len().saturating_sub(TREND_CHARS);
    let shown = &history[skipped..];
    let highest = shown.iter().map(|(rate, _)| *rate).fold(0.0, f64::max);
    let bar = |rate: f64| {
        let share = if highest > 0.0 { rate / highest } else { 0.0 };
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    shown.iter().map(|(rate, _)| bar(*rate)).collect()
}

/// What is to be said above the tables.
pub(super) fn summary(picture: &Picture) -> String {
    if let Some(problem) = &picture.problem {
        return printable(problem, TEXT_CHARS_MAX);
    }
    let states = ["alive", "suspect", "failed", "left"].map(|state| {
        let of = picture
            .members
            .iter()
            .filter(|member| member.state == state);
        (of.count(), state)
    });
    let states = states.iter().filter(|(count, _)| *count > 0);
    let mut words: Vec<String> = states
        .map(|(count, state)| format!("{count} {state}"))
        .collect();
    if picture.members_left_out > 0 {
        words.push(format!("{} not shown", picture.members_left_out));
    }
    if !picture.quorum.is_empty() {
        words.push(printable(&picture.quorum, TEXT_CHARS_MAX));
    }
    words.join(", ")
}

/// What all members do together.
pub(super) fn totals(picture: &Picture) -> String {
    let sum = |of: fn(&MemberRow) -> Option<f64>| -> Option<f64> {
        let known = picture.members.iter().filter_map(of);
        known.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    };
    let running: u64 = picture.members.iter().filter_map(|row| row.running).sum();
    let slowest = picture.members.iter().filter_map(MemberRow::p99_us).max();
    format!(
        "{} calls/s, {} failing/s, {running} running, slowest p99 {}",
        rate(sum(MemberRow::calls_per_s)),
        rate(sum(MemberRow::failed_per_s)),
        micros(slowest)
    )
}

const NAME_CHARS_MAX: usize = 56;
const METHOD_CHARS_MAX: usize = 64;
const STATE_CHARS_MAX: usize = 40;
const TEXT_CHARS_MAX: usize = 200;
const TREND_CHARS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_relative_to_its_highest_and_as_long_as_it_may_be() {
        let history: Vec<(f64, Option<u64>)> = (0..20).map(|n| (f64::from(n), None)).collect();
        let bars = trend(&history);
        assert_eq!(bars.chars().count(), TREND_CHARS);
        assert!(bars.ends_with('\u{2588}'), "{bars}");
        assert_eq!(trend(&[(0.0, None)]), "\u{2581}");
        assert_eq!(trend(&[]), "");
    }

    #[test]
    fn members_are_sorted_by_what_was_asked_for() {
        let row = |name: &str, phi: Option<f64>| MemberRow {
            name: name.into(),
            state: "alive".into(),
            reachable: true,
            phi,
            ..MemberRow::default()
        };
        let picture = Picture {
            members: vec![row("a", None), row("b", Some(1.0)), row("c", Some(2.0))],
            ..Picture::default()
        };
        let names = |order| -> Vec<String> {
            let table = table(&picture, Tab::Members, order);
            table.rows.iter().map(|row| row.cells[0].clone()).collect()
        };
        assert_eq!(names(Order::Name), ["a", "b", "c"]);
        assert_eq!(names(Order::Phi), ["c", "b", "a"]);
    }

    #[test]
    fn a_hostile_member_is_shown_escaped_and_bounded() {
        let evil = "\u{1b}[2J\u{202e}".repeat(1_000);
        let picture = Picture {
            members: vec![MemberRow {
                name: evil.clone(),
                state: evil.clone(),
                tags: evil.clone(),
                address: evil,
                ..MemberRow::default()
            }],
            ..Picture::default()
        };
        let table = table(&picture, Tab::Members, Order::Name);
        let text = table.rows[0].cells.join("");
        assert!(text.chars().all(|c| (' '..='~').contains(&c)), "{text}");
        assert!(text.len() < 600, "{}", text.len());
    }
}
