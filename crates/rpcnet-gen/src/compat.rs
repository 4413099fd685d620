//! What changed on the wire between two versions of a definition.
//!
//! Only what travels counts: the names of services and methods, and the shape of the messages.
//! The name of a Rust type does not travel. A type that the definition does not hold is compared
//! by its path; conditional attributes are taken as though their condition held.

mod change;
mod definition;
mod fields;
mod item;
mod methods;
mod options;
mod pairing;
mod protobuf;
mod rename;
mod service;
mod ty;
mod types;
mod variants;

use std::path::Path;

pub use change::{Breaks, Change, ChangeKind, Changes, Severity, Site};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::files::{GenerateError, Inputs};
use definition::Definition;

/// Compares two versions of a definition, or of a folder of them: every `*.rpc.rs` in it and in
/// the folders below. A type is looked for in the file of its service.
///
/// # Errors
///
/// A version cannot be read, or is no definition; [`GenerateError`] says which.
pub fn compare(old: &Path, new: &Path) -> Result<Changes, GenerateError> {
    let mut mistakes = Vec::new();
    let old = read(old, &mut mistakes)?;
    let new = read(new, &mut mistakes)?;
    if !mistakes.is_empty() {
        return Err(GenerateError::Definition(Diagnostics(mistakes)));
    }
    Ok(Changes::new(methods::changes(&old, &new)))
}

fn read(path: &Path, mistakes: &mut Vec<Diagnostic>) -> Result<Vec<Definition>, GenerateError> {
    let mut definitions = Vec::new();
    let mistakes_before = mistakes.len();
    for file in Inputs::find(&[path.to_owned()])?.files {
        match Definition::parse(&file, &crate::files::read(&file)?) {
            Ok(definition) => definitions.push(definition),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    // Two files that were not meant would else be found to be the same.
    if mistakes.len() == mistakes_before && definitions.iter().all(|file| file.services.is_empty())
    {
        mistakes.push(Diagnostic {
            file: Some(path.to_owned()),
            line: 1,
            column: 1,
            message: "there is no service here".to_owned(),
            help: "name the file that has the trait with #[rpcnet::service]".to_owned(),
        });
    }
    Ok(definitions)
}
