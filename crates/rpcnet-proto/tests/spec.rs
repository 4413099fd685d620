//! Holds the specification to the code and the code to the specification.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rpcnet_proto::Code;
use rpcnet_proto::wire::{ErrorCode, FrameKind, StreamKind};

const SPEC: &str = include_str!("../../../docs/spec/wire.md");
const VECTORS: &str = include_str!("../../../docs/spec/vectors.json");

#[test]
fn rules_are_numbered_without_gaps() {
    let defined = defined_rules();
    let expected: Vec<u32> = (1..=defined.len() as u32).collect();
    assert_eq!(defined, expected);
    let claimed = format!("`W-1` to `W-{}`", defined.len());
    assert!(
        SPEC.contains(&claimed),
        "the introduction says how many rules there are"
    );
}

#[test]
fn every_rule_is_cited_and_every_citation_names_a_rule() {
    let defined: BTreeSet<u32> = defined_rules().into_iter().collect();
    let cited = cited_rules();
    let uncited: Vec<u32> = defined
        .iter()
        .copied()
        .filter(|n| !cited.contains_key(n))
        .collect();
    assert_eq!(
        uncited, [0; 0],
        "these rules are cited nowhere under crates/*/src or crates/*/tests"
    );
    for (rule, path) in &cited {
        assert!(
            defined.contains(rule),
            "{} cites W-{rule}, which does not exist",
            path.display()
        );
    }
}

#[test]
fn rules_that_the_text_refers_to_exist() {
    let defined: BTreeSet<u32> = defined_rules().into_iter().collect();
    let dangling: Vec<u32> = rules_in(SPEC).filter(|n| !defined.contains(n)).collect();
    assert_eq!(dangling, [0; 0]);
}

#[test]
fn the_tables_of_numbers_are_those_of_the_code() {
    for number in 0..=13 {
        let code = ErrorCode::from_wire(number).expect("codes 0 to 13 exist");
        assert!(
            SPEC.contains(&format!("| {number} | {code:?} |")),
            "{code:?}"
        );
    }
    for code in Code::ALL {
        assert!(
            SPEC.contains(&format!("| {} | {code:?} |", code.to_wire())),
            "{code:?}"
        );
    }
    for byte in 0..=u8::MAX {
        if let Some(kind) = FrameKind::from_byte(byte) {
            assert!(
                SPEC.contains(&format!("| {kind} | `{byte:#04x}` |")),
                "{kind}"
            );
        }
        if let Some(kind) = StreamKind::from_byte(byte) {
            assert!(
                SPEC.contains(&format!("| {kind:?} | `{byte:#04x}` |")),
                "{kind}"
            );
        }
    }
}

#[test]
fn every_error_of_the_table_has_a_vector_and_the_other_way_round() {
    let table = SPEC
        .split("| error | rule | code |")
        .nth(1)
        .expect("section 17 has the table");
    let named: BTreeSet<String> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1))
        .flat_map(|names| names.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let arrays = vectors.as_object().expect("an object of arrays");
    let mut used: BTreeSet<String> = arrays
        .values()
        .flat_map(|array| array.as_array().expect("an array of entries"))
        .filter_map(|entry| {
            entry
                .get("error")
                .or_else(|| entry.get("outcome"))?
                .as_str()
        })
        .filter(|outcome| !matches!(*outcome, "complete" | "incomplete" | "open"))
        .map(str::to_owned)
        .collect();
    // What `incomplete` means at the end of the stream.
    used.insert("truncated".to_owned());
    assert_eq!(named, used);
}

#[test]
fn the_example_is_the_vector_that_it_names() {
    let example = SPEC
        .split("`unary request`")
        .nth(1)
        .expect("section 17 has the example");
    let hex: String = example
        .lines()
        .filter(|line| line.starts_with("    "))
        .map(|line| {
            line.trim_start()
                .split("  ")
                .next()
                .unwrap_or_default()
                .replace(' ', "")
        })
        .collect();
    assert!(
        VECTORS.contains(&format!(r#""name": "unary request", "hex": "{hex}""#)),
        "{hex}"
    );
}

fn defined_rules() -> Vec<u32> {
    let starts = SPEC.lines().filter_map(|line| line.strip_prefix("- **W-"));
    starts
        .map(|rest| leading_number(rest).expect("a rule has a number"))
        .collect()
}

fn cited_rules() -> BTreeMap<u32, PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cited = BTreeMap::new();
    for member in fs::read_dir(crates).expect("the crates can be listed") {
        let member = member.expect("the crates can be listed").path();
        for folder in ["src", "tests"] {
            visit(&member.join(folder), &mut cited);
        }
    }
    cited
}

fn visit(folder: &Path, cited: &mut BTreeMap<u32, PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            visit(&path, cited);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            // This file defines what a citation is and is none itself.
            if !path.ends_with("rpcnet-proto/tests/spec.rs") {
                cited.extend(rules_in(&text).map(|rule| (rule, path.clone())));
            }
        }
    }
}

fn rules_in(text: &str) -> impl Iterator<Item = u32> {
    text.match_indices("W-").filter_map(|(start, mark)| {
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
