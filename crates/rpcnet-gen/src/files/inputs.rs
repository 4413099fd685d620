//! The definitions that a caller names, found and read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::GenerateError;

/// What was found for the files and folders that a caller named.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// The definitions: in the order of the names, and within a folder in that of the paths.
    pub(crate) files: Vec<PathBuf>,
    /// The folders among the names.
    pub(crate) folders: Vec<PathBuf>,
    /// The same file by whatever name is one file.
    seen: BTreeSet<PathBuf>,
}

impl Inputs {
    /// Finds the definitions: a file is one, whatever its name; of a folder it is every `*.rpc.rs`
    /// in it and in the folders below, but for hidden ones.
    pub(crate) fn find(named: &[PathBuf]) -> Result<Self, GenerateError> {
        if named.is_empty() {
            return Err(GenerateError::NoInput);
        }
        let mut inputs = Self::default();
        for path in named {
            if fs::metadata(path).map_err(cannot("read", path))?.is_dir() {
                inputs.folders.push(path.clone());
                let files = definitions_below(path)?;
                if files.is_empty() {
                    return Err(GenerateError::NoDefinitions { path: path.clone() });
                }
                files.into_iter().try_for_each(|file| inputs.add(file))?;
            } else {
                inputs.add(path.clone())?;
            }
        }
        Ok(inputs)
    }

    fn add(&mut self, file: PathBuf) -> Result<(), GenerateError> {
        let canonical = fs::canonicalize(&file).map_err(cannot("read", &file))?;
        if self.seen.insert(canonical) {
            self.files.push(file);
        }
        Ok(())
    }
}

/// Reads a definition, within the limit.
pub(crate) fn read(path: &Path) -> Result<String, GenerateError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| {
            file.take(DEFINITION_BYTES_MAX + 1)
                .read_to_string(&mut text)
        })
        .map_err(cannot("read", path))?;
    if text.len() as u64 > DEFINITION_BYTES_MAX {
        return Err(GenerateError::TooLarge {
            path: path.to_owned(),
            bytes_max: DEFINITION_BYTES_MAX,
        });
    }
    Ok(text)
}

/// The error of an action that did not work, for `map_err`.
pub(super) fn cannot(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GenerateError {
    move |source| GenerateError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn definitions_below(root: &Path) -> Result<Vec<PathBuf>, GenerateError> {
    let mut found = Vec::new();
    let mut entries_left = ENTRIES_MAX;
    let mut to_search = vec![root.to_owned()];
    // A folder that is linked into itself is searched once.
    let mut searched = BTreeSet::new();
    while let Some(folder) = to_search.pop() {
        if !searched.insert(fs::canonicalize(&folder).map_err(cannot("read", &folder))?) {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(cannot("read", &folder))? {
            let path = entry.map_err(cannot("read", &folder))?.path();
            entries_left = entries_left
                .checked_sub(1)
                .ok_or_else(|| GenerateError::TooMany {
                    path: root.to_owned(),
                    entries_max: ENTRIES_MAX,
                })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // A link that leads nowhere is no folder; named as a definition, it fails when read.
            let is_folder = fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            match (is_folder, name.starts_with('.'), name.ends_with(SUFFIX)) {
                (true, false, _) => to_search.push(path),
                (false, _, true) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// How the names of definitions end.
const SUFFIX: &str = ".rpc.rs";

/// A definition of that size holds ten thousand methods.
const DEFINITION_BYTES_MAX: u64 = 1 << 20;

/// Who names the root of a file system by mistake learns it soon.
const ENTRIES_MAX: usize = 100_000;
