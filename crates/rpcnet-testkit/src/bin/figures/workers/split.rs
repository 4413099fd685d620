//! A network that is cut in two: each side goes on calling the workers that it has.

use super::caller::Caller;
use super::worker::{Terms, name as node_name};
use crate::answerer::Answerer;
use crate::group::{BoxError, Measured, Outcome, Plan};
use crate::moment::{Moment, Steadiness};
use crate::record::Record;
use crate::roster::Roster;
use crate::site::START_WITHIN;
use crate::told::{Told, What};
use rpcnet_testkit::netns::Network;
use rpcnet_testkit::process::Process;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Two sides of a caller and its workers each.
const SIDES: usize = 2;
const WORKERS_PER_SIDE: usize = 2;
const HOSTS_PER_SIDE: usize = 1 + WORKERS_PER_SIDE;
const WORKERS: usize = SIDES * WORKERS_PER_SIDE;

/// Calls per second, on either side.
const RATE: u32 = 100;

/// Who watches heartbeats routes around hosts that are cut off within this time.
const DETECTION: Duration = Duration::from_secs(3);

/// Cuts the network, and heals it.
pub(super) async fn measure(plan: Plan) -> Outcome {
    let cuts: &[u64] = plan.scale.pick(&[5, 15, 60, 180], &[15]);
    let mut sides = Sides::new(plan.seed).await?;
    let mut measured = Measured::of_seed(plan.seed);
    sides.all_used("the whole pool").await?;
    for seconds in cuts {
        one(&mut sides, *seconds, &mut measured).await?;
    }
    sides.record.check()?;
    if !sides.clock.holds() {
        return Err("the clock was set while it was measured by".into());
    }
    Ok(measured)
}

async fn one(sides: &mut Sides, seconds: u64, measured: &mut Measured) -> Result<(), BoxError> {
    // Each cut meets a pool that has been whole for a while.
    sleep(Duration::from_secs(2)).await;
    let ends = Instant::now() + Duration::from_secs(seconds);
    let (start, cut) = (sides.record.len(), Moment::now());
    sides.cut().await?;
    sleep_until(ends).await;
    let told = sides.record.since(start);
    sides.network.heal().await?;
    let healed = Moment::now();
    sides.all_used("the whole pool again").await?;
    let whole = Moment::now().since(healed);

    let name = format!("workers-split-{seconds}s");
    let (mut calls, mut failed, mut foreign, mut early) = (0, Vec::new(), 0, 0_u64);
    for told in &told {
        let What::Call {
            took_us,
            by,
            failed: why,
        } = &told.what
        else {
            continue;
        };
        let began = told
            .at
            .since(cut)
            .checked_sub(Duration::from_micros(*took_us));
        if began.is_none_or(|began| began < DETECTION) {
            early += u64::from(why.is_some());
            continue;
        }
        calls += 1;
        failed.extend(
            why.as_ref()
                .map(|why| format!("{} failed: {why}", told.node)),
        );
        foreign += u64::from(by.is_some_and(|by| side_of(by) != side_of_caller(&told.node)));
    }
    measured.known(format!("{name}-failed-before"), early as f64, "calls");
    let due = (seconds as f64 - DETECTION.as_secs_f64()) * f64::from(RATE) * SIDES as f64;
    measured.at_least(
        format!("{name}-calls"),
        f64::from(calls),
        "calls",
        due * 0.9,
    );
    measured.none(format!("{name}-failed"), &failed, "calls");
    measured.at_most(format!("{name}-across"), foreign as f64, "calls", 0.0);
    let whole = whole.as_secs_f64() * 1e3;
    measured.at_most(format!("{name}-whole-pool"), whole, "ms", 10_000.0);
    Ok(())
}

/// All processes, their network, and what the callers say.
struct Sides {
    // Dropped before the network that they are in.
    _workers: Vec<Process>,
    callers: Vec<Process>,
    takers: JoinSet<()>,
    network: Network,
    record: Arc<Record>,
    clock: Steadiness,
    roster: Roster,
}

