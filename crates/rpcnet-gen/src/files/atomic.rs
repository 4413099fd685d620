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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_replaced_stays_and_nothing_is_left_beside_it() -> io::Result<()> {
        let folder = tempfile::TempDir::new()?;
        let in_the_way = folder.path().join("mod.rs");
        fs::create_dir(&in_the_way)?;
        write(&in_the_way, "text").expect_err("a file does not replace a folder");
        assert!(in_the_way.is_dir());
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn leftovers_of_a_process_that_was_ended_are_no_obstacle() -> io::Result<()> {
        let folder = tempfile::TempDir::new()?;
        let path = folder.path().join("mod.rs");
        let next = NEXT.load(Ordering::Relaxed);
        for number in next..next + 8 {
            File::create(
                folder
                    .path()
                    .join(format!(".mod.rs.{}.{number}.tmp", process::id())),
            )?;
        }
        write(&path, "text")?;
        assert_eq!(fs::read_to_string(&path)?, "text");
        Ok(())
    }
}
