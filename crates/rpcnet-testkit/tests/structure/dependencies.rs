//! Every dependency is a decision that somebody wrote down.

use std::collections::BTreeSet;

use crate::documents::PENDING;
use crate::manifest::{self, Manifest};
use crate::markdown;
use crate::tree::{self, Document, Violation};

const DECISION: &str = "docs/decisions/001-dependencies.md";

/// The headings of its two tables.
const SHIPPED: &str = "What users build";
const DEVELOPMENT: &str = "What only we build";

/// Names of the third-party crates that reach users through published crates.
fn shipped(members: &[Manifest]) -> BTreeSet<String> {
    let published = members.iter().filter(|member| member.is_published);
    let lines = published
        .flat_map(|member| &member.dependencies)
        .filter(|line| !line.is_dev);
    third_party(lines.map(|line| line.name.clone()))
}

/// Names of those that only tests, benchmarks and examples use.
fn for_development(members: &[Manifest]) -> BTreeSet<String> {
    let all = third_party(
        members
            .iter()
            .flat_map(|m| &m.dependencies)
            .map(|line| line.name.clone()),
    );
    &all - &shipped(members)
}

fn third_party(names: impl Iterator<Item = String>) -> BTreeSet<String> {
    names.filter(|name| !Manifest::is_own(name)).collect()
}

/// How a table differs from the manifests.
fn disagreement(used: &BTreeSet<String>, section: &str) -> Vec<Violation> {
    let listed: BTreeSet<String> = markdown::first_cells(section).into_iter().collect();
    let unlisted = (used - &listed)
        .into_iter()
        .map(|name| format!("`{name}` has no line"));
    let unused = (&listed - used)
        .into_iter()
        .filter(|name| !PENDING.contains(&name.as_str()))
        .map(|name| format!("nothing uses `{name}` here"));
    unlisted
        .chain(unused)
        .map(|what| Violation::new(DECISION, 0, what))
        .collect()
}

/// Everything third-party that any crate uses.
pub(crate) fn used() -> BTreeSet<String> {
    let members = manifest::members();
    &shipped(&members) | &for_development(&members)
}

fn own_versions(member: &Manifest) -> Vec<Violation> {
    let own = member.dependencies.iter().filter(|line| !line.is_inherited);
    own.map(|line| {
        Violation::new(
            &member.path,
            0,
            format!("`{}` states its own version", line.name),
        )
    })
    .collect()
}

fn decision() -> Document {
    let documents = tree::documents("md");
    documents
        .into_iter()
        .find(|document| document.path == DECISION)
        .expect("the decision exists")
}

#[test]
fn every_shipped_dependency_is_explained_and_every_explained_one_is_used() {
    let section = markdown::section(&decision().text, SHIPPED).to_owned();
    tree::require_none(disagreement(&shipped(&manifest::members()), &section));
}

#[test]
fn every_development_dependency_is_explained_and_every_explained_one_is_used() {
    let section = markdown::section(&decision().text, DEVELOPMENT).to_owned();
    tree::require_none(disagreement(
        &for_development(&manifest::members()),
        &section,
    ));
}

#[test]
fn every_version_is_stated_once() {
    tree::require_none(manifest::members().iter().flat_map(own_versions));
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    let members = manifest::members();
    let bare = members.iter().filter(|member| !member.inherits_lints);
    tree::require_none(
        bare.map(|member| Violation::new(&member.path, 0, "no `[lints] workspace = true`")),
    );
}

mod bites {
    use super::{disagreement, for_development, own_versions, shipped};
    use crate::manifest::Manifest;
    use crate::tree::Document;

    fn members() -> Vec<Manifest> {
        let texts = [
            "[package]\nname = \"a\"\n[dependencies]\nbytes.workspace = true\nrpcnet.workspace = true\n\
             [dev-dependencies]\nproptest.workspace = true",
            "[package]\nname = \"b\"\npublish = false\n[dependencies]\nbytes.workspace = true\nclap = \"4\"",
        ];
        let document = |text: &str| Document {
            path: "Cargo.toml".to_owned(),
            text: text.to_owned(),
        };
        texts.map(|text| Manifest::parse(&document(text))).to_vec()
    }

    #[test]
    fn what_ships_is_told_from_what_does_not() {
        assert_eq!(
            shipped(&members()).into_iter().collect::<Vec<_>>(),
            ["bytes"]
        );
        assert_eq!(
            for_development(&members()).into_iter().collect::<Vec<_>>(),
            ["clap", "proptest"]
        );
    }

    #[test]
    fn a_missing_line_and_a_stale_one_are_seen() {
        let used = shipped(&members());
        assert!(disagreement(&used, "| `bytes` | buffers |").is_empty());
        assert_eq!(disagreement(&used, "| `tokio` | runtime |").len(), 2);
    }

    #[test]
    fn a_version_of_its_own_is_seen() {
        assert_eq!(members().iter().flat_map(own_versions).count(), 1);
    }
}
