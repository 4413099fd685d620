//! An event as a line.

use serde_json::Value;

use super::table;
use super::view::{Event, Node};
use crate::cmd::access::printable;

const NAME_CHARS_MAX: usize = 64;
const DETAILS_CHARS_MAX: usize = 200;
/// The longest name of an event, `PartitionSuspected`, has fewer.
const KIND_WIDTH: usize = 18;

/// What happened, to whom, and what else is known.
pub(super) fn render(at: &str, event: &Event) -> String {
    let kind = printable(&event.kind, NAME_CHARS_MAX);
    let mut line = format!("{at}  {kind:<KIND_WIDTH$}");
    if let Some(member) = &event.member {
        line.push_str(&format!(
            "  {} at {}",
            printable(&member.name, NAME_CHARS_MAX),
            printable(&member.address, NAME_CHARS_MAX)
        ));
    }
    let details = details(event);
    if !details.is_empty() {
        line.push_str("  ");
        line.push_str(&printable_details(&details));
    }
    let mut line = line.trim_end().to_owned();
    line.push('\n');
    line
}

/// What else is known of it, fit for a terminal.
pub(crate) fn details_line(event: &Event) -> String {
    printable_details(&details(event))
}

fn details(event: &Event) -> Vec<String> {
    let mut found = Vec::new();
    match (event.kind.as_str(), &event.member, &event.before) {
        ("NodeJoined" | "NodeRecovered" | "NodeRestarted", Some(member), _) => {
            found.push(table::tags(member));
        }
        ("NodeTagsUpdated", Some(member), Some(before)) => found.push(tag_changes(member, before)),
        ("NodeMoved", _, Some(before)) => found.push(format!("was at {}", before.address)),
        _ => {}
    }
    found.extend(event.details.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key}: {text}"),
        Value::Number(number) if number.is_f64() => {
            format!("{key}: {:.1}", number.as_f64().unwrap_or_default())
        }
        other => format!("{key}: {other}"),
    }));
    found.retain(|text| !text.is_empty());
    found
}

fn printable_details(details: &[String]) -> String {
    printable(&details.join(", "), DETAILS_CHARS_MAX)
}

fn tag_changes(member: &Node, before: &Node) -> String {
    let mut changes = Vec::new();
    for (key, value) in &member.tags {
        match before.tags.get(key) {
            Some(old) if old == value => {}
            Some(old) => changes.push(format!("{key}={value} (was {old})")),
            None => changes.push(format!("+{key}={value}")),
        }
    }
    let gone = before
        .tags
        .keys()
        .filter(|key| !member.tags.contains_key(*key));
    changes.extend(gone.map(|key| format!("-{key}")));
    changes.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::view::tests::view;
    use super::*;

    fn line(event: Value) -> String {
        render("T", &serde_json::from_value(event).expect("it is one"))
    }

    #[test]
    fn a_line_says_what_happened_to_whom() {
        let member = &view()["members"][1];
        let mut before = member.clone();
        before["tags"] = json!({"role": "idle", "zone": "x"});
        before["address"] = json!("10.0.0.9:1");
        for (event, expected) in [
            (
                json!({"event": "NodeFailed", "member": member}),
                "T  NodeFailed          worker-1 at 127.0.0.1:2\n",
            ),
            (
                json!({"event": "NodeSuspected", "member": member, "reporter": "director"}),
                "T  NodeSuspected       worker-1 at 127.0.0.1:2  reporter: director\n",
            ),
            (
                json!({"event": "NodeUnreachable", "member": member, "phi": 8.25}),
                "T  NodeUnreachable     worker-1 at 127.0.0.1:2  phi: 8.2\n",
            ),
            (
                json!({"event": "NodeTagsUpdated", "member": member, "before": before}),
                "T  NodeTagsUpdated     worker-1 at 127.0.0.1:2  \
                 +gpu=a 100 role=worker (was idle) -zone\n",
            ),
            (
                json!({"event": "NodeMoved", "member": member, "before": before}),
                "T  NodeMoved           worker-1 at 127.0.0.1:2  was at 10.0.0.9:1\n",
            ),
            (
                json!({"event": "Lagged", "missed": 3}),
                "T  Lagged              missed: 3\n",
            ),
            (json!({"event": "MembersFull"}), "T  MembersFull\n"),
        ] {
            assert_eq!(line(event), expected);
        }
    }

    #[test]
    fn a_hostile_event_is_one_line_of_bounded_length() {
        let long = "\u{1b}\n\u{202e}".repeat(10_000);
        let text = line(json!({
            "event": long,
            "member": {"name": long, "address": long, "state": long, "tags": {"a": long}},
            "reporter": long, "evidence": {"x": [long]},
        }));
        assert_eq!(text.lines().count(), 1);
        assert!(text.len() < 600, "{}", text.len());
        let shown = text.trim_end().chars().all(|c| (' '..='~').contains(&c));
        assert!(shown, "{text}");
    }
}
