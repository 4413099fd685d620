//! Workers in processes of their own, and who calls them in this one.

use super::worker::{RUNNING, Terms, name};
use crate::answerer::Answerer;
use crate::group::BoxError;
use crate::roster::{Roster, member_config};
use crate::site::{LEDGER, START_WITHIN};
use futures::future::try_join_all;
use rpcnet::cluster::{
    ClusterClient, ClusterClientCounters, ClusterConfig, ClusterMembership, LoadBalancingStrategy,
    Worker, WorkerConfig, WorkerPool, WorkerRegistry,
};
use rpcnet::{CallOptions, RpcConfig, RpcError};
use rpcnet_testkit::ledger::{Event, read_events};
use rpcnet_testkit::process::Process;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Worker processes, and a member of their cluster in this process that calls them. All go when this is
/// dropped.
#[derive(Debug)]
pub(crate) struct Crew {
    seats: Vec<Seat>,
    terms: Terms,
    roster: Roster,
    membership: Arc<ClusterMembership>,
    pub(crate) registry: Arc<WorkerRegistry>,
    pub(crate) client: ClusterClient,
}

/// The place of a worker, whose process comes and goes.
#[derive(Debug, Default)]
struct Seat {
    process: Option<Process>,
    /// The same after every start, as a service's is.
    addr: Option<SocketAddr>,
    starts: u16,
}

impl Crew {
    /// Starts so many workers, and a client by the default strategy. Returns when it can call all.
    pub(crate) async fn hire(workers: u16, terms: Terms) -> Result<Self, BoxError> {
        Self::hire_for(workers, terms, LoadBalancingStrategy::default()).await
    }

    /// As [`hire`](Self::hire), with a registry of this kind.
    pub(crate) async fn hire_for(
        workers: u16,
        terms: Terms,
        config: impl Into<WorkerConfig>,
    ) -> Result<Self, BoxError> {
        let names = (0..workers).map(name).chain([CALLER.to_owned()]).collect();
        let roster = Roster::of(names)?;
        let rpc = caller_config(&roster);
        let config_of_member = ClusterConfig::lan().with_node_name(CALLER);
        let membership = ClusterMembership::new(rpc.clone(), config_of_member).await?;
        let registry = WorkerRegistry::new(Arc::clone(&membership), config);
        registry.start().await;
        let registry = Arc::new(registry);
        let client = ClusterClient::new(Arc::clone(&registry), rpc);
        let mut crew = Self {
            seats: (0..workers).map(|_| Seat::default()).collect(),
            terms,
            roster,
            membership,
            registry,
            client,
        };
        crew.start_all().await?;
        let all = usize::from(workers);
        reach_all(&crew.client, all).await?;
        Ok(crew)
    }

    /// Another client of the same workers, with a registry of its own. Returns when it can call all.
    pub(crate) async fn client_for(
        &self,
        config: impl Into<WorkerConfig>,
    ) -> Result<ClusterClient, BoxError> {
        let registry = Arc::new(WorkerRegistry::new(Arc::clone(&self.membership), config));
        registry.start().await;
        let client = ClusterClient::new(registry, self.rpc());
        let all = self.seats.len();
        reach_all(&client, all).await?;
        Ok(client)
    }

    /// How this process connects to workers.
    pub(crate) fn rpc(&self) -> RpcConfig {
        caller_config(&self.roster)
    }

    /// Where the certificates of all are.
    pub(crate) fn dir(&self) -> &Path {
        self.roster.dir()
    }

