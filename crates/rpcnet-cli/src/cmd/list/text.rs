//! The list as text.

use serde_json::json;

use crate::cmd::access::{ascii_json, printable};
use crate::cmd::reflection::{Catalogue, Method};

const NAME_CHARS_MAX: usize = 128;
const DOC_CHARS_MAX: usize = 72;

/// Methods under their services; those without one come last.
pub(super) fn table(catalogue: &Catalogue, is_one: bool) -> String {
    let mut text = String::new();
    let of = |service: &str| {
        let methods = catalogue.methods.iter();
        methods
            .filter(|method| method.service == service)
            .collect::<Vec<_>>()
    };
    for service in &catalogue.services {
        let methods = of(&service.name);
        if !methods.is_empty() {
            let name = printable(&service.name, NAME_CHARS_MAX);
            group(&mut text, &name, &service.doc, &methods);
        }
    }
    let without = of("");
    if !without.is_empty() {
        let name = if is_one { "" } else { "(no service)" };
        group(&mut text, name, "", &without);
    }
    if text.is_empty() {
        text.push_str("no methods but those of the library: --all shows them\n");
    }
    text
}

fn group(text: &mut String, name: &str, doc: &str, methods: &[&Method]) {
    if !text.is_empty() {
        text.push('\n');
    }
    match first_line(doc) {
        doc if doc.is_empty() => text.push_str(&format!("{name}\n")),
        doc => text.push_str(&format!("{name}: {doc}\n")),
    }
    let width = methods
        .iter()
        .map(|method| method.method.chars().count().min(NAME_CHARS_MAX))
        .max()
        .unwrap_or_default();
    for method in methods {
        let name = printable(&method.method, NAME_CHARS_MAX);
        let doc = match method.typed || method.is_builtin() {
            true => first_line(&method.doc),
            false => "takes and answers bytes".into(),
        };
        let line = format!("  {name:width$}  {:16}  {doc}", method.kind);
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// The first line of a doc comment, as much of it as fits.
fn first_line(doc: &str) -> String {
    printable(doc.lines().next().unwrap_or_default(), DOC_CHARS_MAX)
}

/// An object for each method.
pub(super) fn json(catalogue: &Catalogue) -> String {
    let lines = catalogue.methods.iter().map(|method| {
        let line = json!({
            "method": method.method,
            "service": method.service,
            "kind": method.kind.to_string().replace(' ', "_"),
            "typed": method.typed,
            "idempotent": method.idempotent,
            "timeout_ms": method.timeout_ms,
            "codecs": method.codecs,
            "fingerprint": method.fingerprint,
            "doc": method.doc,
        });
        ascii_json(&line.to_string()) + "\n"
    });
    lines.collect()
}
