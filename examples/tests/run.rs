//! Runs every example to its end, under a time limit, and checks what it printed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// A hang guard; the examples take well under a second.
const TIME_LIMIT: Duration = Duration::from_secs(30);

async fn prints(program: &str, expected: &[&str]) {
    let run = Command::new(program)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(TIME_LIMIT, run)
        .await
        .expect("ends in time")
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), errors.as_str()),
        (Some(0), ""),
        "{printed}"
    );
    let mut lines = printed.lines();
    for expected in expected {
        assert!(
            lines.any(|line| line.starts_with(expected)),
            "{expected:?}, in order, in {printed}"
        );
    }
}

#[tokio::test]
async fn hello_greets_the_world() {
    let expected = [
        "serving on 127.0.0.1:",
        "hello, world",
        "shut down, 0 calls cut",
    ];
    prints(env!("CARGO_BIN_EXE_hello"), &expected).await;
}

#[tokio::test]
async fn streaming_shows_every_shape_and_a_failure_at_the_end() {
    let expected = [
        "counting down: 3",
        "counting down: 2",
        "counting down: 1",
        "uploaded: 65536 bytes",
        "chat: IS ANYBODY THERE?",
        "chat: GOODBYE",
        "tail: one line",
        "tail ended with NotFound: the log was rotated away",
    ];
    prints(env!("CARGO_BIN_EXE_streaming"), &expected).await;
}

#[tokio::test]
async fn mutual_tls_tells_callers_apart() {
    let expected = [
        "billing: invoice for billing.internal",
        "reports: permission denied, billing only",
        "anonymous: ",
    ];
    prints(env!("CARGO_BIN_EXE_mutual_tls"), &expected).await;
}

#[tokio::test]
async fn cancellation_reaches_the_call_behind_the_call() {
    let expected = [
        "caller: deadline exceeded",
        "store: a query with a deadline inherited from the caller begins",
        "store: the query was dropped",
        "store: a query begins",
        "caller: lost interest",
        "store: the query was dropped",
        "caller: pong",
    ];
    prints(env!("CARGO_BIN_EXE_cancellation"), &expected).await;
}
