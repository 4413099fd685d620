//! A file that is there in whole, or as it was before.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `text` to `path`: whoever reads the path sees the former text or this one, never a part.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let (mut file, temporary) = create_beside(path)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    fs::rename(&temporary.0, path)
}

/// In the same folder, since a rename does not cross file systems.
fn create_beside(path: &Path) -> io::Result<(File, Temporary)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}.{number}.tmp", process::id()));
        match File::create_new(&temporary) {
            // Left there by a process that had the same id and was ended: the next number is free.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < NUMBERS_MAX => {}
            created => return created.map(|file| (file, Temporary(temporary))),
        }
    }
}

/// Gone when dropped, unless it was renamed before.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Threads of one process do not meet in one file.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// No process generates more files than that, nor finds more leftovers.
const NUMBERS_MAX: u64 = 1 << 20;
