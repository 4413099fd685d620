//! The demo's second part: five processes that form a cluster, and what becomes of them.

pub(crate) mod node;
mod sight;
mod stages;

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rpcnet::certs::{CertsError, DevCa};

use self::sight::Sight;
use self::stages::Stage;
use super::process::Process;
use super::report::{Report, StageFailure};
use super::staged;
use crate::cmd::access::{Credentials, Target};

/// The node that the others join through.
const DIRECTOR: &str = "director";
const WORKERS: [&str; 4] = ["worker-1", "worker-2", "worker-3", "worker-4"];
/// Who tells what it sees beside the director; nothing happens to it.
const WITNESS: &str = WORKERS[0];
/// No stage takes this long; one that does has failed.
const STAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs every stage; returns the titles of those that failed.
///
/// # Errors
///
/// Why there could be no stage.
pub(super) async fn show(report: &mut Report) -> Result<Vec<&'static str>, Box<dyn Error>> {
    let mut failed = Vec::new();
    let dir = tempfile::tempdir()?;
    let mut demo = ClusterDemo::new(dir.path())?;
    for stage in Stage::ALL {
        let run = Box::pin(stage.run(&mut demo));
        if !staged(report, stage.title(), STAGE_TIMEOUT, run).await? {
            failed.push(stage.title());
            if stage == Stage::Formation {
                // Without a cluster nothing else could behave.
                break;
            }
        }
    }
    Ok(failed)
}

/// The processes, the two that tell what they see, and what was found.
struct ClusterDemo {
    dir: PathBuf,
    credentials: Credentials,
    /// By name; killed when dropped.
    nodes: BTreeMap<&'static str, Process>,
    sights: Vec<Sight>,
    /// How long it took until something was seen: what happened, what was seen, after how long.
    times: Vec<[String; 3]>,
}

impl ClusterDemo {
    /// Makes the certificates: a CA, one for each node, and a client's to ask with.
    fn new(dir: &Path) -> Result<Self, CertsError> {
        let ca = DevCa::generate("rpcnet demo CA")?;
        ca.write(dir)?;
        ca.client(CLIENT)?.write(dir, CLIENT)?;
        for name in WORKERS.into_iter().chain([DIRECTOR]) {
            ca.node(&[name])?.write(dir, name)?;
        }
        let file = |stem: &str| dir.join(format!("{stem}.pem"));
        Ok(Self {
            dir: dir.to_owned(),
            credentials: Credentials::new(file("ca"), file(CLIENT), file("client-key")),
            nodes: BTreeMap::new(),
            sights: Vec::new(),
            times: Vec::new(),
        })
    }

    /// Starts a node in a process of its own, which has joined when this returns.
    async fn start(&self, name: &str, seed: Option<SocketAddr>) -> io::Result<Process> {
        let role = if name == DIRECTOR { DIRECTOR } else { "worker" };
        let mut arguments: Vec<OsString> = ["--name", name, "--role", role, "--dir"]
            .map(OsString::from)
            .into();
        arguments.push(self.dir.clone().into());
        if let Some(seed) = seed {
            arguments.push("--seed".into());
            arguments.push(seed.to_string().into());
        }
        Process::start("demo-node", arguments).await
    }

    /// Watches what a node sees.
    async fn watch(&mut self, name: &'static str) -> Result<(), StageFailure> {
        let target = Target::member(self.node(name)?.address(), name);
        let sight = Sight::open(&self.credentials, name, target).await?;
        self.sights.push(sight);
        Ok(())
    }

    fn node(&mut self, name: &str) -> Result<&mut Process, StageFailure> {
        let node = self.nodes.get_mut(name);
        node.ok_or_else(|| StageFailure::new(format!("{name} is not running")))
    }

    fn director(&self) -> Result<&Sight, StageFailure> {
        self.sights
            .first()
            .ok_or_else(|| StageFailure::new("the director is not watched"))
    }

    fn note(&mut self, what: &str, seen: &str, after: Duration) {
        self.times
            .push([what.to_owned(), seen.to_owned(), seconds(after)]);
    }
}

const CLIENT: &str = "client";

/// A time of detection, as exact as it can be repeated.
fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
