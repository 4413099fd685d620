//! `rpcnet-gen check`: what changed between two versions of a definition.

use std::path::PathBuf;

use rpcnet_gen::{Change, Changes, GenerateError, Severity, compare};
use serde_json::{Value, json};

use crate::Outcome;

/// Lists what changed between two versions of a definition, and for whom it breaks.
///
/// Fails, with 1, if anything breaks: peers of the two versions would not understand each other.
/// `postcard` stands for codecs that go by position (bincode too), `json` for those that go by
/// name (MessagePack too).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The version that peers have: a file, or a folder of *.rpc.rs.
    old: PathBuf,
    /// The version they are to have.
    new: PathBuf,
    /// Print an array of changes for programs.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, GenerateError> {
    let changes = compare(&args.old, &args.new)?;
    let text = if args.json {
        array(&changes)
    } else {
        lines(&changes)
    };
    Ok(if changes.is_breaking() {
        Outcome::Breaking(text)
    } else {
        Outcome::Done(text)
    })
}

fn lines(changes: &Changes) -> String {
    let count = |severity| {
        changes
            .as_slice()
            .iter()
            .filter(|change| change.severity == severity)
            .count()
    };
    if changes.as_slice().is_empty() {
        return changes.to_string();
    }
    let (breaking, warnings, notes) = (
        count(Severity::Breaking),
        count(Severity::Warning),
        count(Severity::Note),
    );
    format!("{changes}\n{breaking} breaking, {warnings} to heed, {notes} to note")
}

/// Fields may be added to the objects; those that are there stay.
fn array(changes: &Changes) -> String {
    let object = |change: &Change| {
        json!({
            "severity": change.severity.word(),
            "kind": change.kind.code(),
            "message": change.message,
            "file": change.site.file.to_string_lossy(),
            "line": change.site.line,
            "column": change.site.column,
            "breaks": change.breaks.codecs().collect::<Vec<_>>(),
            "methods": change.methods,
        })
    };
    format!(
        "{:#}",
        changes.as_slice().iter().map(object).collect::<Value>()
    )
}
