//! `rpcnet bench`, against a real server in this process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use rpcnet::certs::{DevCa, dev_certificates};
use rpcnet::{CallContext, Code, CodecId, RpcConfig, RpcError, RpcServer};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server's handlers know.
struct Seen {
    calls: watch::Sender<u64>,
    peers: Mutex<HashSet<SocketAddr>>,
    /// Whether `gate` answers.
    is_open: watch::Sender<bool>,
}

/// A server, and the certificates around it.
struct Site {
    dir: TempDir,
    address: SocketAddr,
    seen: Arc<Seen>,
    serving: AbortHandle,
}

impl Site {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        dev_certificates(dir.path()).unwrap();
        let strange = DevCa::generate("somebody's").unwrap();
        strange.write(dir.path().join("strange")).unwrap();
        let config = RpcConfig::new(dir.path().join("server.pem"), "127.0.0.1:0")
            .with_key_path(dir.path().join("server-key.pem"))
            .with_max_message_bytes(1 << 16);
        let mut server = RpcServer::new(config);
        let seen = Arc::new(Seen {
            calls: watch::Sender::new(0),
            peers: Mutex::default(),
            is_open: watch::Sender::new(true),
        });
        register(&server, &seen).await;
        let quic_server = server.bind().unwrap();
        let address = server.socket_addr.unwrap();
        let serving = tokio::spawn(async move { server.start(quic_server).await });
        Self {
            dir,
            address,
            seen,
            serving: serving.abort_handle(),
        }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn option(&self, option: &str, file: &str) -> [String; 2] {
        [option.to_owned(), self.file(file).display().to_string()]
    }

    /// `rpcnet bench` of a method here, with these options.
    fn command(&self, method: &str, options: &str) -> Command {
        let mut command = rpcnet(&self.address.to_string(), method);
        command.args(self.option("--ca", "ca.pem"));
        command.args(options.split_whitespace());
        command
    }

    async fn bench(&self, method: &str, options: &str) -> Output {
        finished(self.command(method, options)).await
    }

    /// The result as JSON, of a run that must succeed.
    async fn result(&self, method: &str, options: &str) -> Value {
        let options = format!("{options} --json");
        json(&printed(self.bench(method, &options).await))
    }

    fn calls(&self) -> u64 {
        *self.seen.calls.borrow()
    }

