//! Holds the specification of the membership to its code, and the code to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const SPEC: &str = include_str!("../../../docs/spec/swim.md");

#[test]
fn rules_are_numbered_without_gaps() {
    let defined = defined_rules();
    let expected: Vec<u32> = (1..=defined.len() as u32).collect();
    assert_eq!(defined, expected);
    let claimed = format!("`M-1` to `M-{}`", defined.len());
    assert!(
        SPEC.contains(&claimed),
        "the introduction says how many rules there are"
    );
}

#[test]
fn every_rule_is_cited_by_code_and_every_citation_names_a_rule() {
    let defined: BTreeSet<u32> = defined_rules().into_iter().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cited = BTreeSet::new();
    // The driver's rules are cited where the driver is.
    for folder in ["src/swim", "tests", "../rpcnet/src/cluster"] {
        visit(&root.join(folder), &mut cited);
    }
    let uncited: Vec<_> = defined.difference(&cited).collect();
    assert!(
        uncited.is_empty(),
        "these rules are cited nowhere: {uncited:?}"
    );
    let unknown: Vec<_> = cited.difference(&defined).collect();
    assert!(
        unknown.is_empty(),
        "these citations name no rule: {unknown:?}"
    );
}

#[test]
fn rules_that_the_text_refers_to_exist() {
    let defined: BTreeSet<u32> = defined_rules().into_iter().collect();
    let dangling: Vec<u32> = rules_in(SPEC).filter(|n| !defined.contains(n)).collect();
    assert_eq!(dangling, [0; 0]);
}

fn defined_rules() -> Vec<u32> {
    let starts = SPEC.lines().filter_map(|line| line.strip_prefix("- **M-"));
    starts
        .map(|rest| leading_number(rest).expect("a rule has a number"))
        .collect()
}

fn visit(folder: &Path, cited: &mut BTreeSet<u32>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            visit(&path, cited);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            // This file defines what a citation is and is none itself.
            if !path.ends_with("tests/swim_spec.rs") {
                cited.extend(rules_in(&text));
            }
        }
    }
}

fn rules_in(text: &str) -> impl Iterator<Item = u32> {
    text.match_indices("M-").filter_map(|(start, mark)| {
        let stands_alone = !text[..start].ends_with(|c: char| c.is_alphanumeric());
        stands_alone.then(|| leading_number(&text[start + mark.len()..]))?
    })
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}
