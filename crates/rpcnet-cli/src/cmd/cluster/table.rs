//! A view as a table.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::view::{Node, Quorum, View};
use crate::cmd::access::printable;

/// Characters that a cell may take.
const NAME_CHARS_MAX: usize = 64;
const ADDRESS_CHARS_MAX: usize = 56;
const WORD_CHARS_MAX: usize = 16;
const TAGS_CHARS_MAX: usize = 200;

/// The members that pass, who says so, and how much of the cluster that is.
///
/// `now` is in milliseconds since 1970; `shown` says which of the members pass.
pub(super) fn render(view: &View, shown: &[&Node], place: &str, now: u64) -> String {
    let heading = ["NAME", "STATE", "ADDRESS", "STARTED", "INC", "TAGS"].map(String::from);
    let rows = shown.iter().map(|node| {
        [
            name(node),
            printable(&node.state, WORD_CHARS_MAX),
            printable(&node.address, ADDRESS_CHARS_MAX),
            started(node.epoch, now),
            node.incarnation.to_string(),
            tags(node),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(rows).collect();
    let mut text = columns(&rows);
    text.push('\n');
    text.push_str(&totals(view, shown.len()));
    if let Some(quorum) = &view.quorum {
        text.push_str(&in_reach(quorum));
    }
    text.push_str(&format!(
        "answered by {} at {place}, cluster {}, revision {}\n",
        printable(&view.node, NAME_CHARS_MAX),
        printable(&view.cluster, NAME_CHARS_MAX),
        view.revision
    ));
    text
}

/// Rows of cells, each column as wide as its widest cell.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The node that answers is marked.
fn name(node: &Node) -> String {
    let mark = if node.is_self { " *" } else { "" };
    printable(&node.name, NAME_CHARS_MAX) + mark
}

/// The epoch of a node is when it started, in milliseconds since 1970, unless it was set
/// otherwise or clocks disagree.
fn started(epoch: u64, now: u64) -> String {
    let Some(ago) = now.checked_sub(epoch).filter(|_| epoch >= YEAR_2020_MS) else {
        return "-".into();
    };
    let seconds = ago / 1000;
    let text = match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    };
    text + " ago"
}

const YEAR_2020_MS: u64 = 1_577_836_800_000;

/// Now, as an epoch would be.
pub(super) fn ms_since_1970() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Tags as `key=value`, in quotes where the value has more than letters and signs.
pub(crate) fn tags(node: &Node) -> String {
    tag_words(&node.tags)
}

/// As [`tags`], of tags alone.
pub(crate) fn tag_words(tags: &BTreeMap<String, String>) -> String {
    let tags: Vec<String> = tags.iter().map(|(key, value)| tag(key, value)).collect();
    printable(&tags.join(" "), TAGS_CHARS_MAX)
}

fn tag(key: &str, value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._/:-+@".contains(c);
    if value.is_empty() {
        key.to_owned()
    } else if value.chars().all(is_plain) {
        format!("{key}={value}")
    } else {
        format!("{key}=\"{value}\"")
    }
}

fn totals(view: &View, shown: usize) -> String {
    let all = view.members.len();
    let count = |state| {
        view.members
            .iter()
            .filter(|node| node.state == state)
            .count()
    };
    let states: Vec<String> = ["alive", "suspect", "failed", "left"]
        .into_iter()
        .map(|state| (count(state), state))
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {state}"))
        .collect();
    let hidden = match all.saturating_sub(shown) {
        0 => String::new(),
        hidden => format!("; {hidden} not shown, they do not pass the filter"),
    };
    format!("members: {all} ({}){hidden}\n", states.join(", "))
}

fn in_reach(quorum: &Quorum) -> String {
    let suspects = match quorum.suspects {
        0 => String::new(),
        suspects => format!(", {suspects} of them suspect"),
    };
    format!(
        "quorum: {} of {} voters in reach{suspects}: {}{}\n",
        quorum.reachable,
        quorum.known,
        printable(&quorum.side.to_lowercase(), WORD_CHARS_MAX),
        if quorum.stable {
            ", stable"
        } else {
            ", changing"
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;

    fn read() -> View {
        serde_json::from_value(view()).expect("it is one")
    }

    #[test]
    fn a_view_is_a_table_with_totals() {
        let view = read();
        let shown: Vec<&Node> = view.members.iter().collect();
        let text = render(&view, &shown, "127.0.0.1:1", YEAR_2020_MS);
        assert_eq!(
            text,
            "\
NAME        STATE   ADDRESS      STARTED  INC  TAGS
director *  alive   127.0.0.1:1  -        0    role=director
worker-1    failed  127.0.0.1:2  -        3    gpu=\"a 100\" role=worker

members: 2 (1 alive, 1 failed)
quorum: 2 of 2 voters in reach: whole, stable
answered by director at 127.0.0.1:1, cluster demo, revision 7
"
        );
        let text = render(&view, &[], "127.0.0.1:1", YEAR_2020_MS);
        assert!(text.contains("; 2 not shown, they do not pass"), "{text}");
    }

    #[test]
    fn a_hostile_member_takes_one_line_of_bounded_length() {
        let mut view = read();
        let member = &mut view.members[1];
        member.name = "\u{1b}[2J\n".repeat(1000);
        member.address = "\u{7}".repeat(1000);
        member.state = "\n".repeat(1000);
        member.tags = (0..1000)
            .map(|n| (n.to_string(), "\u{9b}".into()))
            .collect();
        let shown: Vec<&Node> = view.members.iter().collect();
        let text = render(&view, &shown, "127.0.0.1:1", 0);
        assert!(
            text.chars().all(|c| c == '\n' || (' '..='~').contains(&c)),
            "{text}"
        );
        assert_eq!(text.lines().count(), 7, "{text}");
        assert!(text.lines().all(|line| line.len() < 500), "{text}");
    }

    #[test]
    fn an_epoch_is_an_age_where_it_can_be_one() {
        let now = YEAR_2020_MS + 10 * 86_400_000;
        for (epoch, text) in [
            (now, "0 s ago"),
            (now - 119_999, "119 s ago"),
            (now - 120_000, "2 min ago"),
            (now - 7_200_000, "2 h ago"),
            (now - 172_800_000, "2 d ago"),
            (now + 1, "-"),
            (0, "-"),
            (u64::MAX, "-"),
        ] {
            assert_eq!(started(epoch, now), text);
        }
    }
}