    async fn until_calls(&self, count: u64) {
        let mut calls = self.seen.calls.subscribe();
        let reached = calls.wait_for(|calls| *calls >= count);
        timeout(PATIENCE, reached).await.unwrap().unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn register(server: &RpcServer, seen: &Arc<Seen>) {
    let of_echo = seen.clone();
    server
        .register_with_context("echo", move |context, payload| {
            of_echo.count(&context);
            async move { Ok(payload) }
        })
        .await;
    let of_gate = seen.clone();
    server
        .register_with_context("gate", move |context, payload| {
            of_gate.count(&context);
            let mut is_open = of_gate.is_open.subscribe();
            async move {
                let _ = is_open.wait_for(|is_open| *is_open).await;
                Ok(payload)
            }
        })
        .await;
    let of_flaky = seen.clone();
    server
        .register_with_context("flaky", move |context, payload| {
            let fails = of_flaky.count(&context).is_multiple_of(10);
            async move {
                match fails {
                    true => Err(RpcError::status(Code::NotFound, "no such \u{1b}[31mthing")),
                    false => Ok(payload),
                }
            }
        })
        .await;
    let of_missing = seen.clone();
    server
        .register_with_context("missing", move |context, _| {
            of_missing.count(&context);
            async move { Err(RpcError::status(Code::NotFound, "nothing here")) }
        })
        .await;
    server
        .register_streaming("stream", |requests| async move { requests.map(Ok) })
        .await;
    server
        .register_with_context("particular", |context, payload| async move {
            let team = context.metadata().get("team").map(|value| value.to_vec());
            let is_right = context.codec() == CodecId::JSON
                && payload == br#"{"a":1}"#
                && team.as_deref() == Some(b"red");
            match is_right {
                true => Ok(payload),
                false => Err(RpcError::status(Code::InvalidArgument, "not what I want")),
            }
        })
        .await;
}

impl Seen {
    /// Returns the number of the call.
    fn count(&self, context: &CallContext) -> u64 {
        self.peers.lock().unwrap().extend(context.remote_addr());
        let mut number = 0;
        self.calls.send_modify(|calls| {
            *calls += 1;
            number = *calls;
        });
        number
    }
}

fn rpcnet(address: &str, method: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcnet"));
    command.args(["bench", address, method]).kill_on_drop(true);
    command
}

async fn finished(mut command: Command) -> Output {
    timeout(PATIENCE, command.output()).await.unwrap().unwrap()
}

/// What a command that must succeed has printed.
#[track_caller]
fn printed(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command has printed, and complained of, that must fail.
#[track_caller]
fn complaint(output: Output) -> (String, String) {
    assert_eq!(output.status.code(), Some(1));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[track_caller]
fn json(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn assert_contains(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no count"))
}

fn us(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no time"))
}

/// The share of the calls that took longer than this.
fn share_above(result: &Value, limit_us: f64) -> f64 {
    let buckets = result["histogram"].as_array().unwrap();
    let above = buckets.iter().filter(|it| us(&it["up_to_us"]) > limit_us);
    let above: u64 = above.map(|it| number(&it["count"])).sum();
    above as f64 / number(&result["calls"]["succeeded"]) as f64
}

#[tokio::test]
async fn a_closed_loop_counts_exactly_what_the_server_saw() {
    let site = Site::start().await;
    let options = "--calls 500 --in-flight 7 --warm-up 0s --bytes 100";
    let result = site.result("echo", options).await;
    assert_eq!(site.calls(), 500);
    assert_eq!(number(&result["calls"]["succeeded"]), 500);
    assert_eq!(number(&result["reply_bytes"]), 50_000);
    let series = result["series"].as_array().unwrap().iter();
    let of_series: u64 = series.map(|it| number(&it["succeeded"])).sum();
    let buckets = result["histogram"].as_array().unwrap().iter();
    let of_buckets: u64 = buckets.map(|it| number(&it["count"])).sum();
    assert_eq!((of_series, of_buckets), (500, 500));
}

#[tokio::test]
async fn a_timed_run_accounts_for_every_call_the_server_saw() {
    let site = Site::start().await;
    let options = "--duration 400ms --warm-up 200ms --in-flight 8";
    let result = site.result("flaky", options).await;
    let calls = &result["calls"];
    let sum: u64 = ["succeeded", "failed", "warm_up", "after_end"]
        .map(|name| number(&calls[name]))
        .iter()
        .sum();
    assert_eq!(sum, site.calls());
    assert!((1..=8).contains(&number(&calls["after_end"])), "{calls}");
    assert!(number(&calls["warm_up"]) > 0, "{calls}");
    assert_eq!(result["elapsed_s"], 0.4);
}

#[tokio::test]
async fn connections_share_the_calls() {
    let site = Site::start().await;
    for options in ["--own-sockets", "--rate 1000"] {
        site.seen.peers.lock().unwrap().clear();
        let options = format!("--connections 3 --calls 30 --warm-up 0s {options}");
        let result = site.result("echo", &options).await;
        assert_eq!(number(&result["calls"]["succeeded"]), 30);
        let peers = site.seen.peers.lock().unwrap().len();
        let expected = if options.contains("own") { 3 } else { 1 };
        assert_eq!(peers, expected, "one socket, unless each has its own");
    }
}

#[tokio::test]
async fn an_open_loop_sends_what_is_due_and_no_more() {
    let site = Site::start().await;
    let options = "--rate 500 --duration 1s --warm-up 200ms";
    let result = site.result("echo", options).await;
    let calls = &result["calls"];
    assert_eq!(number(&calls["warm_up"]), 100);
    assert_eq!(number(&calls["succeeded"]), 500);
    assert_eq!(site.calls(), 600);
    let rate = us(&result["rate"]);
    assert!((250.0..=500.0).contains(&rate), "{rate}");
    assert_eq!(result["plan"]["loop"], "open");
    assert!(us(&result["lag"]["p50_us"]) < 20_000.0, "{}", result["lag"]);
}

/// Closes the gate for a second once so many calls have come.
async fn stall(site: &Site, after: u64) {
    site.until_calls(after).await;
    site.seen.is_open.send_replace(false);
    sleep(Duration::from_secs(1)).await;
    site.seen.is_open.send_replace(true);
}

#[tokio::test]
async fn an_open_loop_shows_what_a_stall_of_the_server_did_to_its_callers() {
    let site = Site::start().await;
    let options = "--rate 400 --duration 3s --warm-up 200ms";
    let (result, ()) = tokio::join!(site.result("gate", options), stall(&site, 300));
    assert_eq!(number(&result["calls"]["succeeded"]), 1_200);
    let latency = &result["latency"];
    assert!(us(&latency["max_us"]) >= 950_000.0, "{latency}");
    // Of 1,200 calls the 400 of one second waited, for up to a second: a sixth for more than half
    // of one.
    let share = share_above(&result, 500_000.0);
    assert!((0.10..0.40).contains(&share), "{share}: {latency}");
    assert!(us(&latency["p95_us"]) >= 600_000.0, "{latency}");
    assert!(us(&latency["p50_us"]) < 400_000.0, "{latency}");
}

#[tokio::test]
async fn a_closed_loop_stops_with_the_server_and_hardly_shows_it() {
    let site = Site::start().await;
    let options = "--in-flight 2 --duration 2500ms --warm-up 0s";
    let (result, ()) = tokio::join!(site.result("gate", options), stall(&site, 100));
    let latency = &result["latency"];
    assert!(us(&latency["max_us"]) >= 950_000.0, "{latency}");
    assert!(share_above(&result, 500_000.0) < 0.05, "{latency}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_counted_and_not_hidden() {
    let site = Site::start().await;
    site.seen.is_open.send_replace(false);
    let options =
        "--rate 100 --max-outstanding 5 --duration 500ms --warm-up 0s --deadline 1s --json";
    let (text, error) = complaint(site.bench("gate", options).await);
    let result = json(&text);
    assert_eq!(number(&result["calls"]["unsent"]), 45);
    assert_eq!(number(&result["calls"]["failed"]), 5);
    assert_eq!(result["errors"][0]["code"], "DEADLINE_EXCEEDED");
    assert_eq!(site.calls(), 5);
    assert_contains(&error, &["no call succeeded: DEADLINE_EXCEEDED"]);
}

#[tokio::test]
async fn calls_beyond_the_bound_are_late_and_say_so() {
    let site = Site::start().await;
    let options = "--rate 400 --max-outstanding 20 --duration 3s --warm-up 0s";
    let run = site.bench("gate", options);
    let (output, ()) = tokio::join!(run, stall(&site, 100));
    let text = printed(output);
    assert_eq!(site.calls(), 1_200, "all were sent, if late");
    assert_contains(
        &text,
        &[
            "calls were sent late because too many were outstanding (--max-outstanding)",
            "succeeded  1,200 in ",
        ],
    );
}

#[tokio::test]
async fn failures_are_told_by_code_with_what_they_say() {
    let site = Site::start().await;
    let options = "--calls 100 --warm-up 0s --in-flight 4";
    let text = printed(site.bench("flaky", options).await);
    assert_contains(
        &text,
        &[
            "succeeded  90 in ",
            "failed     10 (10.00 %)",
            "error      10 x NOT_FOUND: ",
            "no such \\u{1b}[31mthing",
            "failed calls are not in the percentiles",
        ],
    );
    let (text, error) = complaint(site.bench("missing", options).await);
    assert_contains(
        &text,
        &["failed     100 (100.00 %)", "none: no call succeeded"],
    );
    assert_contains(
        &error,
        &["error: no call succeeded: NOT_FOUND: ", "nothing here"],
    );
}

#[tokio::test]
async fn the_share_of_failures_decides_where_it_is_asked_to() {
    let site = Site::start().await;
    let options = "--calls 100 --warm-up 0s --in-flight 4 --max-error-rate";
    printed(site.bench("flaky", &format!("{options} 10%")).await);
    let (text, error) = complaint(site.bench("flaky", &format!("{options} 0.09")).await);
    assert_contains(&text, &["succeeded  90 in "]);
    let expected = "error: 10 of 100 calls failed, more than 9 % (--max-error-rate)\n";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_call_that_never_can_succeed_ends_the_run_at_once() {
    let site = Site::start().await;
    for method in ["nope", "stream"] {
        let (text, error) = complaint(site.bench(method, "--duration 1h").await);
        assert_eq!(text, "");
        let expected = ["every call would fail", "METHOD: a unary method"];
        assert_contains(&error, &expected);
    }
    let (_, error) = complaint(site.bench("echo", "--duration 1h --bytes 65537").await);
    assert_contains(&error, &["65537 bytes", "limit of 65536"]);
    let (_, error) = complaint(site.bench("bad name", "--duration 1h").await);
    assert_contains(&error, &["every call would fail"]);
}

#[tokio::test]
async fn wrong_addresses_and_certificates_are_named_by_their_options() {
    let site = Site::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut command = rpcnet(&address, "echo");
    command.args(site.option("--ca", "ca.pem"));
    command.args(["--timeout", "1"]);
    let (_, error) = complaint(finished(command).await);
    assert_contains(&error, &[&address, "ADDR: is a server running there"]);

    let mut command = rpcnet(&site.address.to_string(), "echo");
    command.args(site.option("--ca", "strange/ca.pem"));
    let (_, error) = complaint(finished(command).await);
    assert_contains(&error, &["was not signed by", "strange/ca.pem", "--ca: "]);

    let (_, error) = complaint(site.bench("echo", "--server-name elsewhere").await);
    assert_contains(&error, &["not for \"elsewhere\"", "--server-name: "]);
}

#[tokio::test]
async fn options_that_contradict_each_other_are_misuse() {
    let site = Site::start().await;
    for options in [
        "--in-flight 2 --rate 5",
        "--calls 2 --duration 5s",
        "--max-outstanding 5",
        "--rate 0",
        "--in-flight 0",
        "--duration 0s",
        "--duration 5",
        "--data {} --bytes 5",
        "--report run.pdf",
        "--max-error-rate 2",
    ] {
        let output = site.bench("echo", options).await;
        assert_eq!(output.status.code(), Some(2), "{options}");
    }
}

#[tokio::test]
async fn the_payload_and_the_metadata_arrive_as_they_were_given() {
    let site = Site::start().await;
    let few = "--calls 3 --warm-up 0s --metadata team=red";
    printed(
        site.bench("particular", &format!("{few} --data {{\"a\":1}}"))
            .await,
    );
    std::fs::write(site.file("args.json"), br#"{"a":1}"#).unwrap();
    let file = site.option("--data-file", "args.json").join(" ");
    printed(
        site.bench("particular", &format!("{few} {file} --codec json"))
            .await,
    );
    let (_, error) = complaint(site.bench("particular", &format!("{few} {file}")).await);
    assert_contains(&error, &["INVALID_ARGUMENT", "not what I want"]);
    let (_, error) = complaint(site.bench("particular", &format!("{few} --data {{")).await);
    assert_contains(&error, &["--data: the payload is no JSON"]);
}

#[tokio::test]
async fn a_run_is_reported_saved_and_compared_with() {
    let site = Site::start().await;
    let few = "--calls 200 --warm-up 0s --in-flight 4";
    let save = site.option("--save", "run.json").join(" ");
    printed(site.bench("echo", &format!("{few} {save}")).await);
    let saved = std::fs::read_to_string(site.file("run.json")).unwrap();
    assert_eq!(number(&json(&saved)["calls"]["succeeded"]), 200);

    let compare = site.option("--compare", "run.json").join(" ");
    let html = site.option("--report", "run.html").join(" ");
    let svg = site.option("--report", "run.svg").join(" ");
    let options = format!("{few} {compare} {html} {svg}");
    let text = printed(site.bench("echo", &options).await);
    assert_contains(
        &text,
        &["compared   with 20", "rate", "p99", "x ", "no verdict"],
    );
    let page = std::fs::read_to_string(site.file("run.html")).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    assert_contains(
        &page,
        &["echo at 127.0.0.1:", "<svg", "p99.99", "Compared with 20"],
    );
    let plots = std::fs::read_to_string(site.file("run.svg")).unwrap();
    assert!(plots.starts_with("<svg xmlns="));

    let other = format!("--calls 200 --warm-up 0s --in-flight 5 {compare} --json");
    let result = json(&printed(site.bench("echo", &other).await));
    let differences = &result["comparison"]["differences"];
    assert_eq!(
        differences[0],
        "load: closed loop, 4 in flight before, closed loop, 5 in flight now"
    );
}

#[tokio::test]
async fn files_that_cannot_be_read_or_written_are_found_before_the_run() {
    let site = Site::start().await;
    std::fs::write(site.file("garbage.json"), "{}").unwrap();
    for (option, file, expected) in [
        ("--compare", "nowhere.json", "No such file"),
        ("--compare", "garbage.json", "it is no run saved by --save"),
        ("--save", "nowhere/run.json", "no such folder"),
        ("--report", "nowhere/run.html", "no such folder"),
        ("--data-file", "nowhere", "No such file"),
    ] {
        let options = site.option(option, file).join(" ");
        let (_, error) = complaint(site.bench("echo", &options).await);
        assert_contains(&error, &[option, file, expected]);
    }
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn an_interrupted_run_tells_what_it_measured() {
    let site = Site::start().await;
    let mut command = site.command("echo", "--duration 1h --warm-up 0s --json");
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    site.until_calls(1_000).await;
    let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let result = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(result["interrupted"], true);
    assert!(number(&result["calls"]["succeeded"]) > 900);
}

#[tokio::test]
async fn progress_is_for_terminals_and_the_result_is_not_mixed_with_it() {
    let site = Site::start().await;
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let errors = rustix::fs::open(&name, flags, Mode::empty()).unwrap();
    let mut command = site.command("echo", "--duration 1s --warm-up 0s --json");
    command.stdout(Stdio::piped()).stderr(errors);
    let child = command.spawn().unwrap();
    // The other end has to be closed for the terminal to end with the child.
    drop(command);
    let shown = tokio::task::spawn_blocking(move || {
        let mut shown = Vec::new();
        // Where nobody writes any more, Linux says so with an error.
        let _ = File::from(terminal).read_to_end(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    });
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let shown = timeout(PATIENCE, shown).await.unwrap().unwrap();
    assert_contains(&shown, &[" calls, ", "/s, 0 failed"]);
    json(&String::from_utf8(output.stdout).unwrap());
}