    /// The node name of this process.
    pub(crate) fn own_name(&self) -> &'static str {
        CALLER
    }

    /// Reads the certificates of this process again.
    pub(crate) fn reload(&self) -> Result<(), RpcError> {
        self.membership.reload_tls()?;
        self.client.reload_tls()
    }

    /// The workers, and where they are.
    pub(crate) fn addresses(&self) -> Vec<(u16, SocketAddr)> {
        let seats = (0..).zip(&self.seats);
        seats
            .filter_map(|(worker, seat)| Some((worker, seat.addr?)))
            .collect()
    }

    /// The workers, as what carries calls.
    pub(crate) fn pool(&self) -> Result<WorkerPool, BoxError> {
        Ok(self.client.pool(None)?)
    }

    /// Waits until the registry's workers are what `wanted` says.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl FnMut(&[Worker]) -> bool,
    ) -> Result<Vec<Worker>, BoxError> {
        until(&self.registry, what, wanted).await
    }

    /// A worker, as the registry sees it now.
    pub(crate) fn worker(&self, worker: u16) -> Option<Worker> {
        let name = name(worker);
        let workers = self.registry.workers();
        workers.into_iter().find(|it| it.name().as_str() == name)
    }

    /// Who answers calls to this worker now.
    pub(crate) fn answerer(&self, worker: u16) -> Answerer {
        let seat = self.seats.get(usize::from(worker));
        let start = seat.map_or(0, |seat| seat.starts);
        Answerer { worker, start }
    }

    /// Starts a worker on its port; returns when it was ready to be called, though by nobody yet who has
    /// not heard of it.
    pub(crate) async fn start(&mut self, worker: u16) -> Result<Instant, BoxError> {
        let who = self.next(worker)?;
        let process = self.command(who).await?;
        self.seat(worker, process)
    }

    /// Starts all workers at once; returns when the first was ready.
    pub(crate) async fn start_all(&mut self) -> Result<Instant, BoxError> {
        let mut who = Vec::new();
        for (worker, _) in (0..).zip(&self.seats) {
            who.push(self.next(worker)?);
        }
        let started = try_join_all(who.iter().map(async |who| {
            let process = self.command(*who).await?;
            Ok::<_, BoxError>((process, Instant::now()))
        }));
        let mut first = None;
        for ((process, at), who) in started.await?.into_iter().zip(who) {
            self.seat(who.worker, process)?;
            first = first.into_iter().chain([at]).min();
        }
        first.ok_or_else(|| "there are no workers".into())
    }

    fn next(&self, worker: u16) -> Result<Answerer, BoxError> {
        let seat = self.seats.get(usize::from(worker));
        let seat = seat.ok_or("there is no such worker")?;
        let start = seat.starts + 1;
        Ok(Answerer { worker, start })
    }

    async fn command(&self, who: Answerer) -> Result<Process, BoxError> {
        let seat = self.seats.get(usize::from(who.worker));
        let bind = seat.and_then(|seat| seat.addr);
        let bind = bind.map_or_else(|| LOOPBACK.to_owned(), |addr| addr.to_string());
        let join = self.membership.local_addr().to_string();
        let dir = self.roster.dir();
        let command = self.terms.command(dir, &bind, &join, who)?;
        // It says nothing more, so that nobody has to listen.
        let (process, _lines) = Process::start_talking(command, START_WITHIN).await?;
        Ok(process)
    }

    fn seat(&mut self, worker: u16, process: Process) -> Result<Instant, BoxError> {
        let seat = self.seats.get_mut(usize::from(worker));
        let seat = seat.ok_or("there is no such worker")?;
        seat.addr = Some(process.addr());
        seat.starts += 1;
        seat.process = Some(process);
        Ok(Instant::now())
    }

    /// Kills a worker (SIGKILL).
    pub(crate) async fn kill(&mut self, worker: u16) -> Result<(), BoxError> {
        Ok(self.take(worker)?.kill().await?)
    }

    /// Kills all workers at once.
    pub(crate) async fn kill_all(&mut self) -> Result<(), BoxError> {
        let processes = self.seats.iter_mut().filter_map(|seat| seat.process.take());
        try_join_all(processes.map(Process::kill)).await?;
        Ok(())
    }

    /// Ends a worker in good order (SIGTERM), and waits until it is gone.
    pub(crate) async fn retire(&mut self, worker: u16) -> Result<(), BoxError> {
        retire(self.take(worker)?).await
    }

    /// Stops a worker in its tracks (SIGSTOP).
    pub(crate) async fn pause(&mut self, worker: u16) -> Result<(), BoxError> {
        Ok(self.process(worker)?.pause().await?)
    }

    /// Lets it run on (SIGCONT).
    pub(crate) async fn resume(&mut self, worker: u16) -> Result<(), BoxError> {
        Ok(self.process(worker)?.resume().await?)
    }

    /// Tells a worker how to go on, as [`super::worker::Worker`] says.
    pub(crate) async fn order(&mut self, worker: u16, order: &str) -> Result<(), BoxError> {
        Ok(self.process(worker)?.say(order).await?)
    }

    /// Ends all workers in good order, and returns what their handlers recorded.
    pub(crate) async fn dismiss(mut self) -> Result<Vec<Event>, BoxError> {
        let processes = self.seats.iter_mut().filter_map(|seat| seat.process.take());
        try_join_all(processes.map(retire)).await?;
        Ok(read_events(&self.roster.dir().join(LEDGER))?)
    }

    fn process(&mut self, worker: u16) -> Result<&mut Process, BoxError> {
        let seat = self.seats.get_mut(usize::from(worker));
        let process = seat.and_then(|seat| seat.process.as_mut());
        process.ok_or_else(|| "the worker does not run".into())
    }

    fn take(&mut self, worker: u16) -> Result<Process, BoxError> {
        let seat = self.seats.get_mut(usize::from(worker));
        let process = seat.and_then(|seat| seat.process.take());
        process.ok_or_else(|| "the worker does not run".into())
    }
}

