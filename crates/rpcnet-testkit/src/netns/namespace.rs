//! One network namespace, and its end.

use super::error::NetnsError;
use super::tool;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A network namespace under a name of its own; removed when dropped.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one with nothing in it but a loopback interface that is down.
    pub(super) async fn new(label: &str) -> Result<Self, NetnsError> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{serial}-{label}", std::process::id());
        // Before the command, so that a name that was made half is removed too.
        let namespace = Self { name };
        tool::run(&["ip", "netns", "add", &namespace.name], "").await?;
        Ok(namespace)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs commands of `ip`, one per line.
    pub(super) async fn ip(&self, lines: &str) -> Result<(), NetnsError> {
        let words = ["ip", "-n", &self.name, "-batch", "-"];
        tool::run(&words, lines).await.map(drop)
    }

    /// Runs a script of `nft`, which takes effect as a whole or not at all.
    pub(super) async fn nft(&self, script: &str) -> Result<(), NetnsError> {
        let words = ["ip", "netns", "exec", &self.name, "nft", "-f", "-"];
        tool::run(&words, script).await.map(drop)
    }

    /// Returns the command that runs `command` in here. Its process is the one that is started: a
    /// signal meets it, and nothing between.
    pub(super) fn command(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name]);
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            inside.current_dir(dir);
        }
        inside
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Takes the name away; the namespace goes with its last process.
pub(super) fn remove(name: &str) {
    // Nobody is left to hear of a failure; the next program that starts tries again.
    let _ = Command::new("ip")
        .args(["netns", "del", name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// What the names of all namespaces of this testkit begin with; the maker's process id follows.
pub(super) const PREFIX: &str = "rpcnet-testkit-";
