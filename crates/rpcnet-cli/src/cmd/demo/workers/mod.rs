//! The demo's third part: four workers under load, whatever becomes of single ones.

mod book;
mod live;
pub(crate) mod load;
mod meter;
mod stages;
mod tally;
mod work;
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rpcnet::certs::{CertsError, DevCa};

use self::live::Live;
use self::meter::Meter;
use self::stages::Stage;
use super::bounded;
use super::cluster::node::ANY_PORT;
use super::process::Process;
use super::report::{Report, StageFailure};

/// The node that the others join through. It has no part in the calls.
const DIRECTOR: &str = "director";
const WORKERS: [&str; 4] = ["worker-1", "worker-2", "worker-3", "worker-4"];
/// Makes the calls.
const LOAD: &str = "load";
/// Asks the load.
const CLIENT: &str = "client";
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
    let mut demo = WorkersDemo::new(dir.path())?;
    let mut live = Live::stdout();
    for stage in Stage::ALL {
        report.begin(stage.title())?;
        let meter = demo.meter.as_ref().map(Meter::reader);
        let run = Box::pin(stage.run(&mut demo));
        let outcome = live
            .beside(meter, Box::pin(bounded(STAGE_TIMEOUT, run)))
            .await?;
        if !report.ended(&outcome)? {
            failed.push(stage.title());
            if stage == Stage::Start {
                // Without workers nothing else could behave.
                break;
            }
        }
    }
    Ok(failed)
}

/// The processes, and what the load tells.
struct WorkersDemo {
    dir: PathBuf,
    /// By name; killed when dropped.
    nodes: BTreeMap<&'static str, Process>,
    meter: Option<Meter>,
    /// Where each worker listens, in all of its lives, and how often it was started.
    places: BTreeMap<&'static str, (SocketAddr, u64)>,
}

impl WorkersDemo {
    /// Makes the certificates: a CA, one for each member, and a client's to ask with.
    fn new(dir: &Path) -> Result<Self, CertsError> {
        let ca = DevCa::generate("rpcnet demo CA")?;
        ca.write(dir)?;
        ca.client(CLIENT)?.write(dir, CLIENT)?;
        for name in WORKERS.into_iter().chain([DIRECTOR, LOAD]) {
            ca.node(&[name])?.write(dir, name)?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            nodes: BTreeMap::new(),
            meter: None,
            places: BTreeMap::new(),
        })
    }

    /// Starts a member in a process of its own, which has joined when this returns.
    async fn start(&self, name: &'static str, seed: Option<SocketAddr>) -> io::Result<Process> {
        let mut arguments: Vec<OsString> = vec!["--name".into(), name.into(), "--dir".into()];
        arguments.push(self.dir.clone().into());
        if let Some(seed) = seed {
            arguments.extend(["--seed".into(), seed.to_string().into()]);
        }
        let subcommand = match name {
            DIRECTOR => {
                arguments.extend(["--role".into(), DIRECTOR.into()]);
                "demo-node"
            }
            LOAD => "demo-load",
            _ => {
                // As a service does that is started again, it comes back to its port.
                let bind = self.places.get(name).map_or(ANY_PORT, |(place, _)| *place);
                arguments.extend(["--bind".into(), bind.to_string().into()]);
                "demo-worker"
            }
        };
        Process::start(subcommand, arguments).await
    }

    /// Starts a worker that is not there.
    async fn start_worker(&mut self, name: &'static str) -> Result<(), StageFailure> {
        let seed = self.node(DIRECTOR)?.address();
        let process = self.start(name, Some(seed)).await?;
        self.started(name, process);
        Ok(())
    }

    fn started(&mut self, name: &'static str, process: Process) {
        let place = self.places.entry(name).or_insert((process.address(), 0));
        place.1 += 1;
        self.nodes.insert(name, process);
    }

    fn node(&mut self, name: &str) -> Result<&mut Process, StageFailure> {
        let node = self.nodes.get_mut(name);
        node.ok_or_else(|| StageFailure::new(format!("{name} is not running")))
    }

    fn take(&mut self, name: &str) -> Result<Process, StageFailure> {
        let node = self.nodes.remove(name);
        node.ok_or_else(|| StageFailure::new(format!("{name} is not running")))
    }

    fn meter(&self) -> Result<&Meter, StageFailure> {
        let meter = self.meter.as_ref();
        meter.ok_or_else(|| StageFailure::new("there is no load"))
    }
}