/// Waits until a client has called each of so many workers, so that the first calls that are measured
/// find connections.
async fn reach_all(client: &ClusterClient, workers: usize) -> Result<(), BoxError> {
    let is_complete = |it: &[Worker]| are_callable(it, workers);
    until(client.registry(), "all workers", is_complete).await?;
    let called = client.call_all(RUNNING, Vec::new(), None, CallOptions::new());
    for called in called.await? {
        called.result?;
    }
    Ok(())
}

/// Whether there are so many workers, and nothing speaks against calling any of them.
fn are_callable(workers: &[Worker], count: usize) -> bool {
    let is_callable = |it: &Worker| it.is_reachable() && !it.is_ejected() && !it.is_draining();
    workers.len() == count && workers.iter().all(is_callable)
}

/// Waits until a registry's workers are what `wanted` says.
pub(crate) async fn until(
    registry: &WorkerRegistry,
    what: &str,
    wanted: impl FnMut(&[Worker]) -> bool,
) -> Result<Vec<Worker>, BoxError> {
    let waited = timeout(PATIENCE, registry.wait_until(wanted)).await;
    waited.map_err(|_| {
        let workers = registry.workers();
        format!("{what}: not within {PATIENCE:?}; {workers:?}").into()
    })
}

async fn retire(mut process: Process) -> Result<(), BoxError> {
    process.terminate().await?;
    let status = process.wait(EXIT_WITHIN).await?;
    if !status.success() {
        return Err(format!("a worker ended with {status}").into());
    }
    Ok(())
}

fn caller_config(roster: &Roster) -> RpcConfig {
    member_config(roster.dir(), CALLER, LOOPBACK)
}

/// The node name of this process.
const CALLER: &str = "caller";

const LOOPBACK: &str = "127.0.0.1:0";

/// What takes longer has gone wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A worker that was told to end does so within this time.
const EXIT_WITHIN: Duration = Duration::from_secs(20);

/// How many workers each call was sent to between two looks.
pub(crate) fn attempts_per_call(
    before: ClusterClientCounters,
    after: ClusterClientCounters,
) -> f64 {
    (after.attempts - before.attempts) as f64 / (after.calls - before.calls) as f64
}
