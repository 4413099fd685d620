use super::*;
use crate::ledger::{CallIds, Ledger, read_events};
use std::path::PathBuf;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_announced_address_is_found_among_other_lines() {
    let child = start("echo hello; echo ready 127.0.0.1:7; exec sleep 600").await;
    let child = child.expect("the child gets ready");
    assert_eq!(child.addr(), SocketAddr::from(([127, 0, 0, 1], 7)));
}

#[tokio::test]
async fn a_child_that_is_not_ready_in_time_is_an_error() {
    let started = Process::start(shell("exec sleep 600"), Duration::from_millis(50)).await;
    assert_eq!(kind(started), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_child_that_ends_before_it_is_ready_is_an_error() {
    assert_eq!(
        kind(start("echo hello").await),
        io::ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn a_child_that_is_ready_nowhere_is_an_error() {
    assert_eq!(
        kind(start("echo ready soon").await),
        io::ErrorKind::InvalidData
    );
}

#[tokio::test]
async fn a_child_that_talks_without_end_is_an_error() {
    assert_eq!(kind(start("exec yes").await), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_child_that_talks_on_after_it_is_ready_does_not_block() {
    let script = "echo ready 127.0.0.1:7; head -c 1000000 /dev/zero; exit 3";
    let mut child = start(script).await.expect("the child gets ready");
    let status = child
        .wait(PATIENCE)
        .await
        .expect("the child ends by itself");
    assert_eq!(status.code(), Some(3));
}

#[tokio::test]
async fn a_talking_child_hears_and_answers_line_by_line() {
    let script = "echo ready 127.0.0.1:7; while read -r line; do echo \"so $line\"; done";
    let started = Process::start_talking(shell(script), PATIENCE).await;
    let (mut child, mut lines) = started.expect("the child gets ready");
    for word in ["one", "two words"] {
        child.say(word).await.expect("the child reads");
        let answer = timeout(PATIENCE, lines.next()).await.expect("in time");
        assert_eq!(answer.as_deref(), Some(format!("so {word}").as_str()));
    }
    drop(child);
    let end = timeout(PATIENCE, lines.next()).await.expect("in time");
    assert_eq!(end, None);
}

#[tokio::test]
async fn a_child_whose_lines_nobody_takes_is_held_up_and_loses_none() {
    let count = LINES_WAITING_MAX * 8;
    let script = format!("echo ready 127.0.0.1:7; exec seq {count}");
    let started = Process::start_talking(shell(&script), PATIENCE).await;
    let (_child, mut lines) = started.expect("the child gets ready");
    for number in 1..=count {
        let line = timeout(PATIENCE, lines.next()).await.expect("in time");
        assert_eq!(line, Some(number.to_string()));
    }
}

#[tokio::test]
async fn a_child_that_was_not_started_to_talk_hears_nothing() {
    let mut child = ready().await;
    let said = child.say("hello").await;
    assert_eq!(said.expect_err("no pipe").kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_killed_child_is_gone() {
    let child = ready().await;
    let pid = child.pid();
    child.kill().await.expect("the child can be killed");
    assert!(memory::thread_count(pid).is_err());
}

#[tokio::test]
async fn a_dropped_child_dies_even_while_paused() {
    let mut child = ready().await;
    let pid = child.pid();
    child.pause().await.expect("the child can be paused");
    drop(child);
    let gone = async {
        while memory::resident_bytes(pid).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the child dies");
}

#[tokio::test]
async fn a_paused_child_stands_still_until_resumed() {
    let mut child = ready().await;
    child.pause().await.expect("the child can be paused");
    assert!(memory::is_stopped(child.pid()).expect("it exists"));
    child.resume().await.expect("the child can be resumed");
    assert!(!memory::is_stopped(child.pid()).expect("it exists"));
}

#[tokio::test]
async fn a_terminated_child_may_end_in_its_own_way() {
    let script = "trap 'exit 5' TERM; echo ready 127.0.0.1:7; while :; do sleep 0.01; done";
    let mut child = start(script).await.expect("the child gets ready");
    child.terminate().await.expect("the child can be signalled");
    let status = child
        .wait(PATIENCE)
        .await
        .expect("the child ends by itself");
    assert_eq!(status.code(), Some(5));
    assert!(
        child.terminate().await.is_err(),
        "its id may be another's by now"
    );
}

#[tokio::test]
async fn a_ledger_file_outlives_a_kill() {
    let directory = tempfile::tempdir().expect("the temporary directory is writable");
    let path = directory.path().join("ledger");
    let mut command = Process::this_executable().expect("this executable has a path");
    command
        .args([
            "--exact",
            "process::tests::role_of_a_child_that_keeps_a_ledger",
        ])
        .env(LEDGER_PATH, &path);
    let child = Process::start(command, PATIENCE)
        .await
        .expect("the child gets ready");
    child.kill().await.expect("the child can be killed");
    let events = read_events(&path).expect("no event is torn");
    assert!(
        events.len() >= EVENTS_BEFORE_READY,
        "{} events",
        events.len()
    );
}

/// Not a claim of its own: what the child of the test above does, until it is killed.
#[test]
fn role_of_a_child_that_keeps_a_ledger() {
    let Some(path) = std::env::var_os(LEDGER_PATH).map(PathBuf::from) else {
        return;
    };
    let ledger = Ledger::append_to(&path).expect("the file can be opened");
    let ids = CallIds::new(1);
    let execute = || {
        let execution = ledger.started(ids.next()).expect("the file takes it");
        execution.finished().expect("the file takes it");
    };
    (0..EVENTS_BEFORE_READY / 2).for_each(|_| execute());
    announce(SocketAddr::from(([127, 0, 0, 1], 7))).expect("the parent listens");
    // Bounded, should nobody be left to kill it.
    (0..1_000_000).for_each(|_| execute());
}

const LEDGER_PATH: &str = "RPCNET_TESTKIT_LEDGER";
const EVENTS_BEFORE_READY: usize = 200;

async fn ready() -> Process {
    let child = start("echo ready 127.0.0.1:7; exec sleep 600").await;
    child.expect("the child gets ready")
}

async fn start(script: &str) -> io::Result<Process> {
    Process::start(shell(script), PATIENCE).await
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn kind(started: io::Result<Process>) -> io::ErrorKind {
    started.expect_err("the child is not ready").kind()
}
