//! The types of a definition: its own text, without the services.

use std::ops::Range;

use crate::parse::definition::Definition;

/// The generated code may use what `types.rs` does not, and need not use all of it.
const ALLOW: &str = "#![allow(dead_code, unused_imports, reason = \"not all that is generated is \
                     used\")]\n";
/// What the private imports become: visible to the generated code beside them.
const VISIBILITY: &str = "pub(super) ";

/// The file's text with its comments and its format, but for the services.
pub(super) fn text(definition: &Definition<'_>) -> String {
    let text = definition.text;
    let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
    edits.extend(
        definition
            .cuts
            .iter()
            .map(|cut| (whole_lines(text, cut), "")),
    );
    let imports = definition.imports.iter();
    edits.extend(imports.map(|import| (import.visibility..import.visibility, VISIBILITY)));
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::from(ALLOW);
    let mut rest = String::new();
    let mut at = 0;
    for (range, replacement) in edits {
        rest.push_str(text.get(at..range.start).unwrap_or_default());
        rest.push_str(replacement);
        at = at.max(range.end);
    }
    rest.push_str(text.get(at..).unwrap_or_default());
    let rest = rest.trim_start_matches(['\r', '\n']).trim_end();
    if !rest.is_empty() {
        out.push('\n');
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// The types of a definition's first service, for another: they are the same types, not copies.
pub(super) fn shared_text(definition: &Definition<'_>, first: &str) -> String {
    let mut out = String::from(ALLOW);
    out.push('\n');
    for import in &definition.imports {
        let (start, end) = (import.item.start, import.item.end);
        out.push_str(
            definition
                .text
                .get(start..import.visibility)
                .unwrap_or_default(),
        );
        out.push_str(VISIBILITY);
        out.push_str(
            definition
                .text
                .get(import.visibility..end)
                .unwrap_or_default(),
        );
        out.push('\n');
    }
    out.push_str(&format!("pub use super::super::{first}::types::*;\n"));
    out
}

/// A cut with what would be left of its lines, and of the empty lines around it.
fn whole_lines(text: &str, cut: &Range<usize>) -> Range<usize> {
    let before = text.get(..cut.start).unwrap_or_default();
    let after = text.get(cut.end..).unwrap_or_default();
    let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
    let starts_line = before.len() == indent || before[..before.len() - indent].ends_with('\n');
    let spaces = after.len() - after.trim_start_matches([' ', '\t', '\r']).len();
    let rest = &after[spaces..];
    if !starts_line || !(rest.is_empty() || rest.starts_with('\n')) {
        return cut.clone();
    }
    let empty = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    cut.start - indent..cut.end + spaces + empty
}
