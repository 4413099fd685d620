//! Runs the programs of the cluster as processes, ends some of them in every way, and checks what
//! their clients print.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rpcnet_examples::cluster::token;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A hang guard; what it guards takes a few seconds.
const TIME_LIMIT: Duration = Duration::from_secs(60);

const DIRECTOR: &str = env!("CARGO_BIN_EXE_cluster_director");
const WORKER: &str = env!("CARGO_BIN_EXE_cluster_worker");
/// Asks the director for workers.
const CLIENT: &str = env!("CARGO_BIN_EXE_cluster_client");
/// Is a member, and knows the workers itself.
const MEMBER_CLIENT: &str = env!("CARGO_BIN_EXE_cluster_member_client");

#[tokio::test]
async fn a_client_goes_on_at_another_worker_when_its_worker_is_killed() {
    goes_on_when_its_worker_is_killed(CLIENT).await;
}

#[tokio::test]
async fn a_client_that_is_a_member_does_so_too() {
    goes_on_when_its_worker_is_killed(MEMBER_CLIENT).await;
}

async fn goes_on_when_its_worker_is_killed(client: &str) {
    let cluster = Cluster::start().await;
    let [a, b] = [cluster.worker("a").await, cluster.worker("b").await];
    let mut answer = Answer::of(cluster.client(client, 100));
    answer.until(10).await;
    let (mut killed, other) = answer.split([a, b]);
    wait(killed.process.kill()).await.unwrap();

    let workers = answer.whole().await;
    let (killed, other) = (killed.label, other.label);
    assert_eq!(workers, [&*killed, &*other], "{:?}", answer.other);
    let lost = format!("{killed} is lost, ");
    assert!(answer.other[1].starts_with(&lost), "{:?}", answer.other);
    let both = format!("{killed}, {other}; failovers: 1");
    assert_eq!(answer.summary(), both);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_finishes_its_stream_and_leaves() {
    let mut cluster = Cluster::start().await;
    let [a, b] = [cluster.worker("a").await, cluster.worker("b").await];
    let mut answer = Answer::of(cluster.client(CLIENT, 150));
    answer.until(5).await;
    let (mut stopped, other) = answer.split([a, b]);
    signal(&stopped.process, "TERM").await;

    // It takes no more clients, however few it has. The one that it has gets all of its answer.
    cluster
        .director
        .says(&format!("draining: {}", stopped.label))
        .await;
    let later = [CLIENT, MEMBER_CLIENT, CLIENT].map(|client| cluster.client(client, 10));
    for client in later {
        assert_eq!(Answer::of(client).whole().await, [&*other.label]);
    }
    assert_eq!(answer.whole().await, [stopped.label.clone()]);
    assert!(wait(stopped.process.wait()).await.unwrap().success());
    stopped
        .says(&format!("{} stopped, 0 streams cut", stopped.label))
        .await;
    cluster
        .director
        .says(&format!("left: {}", stopped.label))
        .await;
}

#[tokio::test]
async fn workers_that_crash_now_and_then_cost_no_token() {
    let cluster = Cluster::start().await;
    let failing = [("WORKER_FAILURE_ENABLED", "true")];
    let _workers = [
        cluster.worker_with("a", &failing).await,
        cluster.worker_with("b", &failing).await,
    ];
    // More than both make without a crash. Who goes on after the second is whoever is back first.
    let mut answer = Answer::of(cluster.client(CLIENT, 150));
    answer.whole().await;
    let is_loss = |line: &&String| line.contains(" is lost, ");
    let losses = answer.other.iter().filter(is_loss).count();
    assert!(losses >= 2, "{:?}", answer.other);
}

#[tokio::test]
async fn a_director_that_is_started_again_elsewhere_finds_the_workers_by_its_seeds() {
    let mut cluster = Cluster::start().await;
    let worker = cluster.worker("a").await;
    wait(cluster.director.process.kill()).await.unwrap();

    let mut command = command(DIRECTOR, "127.0.0.1:0", cluster.certs.path());
    command.env("CLUSTER_SEEDS", &worker.address);
    cluster.director = Program::start(command, "director");
    cluster.address = cluster.director.says("directing on ").await;
    let mut answer = Answer::of(cluster.client(CLIENT, 10));
    assert_eq!(answer.whole().await, ["a"]);
}

#[tokio::test]
async fn a_client_waits_for_the_first_worker_and_a_worker_for_its_director() {
    let certs = tempfile::tempdir().unwrap();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let worker = Program::start(command(WORKER, &address, certs.path()), "early");
    let mut cluster = Cluster::start_at(&address, certs).await;
    let mut answer = Answer::of(cluster.client(CLIENT, 10));
    assert_eq!(answer.whole().await, ["early"]);
    cluster.director.says("early gets a client").await;
    drop(worker);
}

#[tokio::test]
async fn what_is_wrong_in_the_environment_is_named() {
    let certs = tempfile::tempdir().unwrap();
    for (program, name, value) in [
        (WORKER, "WORKER_FAILURE_ENABLED", "maybe"),
        (DIRECTOR, "DIRECTOR_ADDR", "nowhere"),
        (CLIENT, "DIRECTOR_ADDR", "127.0.0.1"),
        (WORKER, "KEY_FILE", "key.pem"),
    ] {
        let mut command = command(program, "127.0.0.1:0", certs.path());
        let output = wait(command.env(name, value).output()).await.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(errors.contains(name) || errors.contains(value), "{errors}");
    }
}

/// A director, with certificates of its own.
struct Cluster {
    director: Program,
    address: String,
    certs: TempDir,
}

impl Cluster {
    async fn start() -> Self {
        Self::start_at("127.0.0.1:0", tempfile::tempdir().unwrap()).await
    }

    async fn start_at(address: &str, certs: TempDir) -> Self {
        let mut director = Program::start(command(DIRECTOR, address, certs.path()), "director");
        let address = director.says("directing on ").await;
        Self {
            director,
            address,
            certs,
        }
    }

    async fn worker(&self, label: &str) -> Program {
        self.worker_with(label, &[]).await
    }

    /// A worker that has joined.
    async fn worker_with(&self, label: &str, variables: &[(&str, &str)]) -> Program {
        let mut command = command(WORKER, &self.address, self.certs.path());
        command.envs(variables.iter().copied());
        let mut worker = Program::start(command, label);
        worker.address = worker.says(&format!("{label} works on ")).await;
        worker
    }

    fn client(&self, program: &str, tokens: u32) -> Program {
        let mut command = command(program, &self.address, self.certs.path());
        command.args(["--tokens", &tokens.to_string(), PROMPT]);
        Program::start(command, "client")
    }
}

const PROMPT: &str = "who answers?";

fn command(program: &str, director: &str, certs: &Path) -> Command {
    let mut command = Command::new(program);
    for variable in [
        "CLUSTER_SEEDS",
        "CERT_FILE",
        "KEY_FILE",
        "CA_FILE",
        "WORKER_ADDR",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command
        .env("DIRECTOR_ADDR", director)
        .env("CERTS_DIR", certs)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// A process, and what it prints.
struct Program {
    label: String,
    /// Of a worker.
    address: String,
    process: Child,
    printed: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(mut command: Command, label: &str) -> Self {
        command.env("WORKER_LABEL", label);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap()).lines();
        Self {
            label: label.to_owned(),
            address: String::new(),
            process,
            printed,
        }
    }

    /// Waits for a line that begins so, and returns the rest of it.
    async fn says(&mut self, beginning: &str) -> String {
        let mut before = Vec::new();
        while let Some(line) = wait(self.printed.next_line()).await.unwrap() {
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
            before.push(line);
        }
        panic!("{} did not say {beginning:?}: {before:?}", self.label)
    }
}

/// A client, what it has printed of its answer, and what else.
struct Answer {
    client: Program,
    tokens: u32,
    other: Vec<String>,
}

impl Answer {
    fn of(client: Program) -> Self {
        Self {
            client,
            tokens: 0,
            other: Vec::new(),
        }
    }

    /// Reads until so many tokens have come. Each has to be the next one.
    async fn until(&mut self, tokens: u32) {
        while self.tokens < tokens {
            assert!(self.line().await, "it ended: {:?}", self.other);
        }
    }

    /// Reads to the end, and returns the labels of the workers that answered, in order.
    async fn whole(&mut self) -> Vec<String> {
        while self.line().await {}
        let status: ExitStatus = wait(self.client.process.wait()).await.unwrap();
        assert!(status.success(), "{:?}", self.other);
        let summary = self.other.last().expect("it sums up");
        let expected = format!("{} tokens, none lost and none twice; ", self.tokens);
        assert!(summary.starts_with(&expected), "{summary}");
        self.workers()
    }

    fn workers(&self) -> Vec<String> {
        let lines = self.other.iter();
        let begins = lines.filter_map(|line| line.split_once(" answers from token "));
        begins.map(|(label, _)| label.to_owned()).collect()
    }

    fn summary(&self) -> &str {
        let summary = self.other.last().expect("it sums up");
        summary
            .split_once("; answered by ")
            .expect("it names them")
            .1
    }

    /// The worker that answers, and the others.
    fn split(&self, [a, b]: [Program; 2]) -> (Program, Program) {
        match self.workers().last().expect("somebody answers") {
            label if *label == a.label => (a, b),
            _ => (b, a),
        }
    }

    async fn line(&mut self) -> bool {
        let Some(line) = wait(self.client.printed.next_line()).await.unwrap() else {
            return false;
        };
        match line.trim_start().split_once("  ") {
            Some((index, text)) => {
                let next = (self.tokens.to_string(), token(PROMPT, self.tokens));
                assert_eq!((index.to_owned(), text), next, "{:?}", self.other);
                self.tokens += 1;
            }
            None => self.other.push(line),
        }
        true
    }
}

async fn signal(process: &Child, name: &str) {
    let id = process.id().expect("it runs").to_string();
    let kill = Command::new("kill")
        .args([&format!("-{name}"), &id])
        .status();
    assert!(wait(kill).await.unwrap().success());
}

async fn wait<F: Future>(future: F) -> F::Output {
    timeout(TIME_LIMIT, future).await.expect("in time")
}
