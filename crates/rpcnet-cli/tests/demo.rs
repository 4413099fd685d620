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

const CLUSTER: [&str; 11] = [
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
];

/// What of the third part does not depend on which of its stages is the first.
const WORKERS: [&str; 15] = [
    ". a director, four workers, and load\n",
    "the load knows the director's address and nothing else",
    "worker-2 got SIGKILL; ",
    "at another worker than begun; none failed",
    "worker-2 joined ",
    "worker-3 got SIGSTOP for ",
    "were made a second time for being slow; none failed",
    "the slowest idempotent call took ",
    ". every worker drained and restarted, one after the other\n",
    "worker-1: no call after ",
    "worker-4: no call after ",
    "of them not idempotent; none failed",
    "worker-2  3 times  ",
    "answered, 0 failed\n",
    "all 6 processes have left and ended",
];

#[tokio::test]
async fn everything_that_the_demo_shows_behaves() {
    let report = demo(&["demo"]).await;
    assert_contains(&report, &CALLS);
    assert_contains(&report, &CLUSTER);
    assert_contains(&report, &WORKERS);
    assert_contains(&report, &["all 24 stages behaved, in "]);
    assert_is_text(&report);
    for pid in pids(&report) {
        assert!(!is_member(pid), "process {pid} is left behind: {report}");
    }
}

#[tokio::test]
async fn a_part_of_the_demo_can_be_seen_alone() {
    let report = demo(&["demo", "--only", "rpc"]).await;
    assert_contains(&report, &CALLS);
    assert_contains(&report, &["all 11 stages behaved, in "]);
}

#[tokio::test]
async fn load_on_workers_is_shown_in_plain_lines_where_nobody_watches() {
    let report = demo(&["demo", "--only", "workers"]).await;
    assert_contains(&report, &WORKERS);
    assert_contains(&report, &["1. a director", "all 6 stages behaved, in "]);
    assert_is_text(&report);
    let is_sight = |line: &&str| line.contains(" s  worker-1 ") && line.contains(" failed over, ");
    let sights: Vec<_> = report.lines().filter(is_sight).collect();
    assert!(sights.len() > 5, "{report}");
    // A worker that drains is out of it for longer than a line takes; no call fails for that.
    let is_out = |line: &&str| [" gone", " draining"].iter().any(|out| line.contains(out));
    assert!(sights.iter().any(is_out), "{report}");
    let is_well = |line: &&str| line.contains("; failed: 0 idempotent, ");
    assert!(sights.iter().all(is_well), "{report}");
}

/// Nothing but text is written to a pipe.
fn assert_is_text(report: &str) {
    let is_text = |c| c == '\n' || (' '..='~').contains(&c);
    assert!(report.chars().all(is_text), "{report}");
}

#[tokio::test]
async fn no_process_outlives_a_demo_of_the_cluster_that_is_killed() {
    none_outlives("cluster", "a node that is paused", 5).await;
}

#[tokio::test]
async fn no_process_outlives_a_demo_of_the_workers_that_is_killed() {
    none_outlives("workers", "a worker that is paused", 6).await;
}

async fn none_outlives(part: &str, stage: &str, processes: usize) {
    let mut command = rpcnet(&["demo", "--only", part]);
    let mut demo = command.stdout(Stdio::piped()).spawn().unwrap();
    let id = demo.id().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut report = String::new();
    // The worst moment: a paused process can do nothing about its own end.
    let paused = timeout(DEMO_MAX, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            report.push_str(&line);
            report.push('\n');
            if line.contains(stage) {
                break;
            }
        }
        while !children(id).iter().any(|pid| is_stopped(*pid)) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    paused.await.unwrap();
    let pids = children(id);
    assert_eq!(pids.len(), processes, "{report}");
    assert!(pids.iter().all(|pid| is_member(*pid)), "{report}");
    demo.kill().await.unwrap();
    let gone = timeout(END_MAX, async {
        while pids.iter().any(|pid| is_member(*pid)) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(gone.await.is_ok(), "a process outlived the demo: {report}");
}

/// The processes that a process has started, but for those that have ended.
fn children(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse().ok()
    });
    let parent = format!("PPid:\t{parent}");
    let is_child = |pid: &u32| {
        let status = status(*pid);
        status.lines().any(|line| line == parent) && !status.contains("State:\tZ")
    };
    pids.filter(is_child).collect()
}

fn status(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
}

/// The processes of the members: those of the tables, and the one that is said to be restarted.
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

/// Whether this process is a member of the demo's, and not just waiting to be forgotten.
fn is_member(pid: u32) -> bool {
    let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.contains("demo-")
}

fn is_stopped(pid: u32) -> bool {
    let is_stopped = status(pid)
        .lines()
        .any(|line| line.starts_with("State:\tT"));
    is_member(pid) && is_stopped
}

#[tokio::test]
async fn the_commands_of_its_processes_are_for_the_demo_alone() {
    let help = rpcnet(&["--help"]).output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert_contains(&help, &["  demo "]);
    assert!(!help.contains("demo-"), "{help}");
}
