//! The documents tell the truth about the tree: what they name exists.

use std::collections::BTreeSet;

use crate::dependencies;
use crate::items;
use crate::markdown;
use crate::tree::{self, Document, Violation};

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// The heading under which ARCHITECTURE.md lists what always holds.
const INVARIANTS: &str = "Invariants";

/// How a path in a document starts; other words in backticks are not paths.
const TOP: [&str; 6] = ["crates/", "deploy/", "docs/", "examples/", "fuzz/", ".ci/"];

/// Files, tests and dependencies that the documents name ahead of their arrival. Once all
/// of them exist the list has to go, and a test says so.
pub(crate) const PENDING: &[&str] = &[
    "a_panicking_handler_fails_its_own_call_only",
    "a_peer_without_a_certificate_reaches_no_handler",
    "a_refused_call_never_reached_its_handler",
    "a_silent_server_does_not_outlast_the_deadline",
    "dropping_a_call_cancels_its_handler",
    "resets_do_not_raise_the_number_of_running_handlers",
    "shutdown_ends_within_its_grace_period",
];

/// Every file and every folder, without a slash at the end.
fn places() -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for file in tree::files() {
        let mut at = file.as_str();
        while let Some((folder, _)) = at.rsplit_once('/') {
            places.insert(folder.to_owned());
            at = folder;
        }
        places.insert(file);
    }
    places
}

fn test_names() -> BTreeSet<String> {
    let sources = tree::sources();
    let functions = sources
        .iter()
        .flat_map(|source| items::functions(&source.test_code()));
    functions.map(|function| function.name).collect()
}

/// Paths in backticks that do not exist.
fn missing_paths(document: &Document, places: &BTreeSet<String>) -> Vec<Violation> {
    let named = markdown::inline_code(&document.text)
        .into_iter()
        .filter(|code| {
            TOP.iter().any(|top| code.target.starts_with(top))
                && !code.target.contains([' ', '*', '<'])
        });
    let missing = named.filter(|code| !is_there(code.target.trim_end_matches('/'), places));
    missing
        .map(|code| Violation::new(&document.path, code.line, code.target))
        .collect()
}

/// Links into the tree whose file or heading does not exist.
fn broken_links(
    document: &Document,
    documents: &[Document],
    places: &BTreeSet<String>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for link in markdown::links(&document.text) {
        if link.target.contains("://") || link.target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
        let path = if file.is_empty() {
            document.path.clone()
        } else {
            resolve(&document.path, file)
        };
        let target = documents.iter().find(|other| other.path == path);
        let has_anchor = target.is_none_or(|target| {
            markdown::anchors(&target.text)
                .iter()
                .any(|made| made == anchor)
        });
        if !is_there(&path, places) || !(anchor.is_empty() || has_anchor) {
            found.push(Violation::new(&document.path, link.line, &link.target));
        }
    }
    found
}

/// Reads `target` against the folder of the document at `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_there(path: &str, places: &BTreeSet<String>) -> bool {
    places.contains(path) || PENDING.contains(&path)
}

/// Invariants are numbered lines; each names a test that exists.
fn loose_invariants(text: &str, tests: &BTreeSet<String>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, line) in numbered_items(markdown::section(text, INVARIANTS)) {
        let named = markdown::inline_code(&line);
        let is_held = named
            .iter()
            .any(|code| tests.contains(&code.target) || PENDING.contains(&code.target.as_str()));
        if !is_held {
            found.push(Violation::new(
                ARCHITECTURE,
                0,
                format!("invariant {at} names no test that exists"),
            ));
        }
        // A name with underscores and nothing else around it claims to be a test.
        let claimed = named.iter().filter(|code| {
            code.target.matches('_').count() >= WORDS_OF_A_CLAIM
                && code
                    .target
                    .bytes()
                    .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        });
        let absent = claimed.filter(|code| {
            !tests.contains(&code.target) && !PENDING.contains(&code.target.as_str())
        });
        found.extend(
            absent
                .map(|code| Violation::new(ARCHITECTURE, 0, format!("no test `{}`", code.target))),
        );
    }
    found
}

/// From how many underscores on a name reads as a test's claim.
const WORDS_OF_A_CLAIM: usize = 3;

/// `1. text` with the lines that continue it.
fn numbered_items(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let number = line
            .split_once(". ")
            .and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            found.push((number, line.to_owned()));
        } else if line.starts_with("  ")
            && let Some((_, last)) = found.last_mut()
        {
            last.push(' ');
            last.push_str(line.trim());
        }
    }
    found
}

/// Modules at the top of the library that the map leaves out.
fn unmapped_modules(text: &str, places: &BTreeSet<String>) -> Vec<Violation> {
    let named = markdown::inline_code(text);
    let is_named = |module: &str| {
        named.iter().any(|code| {
            let rest = code.target.strip_prefix(module);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        })
    };
    let modules: BTreeSet<&str> = places
        .iter()
        .filter_map(|place| {
            let inside = place.strip_prefix("crates/rpcnet/src/")?;
            (!inside.contains('/')).then(|| module_stem(place))
        })
        .collect();
    let absent = modules.into_iter().filter(|module| !is_named(module));
    absent
        .map(|module| {
            Violation::new(
                ARCHITECTURE,
                0,
                format!("the code map leaves out `{module}`"),
            )
        })
        .collect()
}

