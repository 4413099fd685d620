//! One trace through three processes, and through the death of one of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{interval, timeout};

/// A hang guard; what it guards takes a second or two.
const TIME_LIMIT: Duration = Duration::from_secs(40);

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(dir: &Path, role: &str, rest: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_traced"))
            .arg(role)
            .arg("--certs")
            .arg(dir.join("certs"))
            .arg("--spans")
            .arg(dir.join("spans.json"))
            .args(rest)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn says(&mut self) -> String {
        let line = timeout(TIME_LIMIT, self.lines.next_line()).await;
        line.expect("a line in time").unwrap().expect("a line")
    }

    async fn address(&mut self) -> String {
        let line = self.says().await;
        line.strip_prefix("serving on ").unwrap().to_owned()
    }
}

/// The spans that all processes have written, once there are so many.
async fn spans(file: PathBuf, count: usize) -> Vec<Value> {
    let read = || -> Vec<Value> {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let complete = async {
        let mut looks = interval(Duration::from_millis(10));
        while read().len() < count {
            looks.tick().await;
        }
    };
    let in_time = timeout(TIME_LIMIT, complete).await;
    let spans = read();
    assert!(in_time.is_ok() && spans.len() == count, "{spans:#?}");
    spans
}

/// The spans of a service, a kind and a name.
fn find<'a>(spans: &'a [Value], service: &str, kind: &str, name: &str) -> Vec<&'a Value> {
    let is_it = |it: &&Value| it["service"] == service && it["kind"] == kind && it["name"] == name;
    spans.iter().filter(is_it).collect()
}

#[track_caller]
fn sole<'a>(spans: &'a [Value], service: &str, kind: &str, name: &str) -> &'a Value {
    let [span] = find(spans, service, kind, name)[..] else {
        panic!("not one {kind} {name} of {service} in {spans:#?}");
    };
    span
}

#[tokio::test]
async fn a_trace_goes_through_three_processes_and_through_a_retry() {
    let dir = TempDir::new().unwrap();
    let mut back = Process::start(dir.path(), "back", &["--hold"]);
    let address = back.address().await;
    let mut front = Process::start(dir.path(), "front", &["--back", &address]);
    let asked = front.address().await;
    let mut client = Process::start(dir.path(), "client", &["--address", &asked]);

    // The first attempt dies with its server, and the second finds the next one.
    assert_eq!(back.says().await, "entered");
    back.child.kill().await.unwrap();
    let mut back = Process::start(dir.path(), "back", &["--bind", &address]);
    assert_eq!(back.address().await, address);
    assert_eq!(client.says().await, "17");
    let ended = timeout(TIME_LIMIT, client.child.wait()).await;
    assert!(ended.unwrap().unwrap().success());

    let spans = spans(dir.path().join("spans.json"), 9).await;
    let asking = sole(&spans, "client", "Internal", "asking");
    let chain = [
        ("client", "Internal", "front/ask"),
        ("client", "Client", "front/ask"),
        ("front", "Server", "front/ask"),
        ("front", "Internal", "back/answer"),
    ];
    let mut parent = asking;
    for (service, kind, name) in chain {
        let span = sole(&spans, service, kind, name);
        assert_eq!(span["parent"], parent["span"], "{service} {kind} {name}");
        parent = span;
    }
    let attempts = find(&spans, "front", "Client", "back/answer");
    let status = |span: &Value| span["attributes"]["rpc.response.status_code"].clone();
    assert_eq!(attempts.len(), 2);
    for attempt in &attempts {
        assert_eq!(attempt["parent"], parent["span"]);
    }
    let statuses: Vec<_> = attempts.iter().map(|it| status(it)).collect();
    assert_eq!(statuses, ["UNAVAILABLE", "OK"]);
    // What the first server had begun died with it.
    let served = sole(&spans, "back", "Server", "back/answer");
    assert_eq!(served["parent"], attempts[1]["span"]);
    assert_eq!(
        sole(&spans, "back", "Internal", "thinking")["parent"],
        served["span"]
    );
    for span in &spans {
        assert_eq!(span["trace"], asking["trace"], "{span:#}");
    }
}
