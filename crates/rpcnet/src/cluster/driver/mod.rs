//! The one task that owns the membership's state machine: it feeds it what arrives, sends
//! what it says, and shows what it knows.

mod budget;
mod command;
mod events;
mod inbound;
mod joining;
mod memory;
mod minority;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpcnet_proto::swim::{Address, NodeName, Swim, Time};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::budget::Budget;
pub(crate) use self::command::Command;
use self::command::Reply;
use self::joining::Joining;
pub(crate) use self::memory::{Held, Memory};
use self::minority::Minority;
use self::table::Table;
use super::address;
use super::board::Board;
use super::config::OnMinority;
use super::counters::DriverCounters;
use super::event::ClusterEvent;
use super::links::{Inbound, Links};
use super::proof::{Credentials, Gate};
use super::view::ClusterView;
use crate::task::Tasks;

/// What a driver is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) swim: Swim,
    /// When the state machine's time began.
    pub(super) origin: Instant,
    pub(super) links: Links,
    pub(super) inbound: mpsc::Receiver<Inbound>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) gate: Arc<Gate>,
    /// What this node signs with from some moment on.
    pub(super) signers: watch::Receiver<Option<Credentials>>,
    pub(super) tasks: Arc<Tasks>,
    /// Cancelled to leave.
    pub(super) leaving: CancellationToken,
    pub(super) bound: SocketAddr,
    pub(super) memory: Memory,
    pub(super) settings: Settings,
}

/// What the application chose.
pub(super) struct Settings {
    pub(super) advertised: Option<SocketAddr>,
    pub(super) join_timeout: Duration,
    pub(super) on_minority: Option<OnMinority>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("advertised", &self.advertised)
            .field("join_timeout", &self.join_timeout)
            .finish_non_exhaustive()
    }
}

/// Drives the state machine until the node has left or its membership is gone.
#[derive(Debug)]
pub(super) struct Driver {
    swim: Swim,
    me: NodeName,
    origin: Instant,
    links: Links,
    inbound: mpsc::Receiver<Inbound>,
    commands: mpsc::Receiver<Command>,
    gate: Arc<Gate>,
    signers: watch::Receiver<Option<Credentials>>,
    tasks: Arc<Tasks>,
    leaving: CancellationToken,
    board: Arc<Board>,
    table: Table,
    joining: Joining,
    memory: Memory,
    minority: Minority,
    bound: SocketAddr,
    /// Whether the address that others are told is final.
    has_address: bool,
    is_leaving: bool,
    has_departed: bool,
    outbox: Vec<ClusterEvent>,
    replies: Vec<Reply>,
    budget: Budget,
    records_unproven: u64,
    views: u64,
}

impl Driver {
    pub(super) fn first_view(swim: &Swim) -> ClusterView {
        Table::new(swim).view()
    }

    pub(super) fn new(parts: Parts, board: Arc<Board>) -> Self {
        let settings = parts.settings;
        let kept = parts.memory.held().members.iter();
        let kept = kept.map(|(_, address)| *address).collect();
        Self {
            me: parts.swim.name().clone(),
            table: Table::new(&parts.swim),
            joining: Joining::new(kept, settings.join_timeout),
            minority: Minority::new(settings.on_minority),
            has_address: settings.advertised.is_some() || !parts.bound.ip().is_unspecified(),
            memory: parts.memory,
            swim: parts.swim,
            origin: parts.origin,
            links: parts.links,
            inbound: parts.inbound,
            commands: parts.commands,
            gate: parts.gate,
            signers: parts.signers,
            tasks: parts.tasks,
            leaving: parts.leaving,
            board,
            bound: parts.bound,
            is_leaving: false,
            has_departed: false,
            outbox: Vec::new(),
            replies: Vec::new(),
            budget: Budget::default(),
            records_unproven: 0,
            views: 0,
        }
    }

