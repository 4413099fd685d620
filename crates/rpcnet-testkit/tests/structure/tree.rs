//! The files of the workspace, as the rules see them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::items;
use crate::lexer::{self, Token};
use crate::paths::{self, PathUse};

/// A text file: its path from the workspace's root, with slashes, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A Rust file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Whether a test build alone compiles the file.
    pub(crate) is_test: bool,
}

impl Source {
    /// A file as its path and text alone show it.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let is_test = path.ends_with("/tests.rs")
            || path
                .split('/')
                .any(|part| matches!(part, "tests" | "benches"));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            is_test,
        }
    }

    /// All code, without comments.
    pub(crate) fn code(&self) -> Vec<Token<'_>> {
        lexer::code(&self.text)
    }

    /// The code that a user's build compiles.
    pub(crate) fn product_code(&self) -> Vec<Token<'_>> {
        if self.is_test {
            Vec::new()
        } else {
            items::without_tests(&self.code())
        }
    }

    /// The code that only a test build compiles.
    pub(crate) fn test_code(&self) -> Vec<Token<'_>> {
        if self.is_test {
            self.code()
        } else {
            items::tests_only(&self.code())
        }
    }

    /// The paths that the product code names.
    pub(crate) fn product_paths(&self) -> Vec<PathUse> {
        paths::paths(&self.product_code(), &self.module())
    }

    /// The paths that any of the code names.
    pub(crate) fn all_paths(&self) -> Vec<PathUse> {
        paths::paths(&self.code(), &self.module())
    }

    /// The file's place in its crate: `crates/a/src/server/call.rs` is
    /// `crate::server::call`.
    fn module(&self) -> Vec<String> {
        let inside = self
            .path
            .rsplit_once("src/")
            .map_or(self.path.as_str(), |(_, rest)| rest);
        let inside = inside.strip_suffix(".rs").unwrap_or(inside);
        let parts = inside
            .split('/')
            .filter(|part| !matches!(*part, "lib" | "main" | "mod"));
        std::iter::once("crate")
            .chain(parts)
            .map(str::to_owned)
            .collect()
    }
}

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl std::fmt::Display) -> Self {
        Self(format!("{path}:{line}: {what}"))
    }
}

/// Applies `rule` to each of `sources`; fails with everything it found.
#[track_caller]
pub(crate) fn hold(sources: &[Source], rule: impl Fn(&Source) -> Vec<Violation>) {
    assert!(
        !sources.is_empty(),
        "the rule looked at nothing: have the files moved?"
    );
    require_none(sources.iter().flat_map(rule));
}

/// Fails if there is a violation, and lists them all.
#[track_caller]
pub(crate) fn require_none(violations: impl IntoIterator<Item = Violation>) {
    let lines: Vec<String> = violations
        .into_iter()
        .map(|violation| violation.0)
        .collect();
    assert!(
        lines.is_empty(),
        "{} violation(s):\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors()
        .nth(2)
        .expect("the crate lies two levels below the root")
        .to_owned()
}

/// All Rust files, read once.
pub(crate) fn sources() -> Vec<Source> {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(read_sources).clone()
}

fn read_sources() -> Vec<Source> {
    let mut sources: Vec<Source> = documents("rs")
        .iter()
        .map(|file| Source::new(&file.path, &file.text))
        .collect();
    let for_tests: BTreeSet<String> = sources.iter().flat_map(modules_for_tests).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        source.is_test |= Path::new(stem).ancestors().any(|above| {
            above
                .to_str()
                .is_some_and(|above| for_tests.contains(above))
        });
    }
    sources
}

/// The Rust files whose path starts with `prefix`.
pub(crate) fn sources_under(prefix: &str) -> Vec<Source> {
    sources()
        .into_iter()
        .filter(|source| source.path.starts_with(prefix))
        .collect()
}

/// All text files with that extension.
pub(crate) fn documents(extension: &str) -> Vec<Document> {
    let root = root();
    let matching = files().into_iter().filter(|path| {
        Path::new(path)
            .extension()
            .is_some_and(|found| found == extension)
    });
    matching
        .map(|path| {
            let text = fs::read_to_string(root.join(&path))
                .unwrap_or_else(|error| panic!("{path} is not readable text: {error}"));
            Document { path, text }
        })
        .collect()
}

/// Every file of the working tree but build output, from the root, sorted.
pub(crate) fn files() -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).expect("the workspace's folders are readable");
        for entry in entries {
            let path = entry.expect("a folder's entries are readable").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                if !matches!(name, "target" | ".git") {
                    folders.push(path);
                }
            } else if let Ok(inside) = path.strip_prefix(&root) {
                found.push(inside.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// The files under version control, or all of them where that cannot be asked.
pub(crate) fn committed_files() -> Vec<String> {
    let listed = Command::new("git")
        .arg("-C")
        .arg(root())
        .args(["ls-files", "-z"])
        .output();
    match listed {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            names
                .split('\0')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        }
        _ => files(),
    }
}

/// Paths, without extension, of the modules that `source` declares for tests only.
fn modules_for_tests(source: &Source) -> Vec<String> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let base = match file {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => source.path.trim_end_matches(".rs").to_owned(),
    };
    let modules = items::test_modules(&source.code());
    modules
        .into_iter()
        .map(|name| format!("{base}/{name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Source, modules_for_tests, sources};

    #[test]
    fn a_file_knows_its_module() {
        let module = |path| Source::new(path, "").module().join("::");
        assert_eq!(module("crates/a/src/server/call.rs"), "crate::server::call");
        assert_eq!(module("crates/a/src/server/mod.rs"), "crate::server");
        assert_eq!(module("crates/a/src/lib.rs"), "crate");
    }

    #[test]
    fn test_files_are_known_by_place_or_by_declaration() {
        assert!(Source::new("crates/a/tests/b.rs", "").is_test);
        assert!(Source::new("crates/a/src/b/tests.rs", "").is_test);
        assert!(!Source::new("crates/a/src/b.rs", "").is_test);
        let parent = Source::new("crates/a/src/b.rs", "#[cfg(test)] mod checks;");
        assert_eq!(modules_for_tests(&parent), ["crates/a/src/b/checks"]);
    }

    #[test]
    fn the_walk_finds_this_very_file() {
        assert!(
            sources()
                .iter()
                .any(|source| source.path.ends_with("structure/tree.rs"))
        );
    }
}
