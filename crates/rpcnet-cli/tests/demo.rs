//! `rpcnet demo`, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

/// The demo takes less than a minute; builds and other tests may run beside it.
const DEMO_MAX: Duration = Duration::from_secs(240);
/// Within this the system has ended a process that was killed.
const END_MAX: Duration = Duration::from_secs(20);

fn rpcnet(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcnet"));
    command.args(arguments).kill_on_drop(true);
    command
}

/// What the demo printed, which must have behaved.
async fn demo(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = timeout(DEMO_MAX, rpcnet(arguments).output())
        .await
        .unwrap()
        .unwrap();
    let report = String::from_utf8(stdout).unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""), "{report}");
    report
}

fn assert_contains(report: &str, expected: &[&str]) {
    for expected in expected {
        assert!(report.contains(expected), "{expected:?} in {report}");
    }
}

const CALLS: [&str; 14] = [
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
];

const CLUSTER: [&str; 12] = [
    "12. a cluster of five processes\n",
    "role=director",
    "both the director and worker-1 see all five",
    "worker-3 set gpu=a100: the director and worker-1 saw it within ",
    "worker-2 got SIGKILL",
    "unreachable after ",
    "failed after ",
    "worker-2 is back at 127.0.0.1:",
    "worker-3 got SIGSTOP for ",
    "worker-4 said goodbye: NodeLeft ",
    "the other 4 processes have left and ended",
    "all 18 stages behaved, in ",
];

#[tokio::test]
async fn everything_that_the_demo_shows_behaves() {
    let report = demo(&["demo"]).await;
    assert_contains(&report, &CALLS);
    assert_contains(&report, &CLUSTER);
    // Nothing but text is written to a pipe.
    let is_text = |c| c == '\n' || (' '..='~').contains(&c);
    assert!(report.chars().all(is_text), "{report}");
    for pid in pids(&report) {
        assert!(!is_node(pid), "process {pid} is left behind: {report}");
    }
}

#[tokio::test]
async fn a_part_of_the_demo_can_be_seen_alone() {
    let report = demo(&["demo", "--only", "rpc"]).await;
    assert_contains(&report, &CALLS);
    assert_contains(&report, &["all 11 stages behaved, in "]);
}

#[tokio::test]
async fn no_process_outlives_a_demo_that_is_killed() {
    let mut command = rpcnet(&["demo", "--only", "cluster"]);
    let mut demo = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut report = String::new();
    // The worst moment: a paused process can do nothing about its own end.
    let paused = timeout(DEMO_MAX, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            report.push_str(&line);
            report.push('\n');
            if line.contains("a node that is paused") {
                break;
            }
        }
        let pids = pids(&report);
        while !pids.iter().any(|pid| is_stopped(*pid)) {
            sleep(Duration::from_millis(5)).await;
        }
        pids
    });
    let pids = paused.await.unwrap();
    assert_eq!(pids.len(), 6, "{report}");
    assert!(
        pids.iter().filter(|pid| is_node(**pid)).count() == 5,
        "{report}"
    );
    demo.kill().await.unwrap();
    let gone = timeout(END_MAX, async {
        while pids.iter().any(|pid| is_node(*pid)) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(gone.await.is_ok(), "a process outlived the demo: {report}");
}

/// The processes of the nodes: those of the table, and the one that was restarted.
fn pids(report: &str) -> Vec<u32> {
    let pid = |line: &str| {
        let text = match line.split_once(" as process ") {
            Some((_, rest)) => rest.split(':').next(),
            None if line.contains("role=") => line.split_whitespace().last(),
            None => return None,
        };
        Some(text?.parse().unwrap())
    };
    report.lines().filter_map(pid).collect()
}

/// Whether this process is a node of the demo, and not just waiting to be forgotten.
fn is_node(pid: u32) -> bool {
    let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.contains("demo-node")
}

fn is_stopped(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    is_node(pid) && status.lines().any(|line| line.starts_with("State:\tT"))
}

#[tokio::test]
async fn the_commands_of_its_processes_are_for_the_demo_alone() {
    let help = rpcnet(&["--help"]).output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert_contains(&help, &["  demo "]);
    assert!(!help.contains("demo-"), "{help}");
}