    /// Runs until the node has departed or the membership's tasks are stopped.
    pub(super) async fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.board));
        let tasks = Arc::clone(&self.tasks);
        let stopped = tasks.token().cancelled();
        tokio::pin!(stopped);
        let mut arrived = Vec::with_capacity(INBOUND_AT_ONCE);
        while !self.has_departed {
            let due = self.due();
            // What has arrived goes before what is due: after a pause the answers to this
            // node's questions may wait there (M-22).
            tokio::select! {
                biased;
                () = &mut stopped => return,
                () = self.leaving.cancelled(), if !self.is_leaving => self.leave(),
                _ = self.inbound.recv_many(&mut arrived, INBOUND_AT_ONCE) => {}
                Some(command) = self.commands.recv() => self.obey(command),
                Ok(()) = self.signers.changed() => self.sign_anew(),
                resolved = self.joining.resolved() => self.on_resolved(resolved),
                () = self.memory.written() => {}
                () = sleep_until(due) => {}
            }
            self.take(&mut arrived).await;
            self.turn();
            self.publish();
        }
        self.memory.finish(&self.table, epoch_of(&self.swim)).await;
        self.links.close();
    }

    fn now(&self) -> Time {
        let micros = self.origin.elapsed().as_micros();
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// When to wake up at the latest.
    fn due(&self) -> Instant {
        // Now and then without a reason: the quorum view depends on the time alone.
        let idle = Instant::now() + IDLE_MAX;
        let swim = self.swim.poll_timeout();
        let swim = swim.map(|due| self.origin + Duration::from_micros(due.as_micros()));
        let others = [self.joining.due(), self.memory.due(), swim];
        others.into_iter().flatten().fold(idle, Instant::min)
    }

    /// What every wake-up does, whatever woke it, so that no source of work starves another.
    fn turn(&mut self) {
        for _ in 0..COMMANDS_AT_ONCE {
            let Ok(command) = self.commands.try_recv() else {
                break;
            };
            self.obey(command);
        }
        let now = self.now();
        self.swim.handle_timeout(now);
        self.drain();
        if !self.is_leaving {
            let is_alone = self.swim.live_count() == 0;
            let found = self
                .joining
                .tick(Instant::now(), is_alone, &mut self.replies);
            self.ask(&found);
        }
    }

    /// Sends and tells what the state machine has to say.
    fn drain(&mut self) {
        loop {
            while let Some(transmit) = self.swim.poll_transmit() {
                self.links
                    .send(&transmit.to, &transmit.message, transmit.reliable);
            }
            match self.swim.poll_event() {
                Some(event) => self.on_event(event),
                None => return,
            }
        }
    }

    /// Says everything about this node again, signed with the certificate that it has now.
    fn sign_anew(&mut self) {
        let credentials = self.signers.borrow_and_update().clone();
        if let Some(credentials) = credentials {
            let now = self.now();
            let signer = Some(credentials.signer);
            self.swim.set_signer(now, credentials.key, signer);
            self.drain();
        }
    }

    fn leave(&mut self) {
        self.is_leaving = true;
        self.joining.give_up();
        let now = self.now();
        self.swim.leave(now);
        self.drain();
    }

    fn on_resolved(&mut self, resolved: (usize, Result<Vec<Address>, super::SeedFailure>)) {
        let advertised = self.swim.member(&self.me).map(|member| member.address());
        let bound = self.bound;
        let is_own = |address| advertised == Some(address) || address::reaches(address, bound);
        let found = self.joining.note(resolved, is_own);
        self.ask(&found);
    }

    /// Has the core ask these addresses, and forget those that nothing stands for any more.
    fn ask(&mut self, found: &[Address]) {
        let Some(first) = found.first() else {
            return;
        };
        let now = self.now();
        if !self.has_address
            && let Some(ip) = address::toward(*first)
        {
            self.has_address = true;
            let address = Address::new(ip, self.bound.port());
            self.swim.set_address(now, address);
        }
        let joining = &self.joining;
        self.swim
            .retain_seeds(|address| joining.is_current(*address));
        self.swim.join(now, found);
        self.drain();
    }

    /// Shows what has changed since the last wake-up, then tells it, then answers.
    fn publish(&mut self) {
        self.tell_own_changes();
        if let Some(view) = self.table.next_view(&self.swim) {
            self.views += 1;
            self.board.show(view);
            self.memory.touch();
        }
        let epoch = epoch_of(&self.swim);
        self.memory.tick(Instant::now(), &self.table, epoch);
        self.board.count(DriverCounters {
            protocol: self.swim.counters(),
            health_score: self.swim.awareness(),
            updates_pending: self.swim.updates_pending(),
            timers_pending: self.swim.timers_pending(),
            inbound_pending: self.inbound.len(),
            commands_pending: self.commands.len(),
            records_unproven: self.records_unproven,
            views: self.views,
            snapshots_failed: self.memory.failures(),
        });
        for event in self.outbox.drain(..) {
            self.board.tell(event);
        }
        self.replies.drain(..).for_each(Reply::send);
    }

    fn tell_own_changes(&mut self) {
        let me = self.me.clone();
        self.tell_changes(&me);
    }
}

fn epoch_of(swim: &Swim) -> u64 {
    swim.record().map_or(0, |record| record.version().epoch)
}

/// However the driver ends, those who wait for it are told.
struct Ended(Arc<Board>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Messages that are taken before timers and commands get their turn.
const INBOUND_AT_ONCE: usize = 64;

/// Commands that are taken before timers get their turn.
const COMMANDS_AT_ONCE: usize = 16;

/// The longest sleep.
const IDLE_MAX: Duration = Duration::from_secs(1);
