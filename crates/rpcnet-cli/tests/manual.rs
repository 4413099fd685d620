//! What is written about the commands: completions, manual pages, the guide's chapter.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The chapter, and how to write it again.
const CHAPTER: &str = "../../docs/book/src/cli.md";
const REWRITE: &str = "cargo run -p rpcnet-cli -- reference > docs/book/src/cli.md";

fn rpcnet(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcnet"));
    command.args(arguments).output().unwrap()
}

/// What a command that must succeed has printed.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = rpcnet(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The names below `Commands:` in the help of a command.
fn subcommands(path: &[&str]) -> Vec<String> {
    let help = printed(&[path, &["--help"]].concat());
    let mut lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let mut names = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let is_name = line.starts_with("  ") && !line.starts_with("   ");
        let name = line.split_whitespace().next();
        names.extend(
            name.filter(|name| is_name && *name != "help")
                .map(str::to_owned),
        );
    }
    names
}

/// Every command with the words that lead to it.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for name in subcommands(&[]) {
        found.push(vec![name.clone()]);
        for below in subcommands(&[&name]) {
            found.push(vec![name.clone(), below]);
        }
    }
    assert!(found.len() > 10, "the help has another form: {found:?}");
    found
}

#[test]
fn the_chapter_of_the_guide_says_what_the_commands_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHAPTER);
    let written = fs::read_to_string(path).unwrap();
    let now = printed(&["reference"]);
    assert!(written == now, "the chapter is stale: {REWRITE}");
}

#[test]
fn the_chapter_has_every_command_and_none_that_is_hidden() {
    let chapter = printed(&["reference"]);
    for path in commands() {
        let heading = format!("# rpcnet {}\n", path.join(" "));
        assert!(chapter.contains(&heading), "{heading}");
    }
    assert!(!chapter.contains("demo-server"));
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    printed(&["man", "--dir", &pages.display().to_string()]);
    let written = fs::read_dir(&pages).unwrap();
    let written: BTreeSet<String> = written
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected: BTreeSet<String> = commands()
        .iter()
        .map(|path| format!("rpcnet-{}.1", path.join("-")))
        .collect();
    expected.insert("rpcnet.1".into());
    assert_eq!(written, expected);
    let main = fs::read_to_string(pages.join("rpcnet.1")).unwrap();
    for name in subcommands(&[]) {
        assert!(main.contains(&format!("rpcnet\\-{name}(1)")), "{name}");
    }
}

#[test]
fn a_page_keeps_its_examples_line_by_line() {
    let page = printed(&["man", "cluster", "members"]);
    assert!(page.contains(".TH rpcnet-cluster-members 1"), "{page}");
    let examples = page.split(".nf").nth(1).unwrap();
    assert!(
        examples.contains("\n  rpcnet cluster members \\-\\-seed"),
        "{page}"
    );
    let refused = rpcnet(&["man", "no-such"]);
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(error, "error: there is no command `no-such`\n");
}

#[test]
fn bash_reads_its_completions_and_completes_with_them() {
    let script = printed(&["completions", "bash"]);
    let complete = "\nCOMP_WORDS=(rpcnet be); COMP_CWORD=1; _rpcnet rpcnet be rpcnet\n\
                    echo \"found ${COMPREPLY[*]}\"\n";
    let mut bash = Command::new("bash")
        .args(["--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input.write_all((script + complete).as_bytes()).unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "found bench\n");
}

#[test]
fn completions_know_every_command_and_none_that_is_hidden() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for path in commands() {
            assert!(script.contains(path.last().unwrap()), "{path:?} in {shell}");
        }
        assert!(!script.contains("demo-server"), "{shell}");
    }
    assert_eq!(rpcnet(&["completions", "tcsh"]).status.code(), Some(2));
}