/// `a/b.rs` and `a/b/` are one module.
fn module_stem(path: &str) -> &str {
    path.trim_end_matches('/').trim_end_matches(".rs")
}

fn architecture() -> Document {
    let documents = tree::documents("md");
    documents
        .into_iter()
        .find(|file| file.path == ARCHITECTURE)
        .expect("ARCHITECTURE.md exists")
}

#[test]
fn every_path_that_a_document_names_exists() {
    let places = places();
    let documents = tree::documents("md");
    let named = markdown::inline_code(&architecture().text);
    assert!(
        named.iter().any(|code| code.target.starts_with("crates/")),
        "the map names no path"
    );
    tree::require_none(
        documents
            .iter()
            .flat_map(|document| missing_paths(document, &places)),
    );
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let places = places();
    let documents = tree::documents("md");
    let broken = documents
        .iter()
        .flat_map(|document| broken_links(document, &documents, &places));
    tree::require_none(broken);
}

#[test]
fn every_invariant_names_the_test_that_holds_it() {
    let text = architecture().text;
    assert!(
        !numbered_items(markdown::section(&text, INVARIANTS)).is_empty(),
        "no invariants listed"
    );
    tree::require_none(loose_invariants(&text, &test_names()));
}

#[test]
fn the_code_map_leaves_out_no_module() {
    tree::require_none(unmapped_modules(&architecture().text, &places()));
}

#[test]
fn nothing_stays_pending_once_all_of_it_exists() {
    let arrived = &(&places() | &test_names()) | &dependencies::used();
    let all_arrived = PENDING.iter().all(|name| arrived.contains(*name));
    assert!(
        PENDING.is_empty() || !all_arrived,
        "everything in PENDING exists: empty it"
    );
}

mod bites {
    use std::collections::BTreeSet;

    use super::{broken_links, loose_invariants, missing_paths, unmapped_modules};
    use crate::tree::Document;

    fn document(path: &str, text: &str) -> Document {
        Document {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_path_that_does_not_exist_is_seen() {
        let places = set(&["crates/a", "crates/a/b.rs"]);
        let text = "`crates/a/`, `crates/a/b.rs`, `crates/*/c.rs` and `Vec<u8>`";
        assert!(missing_paths(&document("A.md", text), &places).is_empty());
        assert_eq!(
            missing_paths(&document("A.md", "`crates/a/c.rs`"), &places).len(),
            1
        );
    }

    #[test]
    fn a_broken_link_is_seen() {
        let places = set(&["docs", "docs/a.md", "B.md"]);
        let other = document("B.md", "# One two\n");
        let count = |text: &str| {
            let from = document("docs/a.md", text);
            broken_links(&from, &[from.clone(), other.clone()], &places).len()
        };
        assert_eq!(
            count("[x](../B.md) [y](../B.md#one-two) [z](https://example.com/q) [w](../docs/)"),
            0
        );
        assert_eq!(count("[x](B.md)"), 1);
        assert_eq!(count("[x](../B.md#three)"), 1);
        assert_eq!(count("# Here\n[x](#here) [y](#there)"), 1);
    }

    #[test]
    fn an_invariant_that_nothing_holds_is_seen() {
        let tests = set(&["a_call_ends_once_only"]);
        let held = "## Invariants\n1. A call ends once:\n   `a_call_ends_once_only`.\n## Next\n2. Not one.\n";
        assert!(loose_invariants(held, &tests).is_empty());
        assert_eq!(
            loose_invariants("## Invariants\n1. Nothing holds `this`.\n", &tests).len(),
            1
        );
        let half = "## Invariants\n1. `a_call_ends_once_only` and `some_test_long_gone`.\n";
        assert_eq!(loose_invariants(half, &tests).len(), 1);
    }

    #[test]
    fn a_module_off_the_map_is_seen() {
        let folder = set(&["crates/rpcnet/src/a", "crates/rpcnet/src/a/mod.rs"]);
        assert!(unmapped_modules("`crates/rpcnet/src/a/mod.rs`", &folder).is_empty());
        assert_eq!(
            unmapped_modules("`crates/rpcnet/src/ab.rs`", &folder).len(),
            1
        );
        let places = set(&[
            "crates/rpcnet/src/a.rs",
            "crates/rpcnet/src/a",
            "crates/rpcnet/src/a/c.rs",
        ]);
        assert!(unmapped_modules("`crates/rpcnet/src/a.rs`", &places).is_empty());
        assert_eq!(
            unmapped_modules("`crates/rpcnet/src/b.rs`", &places).len(),
            1
        );
    }
}
