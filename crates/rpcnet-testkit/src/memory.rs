//! What a process holds, as the kernel counts it.
//!
//! Read from `/proc`, so Linux only; elsewhere, and for a process that is gone, every function fails
//! with [`io::ErrorKind::NotFound`].

use std::fs;
use std::io;

/// Returns how much memory of the process is resident, in bytes.
///
/// # Errors
///
/// There is no such process, it may not be looked at, or it is a zombie and holds nothing.
pub fn resident_bytes(pid: u32) -> io::Result<u64> {
    Ok(status_number(pid, "VmRSS:")? * 1024)
}

/// Returns how many threads the process has.
///
/// # Errors
///
/// There is no such process, or it may not be looked at.
pub fn thread_count(pid: u32) -> io::Result<u64> {
    status_number(pid, "Threads:")
}

/// Returns how many file descriptors the process has open.
///
/// For the calling process the count includes the one that counting takes.
///
/// # Errors
///
/// There is no such process, or it may not be looked at.
pub fn open_file_count(pid: u32) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        entry?;
        count += 1;
    }
    Ok(count)
}

/// Says whether the process stands still because of a signal.
///
/// # Errors
///
/// There is no such process, or it may not be looked at.
pub fn is_stopped(pid: u32) -> io::Result<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    Ok(state.is_some_and(|state| state.trim_start().starts_with('T')))
}

fn status_number(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| {
            let message = format!("process {pid} has no number named {name}");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Process;
    use std::hint::black_box;
    use std::process::Command;
    use std::time::Duration;

    // No process has this id: the kernel's own maximum is below it.
    const NOBODY: u32 = u32::MAX;

    #[test]
    fn touched_memory_becomes_resident() {
        let pid = std::process::id();
        let before = resident_bytes(pid).expect("this process exists");
        let touched = black_box(vec![1_u8; 256 << 20]);
        let after = resident_bytes(pid).expect("this process exists");
        // Other tests of this process may free some meanwhile, though not half of it.
        assert!(after > before + (128 << 20), "{before} then {after}");
        drop(touched);
    }

    #[tokio::test]
    async fn open_files_and_threads_of_a_process_are_counted() {
        let plain = child("").await;
        let with_files = child("exec 5</dev/null 6</dev/null;").await;
        let count = |child: &Process| open_file_count(child.pid()).expect("the child lives");
        // A shell that is about to become the last command may have files of its own.
        let is_counted = async {
            let mut looks = tokio::time::interval(Duration::from_millis(2));
            while count(&with_files) != count(&plain) + 2 {
                looks.tick().await;
            }
        };
        let counted = tokio::time::timeout(Duration::from_secs(30), is_counted).await;
        counted.expect("two files more");
        assert_eq!(thread_count(plain.pid()).expect("the child lives"), 1);
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        assert!(resident_bytes(NOBODY).is_err());
        assert!(thread_count(NOBODY).is_err());
        assert!(open_file_count(NOBODY).is_err());
    }

    async fn child(preparation: &str) -> Process {
        let mut command = Command::new("sh");
        let script = format!("{preparation} echo ready 127.0.0.1:7; exec sleep 600");
        command.args(["-c", &script]);
        let child = Process::start(command, Duration::from_secs(30)).await;
        child.expect("the child gets ready")
    }
}
