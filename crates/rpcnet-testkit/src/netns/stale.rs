//! What programs left behind that were killed.

use super::namespace::{PREFIX, remove};
use super::tool;
use std::fs;
use std::path::Path;

/// Removes the namespaces whose makers are gone, and kills what still runs in them.
///
/// One whose maker's process id has been given to another process by now is left until that one ends.
pub(super) async fn sweep() {
    // There is no directory before the first namespace.
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    for name in names.filter(|name| is_stale(name, Path::new("/proc"))) {
        kill_all_in(&name).await;
        remove(&name);
    }
}

/// Whether the namespace is one of ours, and its maker has ended.
fn is_stale(name: &str, proc: &Path) -> bool {
    let maker = name.strip_prefix(PREFIX).and_then(|rest| {
        let (maker, _) = rest.split_once('-')?;
        maker.parse::<u32>().ok()
    });
    maker.is_some_and(|maker| has_ended(&proc.join(maker.to_string())))
}

/// A zombie has ended too, whether or not anybody asks for its status.
fn has_ended(process: &Path) -> bool {
    let Ok(status) = fs::read_to_string(process.join("status")) else {
        return true;
    };
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    state.is_some_and(|state| state.trim_start().starts_with('Z'))
}

/// A member that was stopped when its orchestrator was killed would stay for ever.
async fn kill_all_in(name: &str) {
    let Ok(pids) = tool::run(&["ip", "netns", "pids", name], "").await else {
        return;
    };
    for pid in pids.split_whitespace() {
        // It may have ended by itself.
        let _ = tool::run(&["kill", "-KILL", pid], "").await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_namespaces_of_programs_that_ended_are_stale() {
        let proc = tempfile::tempdir().expect("the temporary directory is writable");
        for (maker, state) in [("12", "S (sleeping)"), ("14", "Z (zombie)")] {
            let process = proc.path().join(maker);
            fs::create_dir(&process).expect("it is empty");
            let status = format!("Name:\tfigures\nState:\t{state}\n");
            fs::write(process.join("status"), status).expect("it is empty");
        }
        let is_stale = |name: &str| super::is_stale(name, proc.path());
        assert!(is_stale("rpcnet-testkit-13-0-hub"));
        assert!(is_stale("rpcnet-testkit-14-0-hub"), "nobody reaped it");
        assert!(!is_stale("rpcnet-testkit-12-0-hub"), "it still runs");
        for foreign in ["", "blue", "rpcnet-testkit-", "rpcnet-testkit-x-0", "13-0"] {
            assert!(!is_stale(foreign), "{foreign:?}");
        }
    }
}