impl Sides {
    async fn new(seed: u64) -> Result<Self, BoxError> {
        let names = (0..WORKERS).map(|worker| node_name(worker as u16));
        let names = names.chain((0..SIDES).map(caller_name));
        let mut sides = Self {
            _workers: Vec::new(),
            callers: Vec::new(),
            takers: JoinSet::new(),
            network: Network::new(SIDES * HOSTS_PER_SIDE).await?,
            record: Arc::default(),
            clock: Steadiness::watch(),
            roster: Roster::of(names.collect())?,
        };
        for side in 0..SIDES {
            sides.start_caller(side, seed + side as u64).await?;
        }
        for worker in 0..WORKERS {
            sides.start_worker(worker).await?;
        }
        Ok(sides)
    }

    async fn start_caller(&mut self, side: usize, number: u64) -> Result<(), BoxError> {
        let host = side * HOSTS_PER_SIDE;
        let caller = Caller {
            roster: self.roster.dir().to_owned(),
            name: caller_name(side),
            bind: self.address(host),
            join: self.address(0),
            workers: WORKERS,
            rate: RATE,
            number,
        };
        let command = self.network.command(host, &caller.command()?);
        let command = command.ok_or("there is no such host")?;
        let (process, lines) = Process::start_talking(command, START_WITHIN).await?;
        self.takers.spawn(Arc::clone(&self.record).take_down(lines));
        self.callers.push(process);
        Ok(())
    }

    async fn start_worker(&mut self, worker: usize) -> Result<(), BoxError> {
        let (side, seat) = (worker / WORKERS_PER_SIDE, worker % WORKERS_PER_SIDE);
        let host = side * HOSTS_PER_SIDE + 1 + seat;
        let who = Answerer {
            worker: worker as u16,
            start: 1,
        };
        let (bind, join) = (self.address(host), self.address(0));
        let command = Terms::default().command(self.roster.dir(), &bind, &join, who)?;
        let command = self.network.command(host, &command);
        let command = command.ok_or("there is no such host")?;
        // It says nothing more, so that nobody has to listen.
        let (process, _lines) = Process::start_talking(command, START_WITHIN).await?;
        self._workers.push(process);
        Ok(())
    }

    async fn cut(&mut self) -> Result<(), BoxError> {
        let these: Vec<usize> = (0..HOSTS_PER_SIDE).collect();
        let those: Vec<usize> = (HOSTS_PER_SIDE..SIDES * HOSTS_PER_SIDE).collect();
        Ok(self.network.cut(&these, &those).await?)
    }

    /// Waits until from now on every caller has been answered by every worker, which were not started
    /// again.
    async fn all_used(&self, what: &str) -> Result<(), BoxError> {
        let start = self.record.len();
        let all = |told: &[Told]| {
            let answered = told
                .get(start..)?
                .iter()
                .filter_map(|told| match &told.what {
                    What::Call { by: Some(by), .. } if by.start == 1 => {
                        Some((&*told.node, by.worker))
                    }
                    _ => None,
                });
            let pairs: BTreeSet<(&str, u16)> = answered.collect();
            (pairs.len() == SIDES * WORKERS).then_some(())
        };
        self.record.until(what, PATIENCE, all).await
    }

    fn address(&self, host: usize) -> String {
        format!("{}:{PORT}", self.network.address(host))
    }
}

fn caller_name(side: usize) -> String {
    format!("c{side}")
}

fn side_of_caller(name: &str) -> Option<usize> {
    name.strip_prefix('c')?.parse().ok()
}

fn side_of(by: Answerer) -> Option<usize> {
    Some(usize::from(by.worker) / WORKERS_PER_SIDE)
}

/// Nothing else is on these hosts.
const PORT: u16 = 7_400;

/// What takes longer has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);
