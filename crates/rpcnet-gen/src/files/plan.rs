//! What is to be done to the output so that it holds what the definitions say.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::inputs::cannot;
use super::{GenerateError, GeneratedModule, Inputs, Report, atomic, read};
use crate::diagnostic::Diagnostics;
use crate::{Module, Parts, generate};

/// Every file to write or to remove; nothing is touched before all of it is known.
#[derive(Debug)]
pub(crate) struct Plan {
    output: PathBuf,
    modules: Vec<GeneratedModule>,
    steps: Vec<(PathBuf, Step)>,
}

#[derive(Debug)]
enum Step {
    Create(String),
    Replace(String),
    Keep,
    Remove,
}

impl Plan {
    /// Reads the definitions and what is in the output.
    pub(crate) fn new(
        inputs: &Inputs,
        output: PathBuf,
        parts: Parts,
    ) -> Result<Self, GenerateError> {
        let mut plan = Self {
            output,
            modules: Vec::new(),
            steps: Vec::new(),
        };
        for (source, module) in generate_all(inputs, parts)? {
            plan.add(source, module)?;
        }
        Ok(plan)
    }

    /// Brings the output up to date.
    pub(crate) fn apply(self) -> Result<Report, GenerateError> {
        let mut report = Report::new(self.output, self.modules);
        for (path, step) in self.steps {
            match step {
                Step::Create(text) | Step::Replace(text) => {
                    let folder = path.parent().unwrap_or(Path::new(""));
                    fs::create_dir_all(folder).map_err(cannot("create the folder", folder))?;
                    atomic::write(&path, &text).map_err(cannot("write", &path))?;
                    report.written.push(path);
                }
                Step::Keep => report.unchanged.push(path),
                Step::Remove => {
                    fs::remove_file(&path).map_err(cannot("remove", &path))?;
                    report.removed.push(path);
                }
            }
        }
        Ok(report)
    }

    /// Changes nothing, and fails if [`apply`](Self::apply) would change something.
    pub(crate) fn check(self) -> Result<Report, GenerateError> {
        let mut report = Report::new(self.output, self.modules);
        let (mut missing, mut outdated, mut leftover) = (Vec::new(), Vec::new(), Vec::new());
        for (path, step) in self.steps {
            match step {
                Step::Create(_) => missing.push(path),
                Step::Replace(_) => outdated.push(path),
                Step::Keep => report.unchanged.push(path),
                Step::Remove => leftover.push(path),
            }
        }
        if missing.is_empty() && outdated.is_empty() && leftover.is_empty() {
            return Ok(report);
        }
        Err(GenerateError::Stale {
            missing,
            outdated,
            leftover,
        })
    }

    fn add(&mut self, source: PathBuf, module: Module) -> Result<(), GenerateError> {
        let folder = self.output.join(&module.name);
        let leftovers = generated_files(&folder)?.into_iter().filter(|path| {
            !module
                .files
                .iter()
                .any(|file| path.file_name() == Some(OsStr::new(file.name)))
        });
        let leftovers: Vec<PathBuf> = leftovers.collect();
        let mut files = module.files;
        // The file that names the others comes after them.
        files.sort_by_key(|file| (file.name == "mod.rs", file.name));
        for file in files {
            let path = folder.join(file.name);
            let step = step_for(&path, file.text)?;
            self.steps.push((path, step));
        }
        self.steps
            .extend(leftovers.into_iter().map(|path| (path, Step::Remove)));
        self.modules.push(GeneratedModule {
            name: module.name,
            service: module.service,
            source,
        });
        Ok(())
    }
}

/// Collects the mistakes of all definitions, so that one run shows them all.
fn generate_all(inputs: &Inputs, parts: Parts) -> Result<Vec<(PathBuf, Module)>, GenerateError> {
    let mut modules: BTreeMap<String, (PathBuf, Module)> = BTreeMap::new();
    let mut mistakes = Vec::new();
    let mut duplicate = None;
    for source in &inputs.files {
        let generated =
            generate(source, &read(source)?, parts).unwrap_or_else(|Diagnostics(more)| {
                mistakes.extend(more);
                Vec::new()
            });
        for module in generated {
            if let Some((first, _)) = modules.get(&module.name) {
                duplicate.get_or_insert_with(|| GenerateError::Duplicate {
                    module: module.name.clone(),
                    first: first.clone(),
                    second: source.clone(),
                });
            } else {
                modules.insert(module.name.clone(), (source.clone(), module));
            }
        }
    }
    match duplicate {
        _ if !mistakes.is_empty() => Err(GenerateError::Definition(Diagnostics(mistakes))),
        Some(duplicate) => Err(duplicate),
        None => Ok(modules.into_values().collect()),
    }
}

fn step_for(path: &Path, text: String) -> Result<Step, GenerateError> {
    // One byte more than the text tells a longer file; and always enough to see the header.
    let Some(start) = read_start(path, (text.len() + 1).max(HEADER_BYTES_MAX))? else {
        return Ok(Step::Create(text));
    };
    if start == text.as_bytes() {
        return Ok(Step::Keep);
    }
    if !has_header(&start) {
        return Err(GenerateError::NotOurs {
            path: path.to_owned(),
        });
    }
    Ok(Step::Replace(text))
}

/// The generated Rust files in a folder, by their header; sorted.
fn generated_files(folder: &Path) -> Result<Vec<PathBuf>, GenerateError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot("read", folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot("read", folder))?.path();
        if path.extension() == Some(OsStr::new("rs"))
            && path.is_file()
            && read_start(&path, HEADER_BYTES_MAX)?.is_some_and(|start| has_header(&start))
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// At most the first `bytes_max` of the file; none if there is none.
fn read_start(path: &Path, bytes_max: usize) -> Result<Option<Vec<u8>>, GenerateError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(cannot("read", path))?,
    };
    let mut start = Vec::new();
    file.take(bytes_max as u64)
        .read_to_end(&mut start)
        .map_err(cannot("read", path))?;
    Ok(Some(start))
}

fn has_header(start: &[u8]) -> bool {
    start
        .split(|byte| *byte == b'\n')
        .take(HEADER_LINES_MAX)
        .any(|line| line.starts_with(HEADER))
}

/// Begins a line of every file that is generated, and of no other.
const HEADER: &[u8] = b"// Generated by rpcnet-gen";

/// The header is one of the first lines.
const HEADER_LINES_MAX: usize = 4;

/// The header is within the first bytes.
const HEADER_BYTES_MAX: usize = 512;
