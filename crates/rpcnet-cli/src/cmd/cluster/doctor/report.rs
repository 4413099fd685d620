//! Findings, printed.

use serde_json::json;

use super::count;
use super::finding::{Finding, Severity};
use crate::cmd::access::ascii_json;

/// A line per finding, what to do below it, and the sum.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = match finding.severity {
            Severity::Ok => "ok",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        let (check, subject) = (finding.check, &finding.subject);
        text.push_str(&format!(
            "{word:<8} {check:<12} {subject}: {}\n",
            finding.text
        ));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("{:<22}-> {hint}\n", ""));
        }
    }
    let of = |severity| count(findings, severity);
    text.push_str(&format!(
        "\n{} ok, {} warnings, {} errors\n",
        of(Severity::Ok),
        of(Severity::Warning),
        of(Severity::Error)
    ));
    text
}

/// One object.
pub(super) fn json(findings: &[Finding]) -> String {
    let report = json!({
        "findings": findings,
        "warnings": count(findings, Severity::Warning),
        "errors": count(findings, Severity::Error),
    });
    ascii_json(&report.to_string()) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_lines_with_what_to_do_below() {
        let findings = [
            Finding::ok("seeds", "10.0.0.1:1", "answers"),
            Finding::warning("clock", "a", "is 3 s ahead", "set it"),
            Finding::error(
                "names",
                "b\u{1b}[2J",
                "is for \"c\"",
                "--server-name: give it",
            ),
        ];
        assert_eq!(
            text(&findings),
            "\
ok       seeds        10.0.0.1:1: answers
WARNING  clock        a: is 3 s ahead
                      -> set it
ERROR    names        b\\u{1b}[2J: is for \"c\"
                      -> --server-name: give it

1 ok, 1 warnings, 1 errors
"
        );
        let json: serde_json::Value = serde_json::from_str(&json(&findings)).expect("it is JSON");
        assert_eq!((&json["errors"], &json["warnings"]), (&1.into(), &1.into()));
        assert_eq!(json["findings"][2]["severity"], "error");
        assert_eq!(json["findings"][0].get("hint"), None);
    }
}
