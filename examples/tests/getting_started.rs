//! Follows the page "Getting started" to the letter, in an empty crate, and compares what the
//! program prints with what the page says.
//!
//! Only the path of the dependency is another. What is built stays in a folder of its own below the
//! workspace's `target`, so that all but the first run take seconds. The workspace's artifacts are
//! not shared: build scripts see other features here, and each build would undo the other's.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// A hang guard over building and running; a build from nothing has the lion's share.
const TIME_LIMIT: Duration = Duration::from_secs(900);

/// What the page writes for the copy of the repository.
const PLACEHOLDER: &str = "../rpcnet/crates/rpcnet";

#[tokio::test]
async fn the_page_getting_started_does_what_it_says() {
    let page = fs::read_to_string(workspace().join("docs/book/src/getting-started.md")).unwrap();
    let blocks = blocks(&page);
    let kinds: Vec<_> = blocks.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["console", "toml", "rust", "console", "text"]);
    let [
        (_, create),
        (_, dependencies),
        (_, program),
        (_, run),
        (_, expected),
    ] = &blocks[..]
    else {
        unreachable!("there are five")
    };

    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), create).await;
    let into = create
        .lines()
        .filter_map(|line| line.strip_prefix("cd "))
        .next_back();
    let home = folder
        .path()
        .join(into.expect("the reader is led into the crate"));
    append(&home.join("Cargo.toml"), dependencies);
    fs::write(home.join("src/main.rs"), program).unwrap();
    // The versions that the workspace is tested with.
    fs::copy(workspace().join("Cargo.lock"), home.join("Cargo.lock")).unwrap();

    let printed = run_in(&home, run).await;
    assert_eq!(&printed, expected);
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The code blocks of a page, with what follows their opening fence.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(kind) = lines.find_map(|line| line.strip_prefix("```")) {
        let block: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .flat_map(|line| [line, "\n"])
            .collect();
        blocks.push((kind, block));
    }
    blocks
}

fn append(manifest: &Path, dependencies: &str) {
    let crates = workspace().join("crates/rpcnet");
    let crates = crates.to_str().expect("the path is UTF-8");
    let lines = dependencies.replace(PLACEHOLDER, crates);
    assert_ne!(lines, dependencies, "the page names {PLACEHOLDER}");
    let mut text = fs::read_to_string(manifest).unwrap();
    assert!(text.trim_end().ends_with("[dependencies]"), "{text}");
    text.push_str(&lines);
    fs::write(manifest, text).unwrap();
}

/// Runs a block of commands as a reader would, and returns what they print.
async fn run_in(folder: &Path, commands: &str) -> String {
    let shell = Command::new("sh")
        .arg("-euc")
        .arg(commands)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target().join("getting-started"))
        // Half the space on disk, and nothing that the reader would see.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(TIME_LIMIT, shell)
        .await
        .expect("ends in time")
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The folder that this workspace is built in: three above this test's program.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program
        .ancestors()
        .nth(3)
        .expect("target/PROFILE/deps/NAME")
        .to_owned()
}
