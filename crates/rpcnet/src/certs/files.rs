//! Writing certificates and keys: all of them or none, and nothing is ever overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::CertsError;

pub(crate) const CA_STEM: &str = "ca";
pub(crate) const CA: &str = "ca.pem";
pub(crate) const CA_KEY: &str = "ca-key.pem";

/// A file to be written.
pub(crate) struct NewFile<'a> {
    pub(crate) path: PathBuf,
    pub(crate) text: &'a str,
    pub(crate) access: Access,
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Everyone,
    OwnerOnly,
}

/// Certificate and key under a stem: `stem.pem`, `stem-key.pem`.
pub(crate) fn pair<'a>(
    dir: &Path,
    stem: &str,
    certificate: &'a str,
    key: &'a str,
) -> [NewFile<'a>; 2] {
    [
        NewFile {
            path: dir.join(format!("{stem}.pem")),
            text: certificate,
            access: Access::Everyone,
        },
        NewFile {
            path: dir.join(format!("{stem}-key.pem")),
            text: key,
            access: Access::OwnerOnly,
        },
    ]
}

/// Writes all files into `dir`, or none.
pub(crate) fn write_all(dir: &Path, files: &[NewFile<'_>]) -> Result<(), CertsError> {
    for file in files {
        // `symlink_metadata`: a dangling link is in the way too.
        if fs::symlink_metadata(&file.path).is_ok() {
            return Err(CertsError::Exists {
                path: file.path.clone(),
            });
        }
    }
    fs::create_dir_all(dir).map_err(|source| CertsError::Write {
        path: dir.to_path_buf(),
        source,
    })?;
    let mut written = Written(Vec::with_capacity(files.len()));
    for file in files {
        let mut open = create(file)?;
        written.0.push(&file.path);
        open.write_all(file.text.as_bytes())
            .map_err(|source| CertsError::Write {
                path: file.path.clone(),
                source,
            })?;
    }
    written.0.clear();
    Ok(())
}

/// `create_new` refuses a file that came into being since the check.
fn create(file: &NewFile<'_>) -> Result<File, CertsError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if file.access == Access::OwnerOnly {
        use std::os::unix::fs::OpenOptionsExt;
        // At creation: a key that is readable for an instant has been read.
        options.mode(0o600);
    }
    options
        .open(&file.path)
        .map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CertsError::Exists {
                path: file.path.clone(),
            },
            _ => CertsError::Write {
                path: file.path.clone(),
                source,
            },
        })
}

/// Files to remove again unless all could be written.
struct Written<'a>(Vec<&'a Path>);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        for path in &self.0 {
            // The error that led here is the one to report.
            let _ = fs::remove_file(path);
        }
    }
}
