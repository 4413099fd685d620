//! As much of a `Cargo.toml` as the rules ask about.

use crate::tree::{self, Document};

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) path: String,
    pub(crate) name: String,
    /// Whether the crate goes to users.
    pub(crate) is_published: bool,
    /// Whether it takes the workspace's lints, `unsafe_code = "forbid"` among them.
    pub(crate) inherits_lints: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a dependency table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether it comes from `[dev-dependencies]`.
    pub(crate) is_dev: bool,
    /// Whether the version is the workspace's.
    pub(crate) is_inherited: bool,
}

impl Manifest {
    /// Reads a manifest. Tables, keys and strings, not all of TOML.
    pub(crate) fn parse(document: &Document) -> Self {
        let mut manifest = Self {
            path: document.path.clone(),
            name: String::new(),
            is_published: true,
            inherits_lints: false,
            dependencies: Vec::new(),
        };
        for Entry { table, key, value } in entries(&document.text) {
            let inherits = key.ends_with(".workspace") || value.contains("workspace = true");
            let name = key.trim_end_matches(".workspace");
            match table.as_str() {
                "package" if key == "name" => manifest.name = value.trim_matches('"').to_owned(),
                "package" if key == "publish" => manifest.is_published = value != "false",
                "lints" if key == "workspace" => manifest.inherits_lints = value == "true",
                _ if table.ends_with("dependencies") => manifest.dependencies.push(Dependency {
                    name: name.trim_matches('"').to_owned(),
                    is_dev: table.ends_with("dev-dependencies"),
                    is_inherited: inherits,
                }),
                _ => {}
            }
        }
        manifest
    }

    /// Whether the crate is one of the project's own.
    pub(crate) fn is_own(name: &str) -> bool {
        name == "rpcnet" || name.starts_with("rpcnet-")
    }
}

/// The manifests of the workspace's members.
pub(crate) fn members() -> Vec<Manifest> {
    let documents = tree::documents("toml");
    let is_member = |path: &str| {
        path == "examples/Cargo.toml"
            || (path.starts_with("crates/") && path.ends_with("/Cargo.toml"))
    };
    documents
        .iter()
        .filter(|file| is_member(&file.path))
        .map(Manifest::parse)
        .collect()
}

struct Entry {
    table: String,
    key: String,
    value: String,
}

/// Every `key = value` with its table; a value may span lines.
fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut table = String::new();
    let mut open_brackets = 0_isize;
    for line in text.lines() {
        let line = without_comment(line).trim();
        if open_brackets > 0 {
            if let Some(last) = found.last_mut() {
                last.value.push_str(line);
            }
            open_brackets += bracket_balance(line);
        } else if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']')
                .trim_matches('[')
                .clone_into(&mut table);
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            open_brackets = bracket_balance(&value);
            found.push(Entry {
                table: table.clone(),
                key,
                value,
            });
        }
    }
    found
}

fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '#' if !is_quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

fn bracket_balance(text: &str) -> isize {
    let mut is_quoted = false;
    let mut balance = 0;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '[' | '{' if !is_quoted => balance += 1,
            ']' | '}' if !is_quoted => balance -= 1,
            _ => {}
        }
    }
    balance
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Manifest};
    use crate::tree::Document;

    const SAMPLE: &str = r#"
[package]
name = "sample" # the name
publish = false

[dependencies]
bytes.workspace = true
tokio = { workspace = true, features = [
    "rt", # not "time = 1"
    "sync",
] }
loose = "1"

[target.'cfg(unix)'.dev-dependencies]
proptest.workspace = true

[lints]
workspace = true
"#;

    #[test]
    fn tables_and_values_are_read() {
        let document = Document {
            path: "Cargo.toml".to_owned(),
            text: SAMPLE.to_owned(),
        };
        let manifest = Manifest::parse(&document);
        assert_eq!(manifest.name, "sample");
        assert!(!manifest.is_published);
        assert!(manifest.inherits_lints);
        let expected = [
            ("bytes", false, true),
            ("tokio", false, true),
            ("loose", false, false),
            ("proptest", true, true),
        ];
        let expected = expected.map(|(name, is_dev, is_inherited)| Dependency {
            name: name.to_owned(),
            is_dev,
            is_inherited,
        });
        assert_eq!(manifest.dependencies, expected);
    }

    #[test]
    fn the_projects_own_crates_are_told_from_others() {
        assert!(Manifest::is_own("rpcnet") && Manifest::is_own("rpcnet-proto"));
        assert!(!Manifest::is_own("rpc") && !Manifest::is_own("rpcnetwork"));
    }
}
