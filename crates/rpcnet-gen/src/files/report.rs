//! What a run of the generator did.

use std::fmt;
use std::path::PathBuf;

/// What was generated, and what that changed on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The folder that holds the modules.
    pub output: PathBuf,
    /// One module for each service, by name.
    pub modules: Vec<GeneratedModule>,
    /// Files that are new or have another text now.
    pub written: Vec<PathBuf>,
    /// Files that had that very text before; they were not touched.
    pub unchanged: Vec<PathBuf>,
    /// Generated files that no longer belong to their service.
    pub removed: Vec<PathBuf>,
}

/// The module of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedModule {
    /// The name of the module, and of its folder in the output.
    pub name: String,
    /// The name of the service.
    pub service: String,
    /// The file that defines it.
    pub source: PathBuf,
}

impl Report {
    pub(super) fn new(output: PathBuf, modules: Vec<GeneratedModule>) -> Self {
        Self {
            output,
            modules,
            written: Vec::new(),
            unchanged: Vec::new(),
            removed: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for GeneratedModule {
            name,
            service,
            source,
        } in &self.modules
        {
            let folder = self.output.join(name);
            writeln!(f, "{service}: {} -> {}", source.display(), folder.display())?;
        }
        for (verb, paths) in [("wrote", &self.written), ("removed", &self.removed)] {
            for path in paths {
                writeln!(f, "  {verb} {}", path.display())?;
            }
        }
        let (written, unchanged, removed) =
            (self.written.len(), self.unchanged.len(), self.removed.len());
        write!(
            f,
            "{written} written, {unchanged} unchanged, {removed} removed"
        )
    }
}
