//! `rpcnet demo`, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

fn demo() -> Output {
    Command::new(env!("CARGO_BIN_EXE_rpcnet"))
        .arg("demo")
        .output()
        .unwrap()
}

#[test]
fn everything_that_the_demo_shows_behaves() {
    let output = demo();
    let report = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), errors.as_str()),
        (Some(0), ""),
        "{report}"
    );
    for expected in [
        "1. a server and a client\n",
        "unary: \"hello, world\" in ",
        "NotSpoken { language: Klingon }",
        "TooFar { limit: 100 }",
        "-> \"bonjour, world\"",
        "5000 calls, 64 at once: p50 ",
        "by its verified certificate: \"client\"",
        "the server had dropped the handler",
        "the caller allowed 150 ms: deadline exceeded after ",
        "1048576 bytes: answered in full",
        "exceeds the server's limit of 1048576",
        "that call: internal error",
        "killed (no goodbye) with 8 calls in flight",
        "the server reports: 8 completed, 0 cut",
        "all 11 stages behaved, in ",
    ] {
        assert!(report.contains(expected), "{expected:?} in {report}");
    }
}

#[test]
fn nothing_but_text_is_written_to_a_pipe() {
    let report = String::from_utf8(demo().stdout).unwrap();
    assert!(report.lines().count() > 20, "{report}");
    assert!(
        report
            .chars()
            .all(|c| c == '\n' || (' '..='~').contains(&c)),
        "{report}"
    );
}

#[test]
fn the_servers_command_is_for_the_demo_alone() {
    let help = Command::new(env!("CARGO_BIN_EXE_rpcnet"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("  demo "), "{help}");
    assert!(!help.contains("demo-server"), "{help}");
}
