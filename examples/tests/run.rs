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

#[tokio::test]
async fn greeting_shows_an_answer_and_an_error() {
    let expected = [
        "serving on 127.0.0.1:",
        "hello, world",
        "an empty name is refused",
        "shut down, 0 calls cut",
    ];
    prints(env!("CARGO_BIN_EXE_greeting"), &expected).await;
}

#[tokio::test]
async fn calculator_shows_typed_errors_options_codecs_and_streams() {
    let expected = [
        "serving on 127.0.0.1:",
        "20 + 22 = 42",
        "1 / 0: DivisionByZero",
        "remembered 42",
        "of 500 ms, the handler had some left: true",
        "in JSON, 20 + 22 = 42",
        "primes: [2, 3, 5, 7, 11, 13, 17, 19]",
        "sum: 6",
        "running sum: i64::MAX - 2",
        "running sum: i64::MAX - 0",
        "running sum: Overflow",
        "shut down, 0 calls cut",
    ];
    prints(env!("CARGO_BIN_EXE_calculator"), &expected).await;
}

#[tokio::test]
async fn file_transfer_compares_what_arrives_and_refuses_what_is_damaged() {
    let expected = [
        "serving on 127.0.0.1:",
        "uploaded 3000001 bytes",
        "downloaded 3000001 bytes",
        "they are the same: true",
        "refused: HashMismatch",
        "refused: Unfinished",
        "refused: ChunkTooLarge",
        "refused: BadName",
        "refused: NotFound",
        "shut down, 0 calls cut",
    ];
    prints(env!("CARGO_BIN_EXE_file_transfer"), &expected).await;
}

#[tokio::test]
async fn chat_tells_everybody_what_is_said_and_who_is_gone() {
    let expected = [
        "serving on 127.0.0.1:",
        "cat hears: cat joined",
        "a second ann: NameTaken",
        "ann hears: bob: is anybody there?",
        "bob hears: bob: is anybody there?",
        "cat hears: bob: is anybody there?",
        "bob's call ended in order: true",
        "cat hears: bob left",
        "ann hears: cat left",
        "shut down, 0 calls cut",
    ];
    prints(env!("CARGO_BIN_EXE_chat"), &expected).await;
}
