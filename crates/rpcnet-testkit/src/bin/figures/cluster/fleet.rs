//! Members in processes of their own, each on a host of its own.

use crate::group::BoxError;
use crate::moment::{Moment, Steadiness};
use crate::record::{Record, all_see};
use crate::roster::Roster;
use crate::site::START_WITHIN;
use crate::told::{Sight, Told, What};
use rpcnet_testkit::netns::Network;
use rpcnet_testkit::process::Process;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Processes, the network between them, and what they say. All go when this is dropped.
#[derive(Debug)]
pub(crate) struct Fleet {
    // Dropped before the network that they are in.
    processes: Vec<Option<Process>>,
    takers: JoinSet<()>,
    is_watching: fn(usize) -> bool,
    pub(crate) network: Network,
    pub(crate) record: Arc<Record>,
    roster: Roster,
    clock: Steadiness,
}

impl Fleet {
    /// Starts so many members and joins them; those that `is_watching` says watch heartbeats. Returns
    /// when everybody sees everybody.
    pub(crate) async fn new(
        nodes: usize,
        is_watching: fn(usize) -> bool,
    ) -> Result<Self, BoxError> {
        let mut fleet = Self {
            processes: (0..nodes).map(|_| None).collect(),
            takers: JoinSet::new(),
            is_watching,
            network: Network::new(nodes).await?,
            record: Arc::default(),
            roster: Roster::new(nodes)?,
            clock: Steadiness::watch(),
        };
        for node in 0..nodes {
            fleet.start(node).await?;
        }
        for node in 0..nodes {
            fleet.join(node).await?;
        }
        fleet.all_live(nodes).await?;
        Ok(fleet)
    }

    pub(crate) fn name(&self, node: usize) -> &str {
        self.roster.names().get(node).map_or("", String::as_str)
    }

    pub(crate) fn names(&self) -> &[String] {
        self.roster.names()
    }

    /// Starts a member's process. It stays alone until it is told to join.
    pub(crate) async fn start(&mut self, node: usize) -> Result<(), BoxError> {
        let mut command = Process::this_executable()?;
        command.arg("member").arg("--roster").arg(self.roster.dir());
        command.args(["--name", self.name(node)]);
        command.args(["--bind", &self.address(node)]);
        if (self.is_watching)(node) {
            command.arg("--health");
        }
        let command = self.network.command(node, &command);
        let command = command.ok_or("there is no such host")?;
        // What its predecessor saw is over.
        let nothing = Sight {
            live: 0,
            side: String::new(),
        };
        let over = Told::now(self.name(node), What::Sight(nothing));
        self.record.add(over);
        let (process, lines) = Process::start_talking(command, START_WITHIN).await?;
        self.takers.spawn(Arc::clone(&self.record).take_down(lines));
        if let Some(seat) = self.processes.get_mut(node) {
            *seat = Some(process);
        }
        Ok(())
    }

    /// Tells a member to join through three others, of which one answers at least.
    pub(crate) async fn join(&mut self, node: usize) -> Result<(), BoxError> {
        let nodes = self.processes.len();
        let mut seeds: Vec<String> = Vec::new();
        for other in 0..nodes {
            let is_there = self.processes.get(other).is_some_and(Option::is_some);
            // The first one has nobody to ask but itself.
            if is_there && (other != node || node == 0) && seeds.len() < 3 {
                seeds.push(self.address(other));
            }
        }
        self.say(node, &format!("join {}", seeds.join(" "))).await
    }

    /// Tells a member to do something.
    pub(crate) async fn say(&mut self, node: usize, order: &str) -> Result<(), BoxError> {
        let line = format!("{} {order}", self.name(node));
        Ok(self.process(node)?.say(&line).await?)
    }

    /// Kills a member (SIGKILL); returns when.
    pub(crate) async fn kill(&mut self, node: usize) -> Result<Moment, BoxError> {
        let process = self.processes.get_mut(node).and_then(Option::take);
        let process = process.ok_or("the member does not run")?;
        let at = Moment::now();
        process.kill().await?;
        Ok(at)
    }

    /// The process of a member that runs.
    pub(crate) fn process(&mut self, node: usize) -> Result<&mut Process, BoxError> {
        let process = self.processes.get_mut(node).and_then(Option::as_mut);
        process.ok_or_else(|| "the member does not run".into())
    }

    /// Waits until every member sees so many live ones; returns when the last came to see it.
    pub(crate) async fn all_live(&self, live: usize) -> Result<Moment, BoxError> {
        self.these_see("full views", self.names(), |_, sight| sight.live == live)
            .await
    }

    /// Waits until all of `nodes` see what `wanted` says; returns since when.
    pub(crate) async fn these_see(
        &self,
        what: &str,
        nodes: &[String],
        wanted: impl Fn(&str, &Sight) -> bool,
    ) -> Result<Moment, BoxError> {
        let look = |told: &[Told]| all_see(told, nodes, &wanted);
        self.record.until(what, PATIENCE, look).await
    }

    /// Fails if anything happened that makes the figures void.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        self.record.check()?;
        if !self.clock.holds() {
            return Err("the clock was set while it was measured by".into());
        }
        Ok(())
    }

    /// The port is the same after a restart, as a service's is.
    fn address(&self, node: usize) -> String {
        format!("{}:{PORT}", self.network.address(node))
    }
}

/// Nothing else is on these hosts.
const PORT: u16 = 7_400;

/// What takes longer has gone wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
