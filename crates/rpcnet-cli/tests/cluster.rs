//! `rpcnet cluster`, asked of real nodes in this process.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rpcnet::certs::DevCa;
use rpcnet::cluster::{ClusterConfig, ClusterMembership};
use rpcnet::{RpcConfig, RpcError, RpcServer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two nodes, `left` and `right`, and the certificates around them.
struct Cluster {
    dir: TempDir,
    left: Node,
    right: Node,
}

struct Node {
    address: SocketAddr,
    cluster: Arc<ClusterMembership>,
    serving: AbortHandle,
}

impl Node {
    async fn start(dir: &TempDir, name: &str) -> Self {
        Self::bound(dir, name, "127.0.0.1:0").await.unwrap()
    }

    async fn bound(dir: &TempDir, name: &str, bind: &str) -> Result<Self, RpcError> {
        let file = |suffix: &str| dir.path().join(format!("{name}{suffix}.pem"));
        let config = RpcConfig::new(file(""), bind)
            .with_key_path(file("-key"))
            .with_ca_path(dir.path().join("ca.pem"));
        let mut server = RpcServer::new(config);
        let quic_server = server.bind()?;
        let address = server.socket_addr.unwrap();
        let config = ClusterConfig::local()
            .with_cluster_name("test")
            .with_node_name(name)
            .with_tag("side", name);
        let cluster = server.enable_cluster(config).await?;
        let serving = tokio::spawn(async move { server.start(quic_server).await });
        Ok(Self {
            address,
            cluster,
            serving: serving.abort_handle(),
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Cluster {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = DevCa::generate("this cluster's").unwrap();
        ca.write(dir.path()).unwrap();
        for name in ["left", "right"] {
            let names = [name, "localhost", "127.0.0.1"];
            ca.node(&names).unwrap().write(dir.path(), name).unwrap();
        }
        ca.client("alice")
            .unwrap()
            .write(dir.path(), "alice")
            .unwrap();
        let strange = dir.path().join("strange");
        let ca = DevCa::generate("somebody's").unwrap();
        ca.write(&strange).unwrap();
        ca.client("alice")
            .unwrap()
            .write(&strange, "alice")
            .unwrap();

        let left = Node::start(&dir, "left").await;
        let right = Node::start(&dir, "right").await;
        right.cluster.join([left.address]).await.unwrap();
        for node in [&left, &right] {
            let both = node.cluster.wait_until(|view| view.live().count() == 2);
            timeout(PATIENCE, both).await.unwrap();
        }
        Self { dir, left, right }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The options that name the certificates.
    fn identified(&self) -> Vec<String> {
        let options = [
            ("--ca", "ca.pem"),
            ("--cert", "alice.pem"),
            ("--key", "alice-key.pem"),
        ];
        let options = options.into_iter();
        options
            .flat_map(|(option, file)| self.option(option, file))
            .collect()
    }

    fn option(&self, option: &str, file: &str) -> [String; 2] {
        [option.to_owned(), self.file(file).display().to_string()]
    }

    /// `rpcnet cluster members` at `left`, with a client's certificate and these options.
    async fn members(&self, options: &[&str]) -> Output {
        let mut command = rpcnet("members", &[self.left.address]);
        command.args(self.identified()).args(options);
        finished(command).await
    }
}

fn rpcnet(what: &str, seeds: &[SocketAddr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcnet"));
    command.args(["cluster", what]).kill_on_drop(true);
    for seed in seeds {
        command.args(["--seed", &seed.to_string()]);
    }
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

/// What a command that must fail has complained of.
#[track_caller]
fn complaint(output: Output) -> String {
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), printed.as_str()), (Some(1), ""));
    String::from_utf8(output.stderr).unwrap()
}

#[track_caller]
fn assert_contains(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

#[tokio::test]
async fn a_table_shows_every_member_and_who_says_so() {
    let cluster = Cluster::start().await;
    let text = printed(cluster.members(&[]).await);
    let (left, right) = (cluster.left.address, cluster.right.address);
    assert_contains(
        &text,
        &[
            "NAME    STATE  ADDRESS",
            &format!("left *  alive  {left}"),
            &format!("right   alive  {right}"),
            "side=right\n",
            " s ago ",
            "members: 2 (2 alive)\n",
            "quorum: 2 of 2 voters in reach: whole",
            &format!("answered by left at {left}, cluster test, revision "),
        ],
    );
}

#[tokio::test]
async fn a_filter_shows_only_who_passes() {
    let cluster = Cluster::start().await;
    let text = printed(cluster.members(&["--filter", "!side=left"]).await);
    assert!(!text.contains("left *"), "{text}");
    assert_contains(
        &text,
        &["right ", "1 not shown, they do not pass the filter"],
    );
    let json = printed(cluster.members(&["--filter", "side=left", "--json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["members"].as_array().unwrap().len(), 1);
    assert_eq!(json["members"][0]["name"], "left");
}

#[tokio::test]
async fn json_is_one_line_of_plain_characters() {
    let cluster = Cluster::start().await;
    let value = "\u{202e}\u{e9}\u{1f600}";
    cluster.left.cluster.set_tag("odd", value).await.unwrap();
    let text = printed(cluster.members(&["--json"]).await);
    assert_eq!(text.lines().count(), 1);
    let is_plain = |c| c == '\n' || (' '..='~').contains(&c);
    assert!(text.chars().all(is_plain), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["cluster"], "test");
    assert_eq!(json["node"], "left");
    assert_eq!(json["members"][0]["tags"]["odd"], value);
    assert_eq!(json["members"][1]["state"], "alive");
    let table = printed(cluster.members(&[]).await);
    assert_contains(&table, &["odd=\"\\u{202e}"]);
}

#[tokio::test]
async fn the_first_seed_that_answers_is_asked() {
    let cluster = Cluster::start().await;
    // Holds its port and says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let seeds = [silent.local_addr().unwrap(), cluster.right.address];
    let mut command = rpcnet("members", &seeds);
    command.args(cluster.identified()).args(["--timeout", "1"]);
    let text = printed(finished(command).await);
    assert_contains(&text, &["answered by right at "]);
}

#[tokio::test]
async fn a_name_that_the_certificate_carries_may_be_asked_for() {
    let cluster = Cluster::start().await;
    printed(cluster.members(&["--server-name", "left"]).await);
    let refused = complaint(cluster.members(&["--server-name", "right"]).await);
    assert_contains(&refused, &["not for \"right\"", "--server-name: "]);
    let options = ["--server-name", "right", "--server-name", "left"];
    printed(cluster.members(&options).await);
}

#[tokio::test]
async fn without_a_certificate_the_options_to_add_are_named() {
    let cluster = Cluster::start().await;
    for what in ["members", "watch"] {
        let mut command = rpcnet(what, &[cluster.left.address]);
        command.args(cluster.option("--ca", "ca.pem"));
        let refused = complaint(finished(command).await);
        assert_contains(&refused, &["no node answered", "--cert and --key: "]);
    }
}

#[tokio::test]
async fn a_strange_ca_or_certificate_is_named_by_its_option() {
    let cluster = Cluster::start().await;
    let ask = |ca, dir: &str| {
        let mut command = rpcnet("members", &[cluster.left.address]);
        command.args(cluster.option("--ca", ca));
        command.args(cluster.option("--cert", &format!("{dir}alice.pem")));
        command.args(cluster.option("--key", &format!("{dir}alice-key.pem")));
        finished(command)
    };
    let refused = complaint(ask("strange/ca.pem", "").await);
    assert_contains(&refused, &["was not signed by", "strange/ca.pem", "--ca: "]);
    let refused = complaint(ask("ca.pem", "strange/").await);
    assert_contains(&refused, &["the peer refused our certificate", "--cert: "]);
    let refused = complaint(ask("nowhere.pem", "").await);
    assert_contains(&refused, &["cannot read", "nowhere.pem", "--ca: "]);
}

#[tokio::test]
async fn a_wrong_address_is_named_by_its_option() {
    let cluster = Cluster::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut command = rpcnet("members", &[address]);
    command.args(cluster.identified()).args(["--timeout", "1"]);
    let refused = complaint(finished(command).await);
    assert_contains(
        &refused,
        &[&address.to_string(), "--seed: is a node running"],
    );

    let mut command = rpcnet("members", &[]);
    command
        .args(cluster.identified())
        .args(["--seed", "nowhere"]);
    let misused = finished(command).await;
    assert_eq!(misused.status.code(), Some(2));
    let text = String::from_utf8(misused.stderr).unwrap();
    assert_contains(&text, &["'nowhere'", "needs a port"]);
}

#[tokio::test]
async fn a_server_without_a_cluster_is_told_from_a_node() {
    let cluster = Cluster::start().await;
    let config = RpcConfig::new(cluster.file("left.pem"), "127.0.0.1:0")
        .with_key_path(cluster.file("left-key.pem"))
        .with_ca_path(cluster.file("ca.pem"));
    let mut server = RpcServer::new(config);
    let quic_server = server.bind().unwrap();
    let mut command = rpcnet("members", &[server.socket_addr.unwrap()]);
    command.args(cluster.identified());
    let refused = tokio::select! {
        refused = finished(command) => complaint(refused),
        _ = server.start(quic_server) => panic!("the server ended"),
    };
    assert_contains(&refused, &["--seed: this server is no cluster's node"]);
}

/// `rpcnet cluster watch`, and the lines it prints.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(cluster: &Cluster, seed: SocketAddr, options: &[&str]) -> Self {
        let mut command = rpcnet("watch", &[seed]);
        command.args(cluster.identified()).args(options);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that has all of these in it.
    async fn until(&mut self, expected: &[&str]) -> String {
        let mut seen = Vec::new();
        let found = timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if expected.iter().all(|expected| line.contains(expected)) {
                    return Some(line);
                }
                seen.push(line);
            }
            None
        });
        let found = found.await.ok().flatten();
        found.unwrap_or_else(|| panic!("no line with {expected:?} after {seen:#?}"))
    }

    async fn interrupt(mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap().unwrap().code()
    }
}

#[tokio::test]
async fn watch_prints_the_members_and_then_what_happens() {
    let cluster = Cluster::start().await;
    let mut watching = Watching::start(&cluster, cluster.left.address, &[]);
    watching.until(&["NAME", "STATE", "ADDRESS"]).await;
    watching.until(&["right ", "alive"]).await;
    watching.until(&["answered by left at "]).await;
    cluster.right.cluster.set_tag("gpu", "a100").await.unwrap();
    let line = watching.until(&["NodeTagsUpdated"]).await;
    assert_contains(&line, &["T", "Z  ", "right at 127.0.0.1:", "+gpu=a100"]);
    cluster.right.cluster.leave().await.unwrap();
    watching.until(&["NodeLeft", "right at 127.0.0.1:"]).await;
    assert_eq!(watching.interrupt().await, Some(0), "Ctrl-C is how it ends");
}

#[tokio::test]
async fn watch_prints_objects_that_pass_the_filter() {
    let cluster = Cluster::start().await;
    let options = ["--json", "--filter", "side=right"];
    let mut watching = Watching::start(&cluster, cluster.left.address, &options);
    let view = watching.until(&["View"]).await;
    let view: Value = serde_json::from_str(&view).unwrap();
    assert_eq!(view["event"], "View");
    assert_eq!(view["view"]["node"], "left");
    assert_eq!(view["view"]["members"].as_array().unwrap().len(), 1);
    cluster.left.cluster.set_tag("hidden", "1").await.unwrap();
    cluster.right.cluster.set_tag("shown", "1").await.unwrap();
    let event = timeout(PATIENCE, watching.lines.next_line()).await;
    let event: Value = serde_json::from_str(&event.unwrap().unwrap().unwrap()).unwrap();
    assert_eq!(event["event"], "NodeTagsUpdated", "{event}");
    assert_eq!(event["member"]["name"], "right");
    assert!(event["at"].as_str().unwrap().ends_with('Z'), "{event}");
}

#[tokio::test]
async fn watch_moves_on_to_a_member_it_has_learnt_of() {
    let cluster = Cluster::start().await;
    let mut watching = Watching::start(&cluster, cluster.left.address, &[]);
    watching.until(&["answered by left at "]).await;
    let left = cluster.left.address.to_string();
    drop(cluster.left);
    watching
        .until(&["Disconnected", &format!("address: {left}")])
        .await;
    watching.until(&["answered by right at "]).await;
    cluster
        .right
        .cluster
        .set_tag("still", "here")
        .await
        .unwrap();
    watching.until(&["NodeTagsUpdated", "+still=here"]).await;
}

#[tokio::test]
async fn watch_ends_with_its_reader() {
    let cluster = Cluster::start().await;
    let mut watching = Watching::start(&cluster, cluster.left.address, &[]);
    watching.until(&["answered by left at "]).await;
    let Watching { mut child, lines } = watching;
    drop(lines);
    cluster.right.cluster.set_tag("one", "more").await.unwrap();
    let ended = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn watch_waits_for_a_node_to_come_back() {
    let cluster = Cluster::start().await;
    let options = ["--timeout", "1"];
    let mut watching = Watching::start(&cluster, cluster.left.address, &options);
    watching.until(&["answered by left at "]).await;
    let Cluster { dir, left, right } = cluster;
    let bind = left.address.to_string();
    drop((left, right));
    watching.until(&["Retrying", "asked: 2"]).await;
    let back = timeout(PATIENCE, async {
        loop {
            // The system tells nobody when the port is free again.
            if let Ok(node) = Node::bound(&dir, "left", &bind).await {
                return node;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    let _back = back.await.unwrap();
    watching.until(&["answered by left at ", &bind]).await;
}
