//! Follows the page "Getting started" to the letter, in an empty crate, and compares what the
//! program prints with what the page says.
//!
//! Only the path of the dependency is another. What has been built for the workspace is used again
//! as far as its features agree, so that all but the first run take seconds.

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
    let home = in_shell(folder.path(), folder.path(), create).await;
    let home = folder.path().join(home.last_folder);
    append(&home.join("Cargo.toml"), dependencies);
    fs::write(home.join("src/main.rs"), program).unwrap();
    // The versions that the workspace is tested with, and has built.
    fs::copy(workspace().join("Cargo.lock"), home.join("Cargo.lock")).unwrap();

    let printed = in_shell(&home, folder.path(), run).await.printed;
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

struct Ran {
    printed: String,
    /// The argument of the last `cd`, or nothing.
    last_folder: String,
}

/// Runs a block of commands as a reader would, one after the other.
async fn in_shell(at: &Path, target: &Path, commands: &str) -> Ran {
    let mut shell = Command::new("sh");
    shell.arg("-euc").arg(commands).current_dir(at);
    // Intermediate artifacts go where those of the workspace are, programs do not.
    shell.env("CARGO_BUILD_BUILD_DIR", build_folder());
    shell.env("CARGO_TARGET_DIR", target.join("target"));
    // The workspace's own profile, on which it depends whether an artifact can be used again.
    let profile = format!("{}\n", r#"profile.dev.package."*".opt-level = 2"#)
        + r#"profile.dev.package."*".debug = false"#
        + "\nprofile.dev.debug = \"line-tables-only\"\n";
    fs::create_dir_all(target.join(".cargo")).unwrap();
    fs::write(target.join(".cargo/config.toml"), profile).unwrap();
    let output = shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = timeout(TIME_LIMIT, output)
        .await
        .expect("ends in time")
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}{errors}");
    let last_folder = commands
        .lines()
        .filter_map(|line| line.strip_prefix("cd "))
        .next_back();
    Ran {
        printed: String::from_utf8(output.stdout).unwrap(),
        last_folder: last_folder.unwrap_or_default().to_owned(),
    }
}

/// The folder that cargo builds this workspace in: two above that of this test's program.
fn build_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program
        .ancestors()
        .nth(3)
        .expect("target/PROFILE/deps/NAME")
        .to_owned()
}
