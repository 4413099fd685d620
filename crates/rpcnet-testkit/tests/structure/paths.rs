//! The paths that a file names, with its `use` lines applied: after
//! `use tokio::task as t`, a `t::spawn` counts as `tokio::task::spawn`.

use std::collections::HashMap;

use crate::lexer::{Kind, Token};

/// One path as written at one place, with its first segment resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathUse {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

impl PathUse {
    /// Whether the path lies at or under `pattern` (`tokio::task` is under
    /// `tokio`). A glob import counts for everything that it could bring in.
    pub(crate) fn is_under(&self, pattern: &str) -> bool {
        let pattern: Vec<&str> = pattern.split("::").collect();
        let compared = match self.segments.split_last() {
            Some((last, before)) if last == "*" => before.len().min(pattern.len()),
            _ => pattern.len(),
        };
        self.segments.len() >= compared
            && self
                .segments
                .iter()
                .zip(&pattern)
                .take(compared)
                .all(|(a, b)| a == b)
    }

    /// Whether the path contains the segments of `pattern` one after another.
    pub(crate) fn contains(&self, pattern: &str) -> bool {
        let pattern: Vec<&str> = pattern.split("::").collect();
        self.segments
            .windows(pattern.len())
            .any(|window| window == pattern)
    }

    /// The path as one writes it.
    pub(crate) fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// Every path in `code` (tokens without comments), `use` lines included.
/// `module` is the file's own place, such as `["crate", "server", "call"]`;
/// `self` and `super` are read against it.
pub(crate) fn paths(code: &[Token<'_>], module: &[String]) -> Vec<PathUse> {
    let mut found = Vec::new();
    let mut names: HashMap<String, Vec<String>> = HashMap::new();
    let mut rest = Vec::new();
    let mut at = 0;
    while at < code.len() {
        // `use<'a>` in a return type captures lifetimes and imports nothing.
        let is_import =
            code[at].is_word("use") && !code.get(at + 1).is_some_and(|t| t.is_mark("<"));
        if is_import {
            let end = at
                + code[at..]
                    .iter()
                    .take_while(|token| !token.is_mark(";"))
                    .count();
            let mut leaves = Vec::new();
            import_leaves(&code[at + 1..end], &[], &mut leaves);
            for leaf in leaves {
                let segments = absolute(leaf.segments, module);
                names.insert(leaf.name, segments.clone());
                found.push(PathUse {
                    segments,
                    line: leaf.line,
                });
            }
            at = end;
        } else {
            rest.push(code[at]);
            at += 1;
        }
    }
    collect_uses(&rest, module, &names, &mut found);
    found
}

struct Leaf {
    segments: Vec<String>,
    name: String,
    line: usize,
}

/// Flattens one `use` tree.
fn import_leaves(tree: &[Token<'_>], prefix: &[String], leaves: &mut Vec<Leaf>) {
    for branch in split_at_commas(tree) {
        let mut segments = prefix.to_vec();
        let mut name = None;
        let mut at = 0;
        while let Some(token) = branch.get(at) {
            if token.is_mark("{") {
                import_leaves(&branch[at + 1..branch.len() - 1], &segments, leaves);
                break;
            } else if token.is_word("as") {
                name = branch.get(at + 1).map(|alias| alias.text.to_owned());
                break;
            } else if token.kind == Kind::Word || token.is_mark("*") {
                segments.push(token.text.to_owned());
            }
            at += 1;
        }
        let is_group = branch.get(at).is_some_and(|token| token.is_mark("{"));
        if !is_group && let Some(first) = branch.first() {
            if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
                segments.pop();
            }
            let last = segments.last().cloned().unwrap_or_default();
            leaves.push(Leaf {
                segments,
                name: name.unwrap_or(last),
                line: first.line,
            });
        }
    }
}

fn split_at_commas<'a, 'b>(tree: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let mut depth = 0_usize;
    tree.split(|token| {
        if token.is_mark("{") {
            depth += 1;
        } else if token.is_mark("}") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.is_mark(",")
    })
    .filter(|branch| !branch.is_empty())
    .collect()
}

/// Paths outside `use` lines. What follows a dot is a method or a field, and
/// a lifetime's name is no path either.
fn collect_uses(
    code: &[Token<'_>],
    module: &[String],
    names: &HashMap<String, Vec<String>>,
    found: &mut Vec<PathUse>,
) {
    let mut at = 0;
    while at < code.len() {
        let is_member = at > 0 && (code[at - 1].is_mark(".") || code[at - 1].is_mark("'"));
        let is_start = code[at].kind == Kind::Word && !is_member;
        if !is_start {
            at += 1;
            continue;
        }
        let line = code[at].line;
        let mut segments = vec![code[at].text.to_owned()];
        at += 1;
        while at + 1 < code.len() && code[at].is_mark("::") && code[at + 1].kind == Kind::Word {
            segments.push(code[at + 1].text.to_owned());
            at += 2;
        }
        // A single word may be a variable of that name, and what was imported
        // under it has been seen at its `use` line.
        if segments.len() > 1
            && let Some(full) = names.get(&segments[0])
        {
            segments.splice(0..1, full.iter().cloned());
        }
        found.push(PathUse {
            segments: absolute(segments, module),
            line,
        });
    }
}

/// Reads a leading `self` or `super` against the file's module.
fn absolute(segments: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut taken = 0;
    for segment in &segments {
        match segment.as_str() {
            "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        taken += 1;
    }
    if taken == 0 || segments.len() == 1 {
        return segments;
    }
    base.extend(segments.into_iter().skip(taken));
    base
}

#[cfg(test)]
mod tests {
    use super::paths;
    use crate::lexer::code;

    fn texts(source: &str) -> Vec<String> {
        let module = ["crate", "server", "call"].map(str::to_owned);
        paths(&code(source), &module)
            .iter()
            .map(super::PathUse::text)
            .collect()
    }

    #[test]
    fn grouped_and_renamed_imports_are_followed() {
        let found = texts(
            "use tokio::{self, task::{self as t, spawn}}; fn f() { t::yield_now(); spawn(x) }",
        );
        for expected in [
            "tokio",
            "tokio::task",
            "tokio::task::spawn",
            "tokio::task::yield_now",
        ] {
            assert!(
                found.iter().any(|path| path == expected),
                "{expected} in {found:?}"
            );
        }
    }

    #[test]
    fn self_and_super_are_read_against_the_module() {
        let found =
            texts("use super::router::Router; fn f() { super::super::client::go(); self::x::y() }");
        for expected in [
            "crate::server::router::Router",
            "crate::client::go",
            "crate::server::call::x::y",
        ] {
            assert!(
                found.iter().any(|path| path == expected),
                "{expected} in {found:?}"
            );
        }
    }

    #[test]
    fn a_variable_is_not_taken_for_an_import_of_its_name() {
        let found =
            texts("use s2n::connection; fn f(connection: &C) { g(connection); connection::h() }");
        let resolved: Vec<_> = found
            .iter()
            .filter(|path| path.starts_with("s2n::"))
            .collect();
        assert_eq!(resolved, ["s2n::connection", "s2n::connection::h"]);
    }

    #[test]
    fn methods_fields_and_comments_are_no_paths() {
        let found = texts("// tokio::spawn\nfn f() { tasks.spawn(job); \"std::thread::spawn\"; }");
        assert!(
            !found.iter().any(|path| path.contains("spawn")),
            "{found:?}"
        );
    }

    #[test]
    fn a_glob_counts_for_whatever_it_could_bring_in() {
        let module = ["crate".to_owned()];
        let found = paths(&code("use tokio::*;"), &module);
        assert!(found.iter().any(|path| path.is_under("tokio::spawn")));
        assert!(!found.iter().any(|path| path.is_under("std::thread")));
    }

    #[test]
    fn a_path_is_under_its_own_prefix_only() {
        let module = ["crate".to_owned()];
        let found = paths(&code("fn f() { tokio_util::sync::x() }"), &module);
        assert!(!found.iter().any(|path| path.is_under("tokio")));
        assert!(found.iter().any(|path| path.is_under("tokio_util::sync")));
        assert!(found.iter().any(|path| path.contains("sync::x")));
    }

    #[test]
    fn a_capture_list_is_not_an_import() {
        let found = texts("fn f<'a>() -> impl Sized + use<'a> { g() } fn h() { tokio::spawn(x) }");
        assert!(found.iter().any(|path| path == "tokio::spawn"), "{found:?}");
    }
}
