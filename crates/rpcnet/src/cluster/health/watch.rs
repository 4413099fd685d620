//! [`Watch`]: the task of a checker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcnet_proto::phi::{Action, Target};
use rpcnet_proto::swim::{MemberState, NodeName};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep_until;

use super::knock;
use super::reach::Reach;
use crate::clock;
use crate::cluster::event::ClusterEvent;
use crate::cluster::filter::TagFilter;
use crate::cluster::links::Sign;
use crate::cluster::member::Member;
use crate::cluster::membership::ClusterMembership;
use crate::task::Tasks;

/// One task and one timer for all edges: it does what the monitor says.
#[derive(Debug)]
pub(super) struct Watch {
    cluster: Arc<ClusterMembership>,
    reach: Arc<Reach>,
    filter: TagFilter,
    knocks: Knocks,
    /// When the view is looked at next; `None` while it has not changed.
    look_at: Option<Instant>,
    actions: Vec<Action>,
}

impl Watch {
    pub(super) fn new(
        cluster: Arc<ClusterMembership>,
        reach: Arc<Reach>,
        filter: TagFilter,
    ) -> Self {
        Self {
            cluster,
            reach,
            filter,
            knocks: Knocks::new(),
            look_at: Some(clock::now()),
            actions: Vec::new(),
        }
    }

    /// Runs until the membership ends.
    pub(super) async fn run(mut self) {
        let mut signs = self.cluster.links().signs();
        let mut events = self.cluster.subscribe();
        loop {
            self.catch_up();
            let next = self.next();
            // Answers first: who has answered is not to be given up, because a timer
            // happened to be looked at before.
            tokio::select! {
                biased;
                sign = signs.recv() => match sign {
                    Ok(sign) => self.on_sign(&sign),
                    // Which ones is not known; the next ones come soon.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                Some((name, address)) = self.knocks.refused.recv() => {
                    self.on_refused(&name, address);
                }
                event = events.next() => match event {
                    Some(event) => self.on_event(&event),
                    None => break,
                },
                () = sleep_until(next.into()) => {}
            }
        }
        let now = self.reach.now();
        self.reach.monitor().watch(now, Vec::new());
        self.reach.renew(|_| None);
    }

    /// What is due by now.
    fn catch_up(&mut self) {
        if self.look_at.is_some_and(|at| at <= clock::now()) {
            self.look_at = None;
            self.look();
        }
        let now = self.reach.now();
        let mut monitor = self.reach.monitor();
        if monitor.poll_timeout().is_some_and(|due| due <= now) {
            monitor.handle_timeout(now, &mut self.actions);
        }
        drop(monitor);
        self.act();
    }

    fn next(&self) -> Instant {
        let timeout = self.reach.monitor().poll_timeout();
        let due = timeout.and_then(|at| self.reach.instant(at));
        let times = [due, self.look_at];
        let idle = clock::now() + IDLE;
        times.into_iter().flatten().fold(idle, Instant::min)
    }

    /// Watches who is live now.
    fn look(&self) {
        let view = self.cluster.view();
        let targets = view.matching(&self.filter).filter(|m| !m.is_self());
        let targets = targets.map(|member| Target {
            name: member.name().clone(),
            address: member.address(),
            epoch: member.epoch(),
        });
        let now = self.reach.now();
        let targets = targets.collect();
        self.reach.monitor().watch(now, targets);
        self.reach.renew(|name| view.get(name.as_str()).cloned());
    }

    fn on_event(&mut self, event: &ClusterEvent) {
        let is_own = matches!(
            event,
            ClusterEvent::NodeUnreachable { .. } | ClusterEvent::NodeReachable(_)
        );
        if !is_own && self.look_at.is_none() {
            // Events come in heaps; one look is enough for those of one moment.
            self.look_at = Some(clock::now() + LOOK_PAUSE);
        }
    }

    fn on_sign(&mut self, sign: &Sign) {
        let now = self.reach.now();
        let mut monitor = self.reach.monitor();
        match sign {
            Sign::Answer { from, nonce } => {
                monitor.handle_answer(now, from, *nonce, &mut self.actions);
            }
            Sign::Heard(name) => monitor.handle_heard(now, name, &mut self.actions),
            Sign::Asked(name) => monitor.handle_asked(now, name),
        }
        drop(monitor);
        if let Sign::Answer { from, .. } = sign {
            self.tell_suspect(from);
        }
        self.act();
    }

    /// A member that is suspected and answers here has been heard by this node.
    fn tell_suspect(&self, name: &NodeName) {
        let view = self.cluster.view();
        let member = view.get(name.as_str());
        if member.is_some_and(|member| member.state() == MemberState::Suspect) {
            self.cluster.heard(name);
        }
    }

    /// A knock says something about who was there, not about who has come elsewhere since.
    fn on_refused(&mut self, name: &NodeName, address: SocketAddr) {
        let member = member(&self.cluster, name);
        if member.is_none_or(|member| member.address() != address) {
            return;
        }
        let now = self.reach.now();
        let mut monitor = self.reach.monitor();
        monitor.handle_refused(now, name, &mut self.actions);
        drop(monitor);
        self.act();
    }

    fn act(&mut self) {
        for action in self.actions.drain(..) {
            match action {
                Action::Beat {
                    name,
                    address,
                    nonce,
                } => self.cluster.links().beat(&name, address, nonce),
                Action::Knock { name, address } => self.knocks.begin(name, address),
                Action::Doubt { name } => self.cluster.report_failure(name.as_str()),
                Action::Unreachable { name, phi } => {
                    if let Some(member) = member(&self.cluster, &name) {
                        tracing::info!(node = %name, phi, "node unreachable");
                        self.reach.add(&member);
                        let event = ClusterEvent::NodeUnreachable { member, phi };
                        self.cluster.publish(event);
                    }
                }
                Action::Reachable { name } => {
                    self.reach.remove(&name);
                    if let Some(member) = member(&self.cluster, &name) {
                        tracing::info!(node = %name, "node reachable again");
                        self.cluster.publish(ClusterEvent::NodeReachable(member));
                    }
                }
            }
        }
    }
}

/// The member, unless it failed or left since the last look: then that is what counts.
fn member(cluster: &ClusterMembership, name: &NodeName) -> Option<Member> {
    let view = cluster.view();
    view.get(name.as_str()).filter(|m| m.is_live()).cloned()
}

/// Knocks that are under way, in tasks of their own.
#[derive(Debug)]
struct Knocks {
    room: Arc<Semaphore>,
    tasks: Tasks,
    tell: mpsc::Sender<(NodeName, SocketAddr)>,
    refused: mpsc::Receiver<(NodeName, SocketAddr)>,
}

impl Knocks {
    fn new() -> Self {
        let (tell, refused) = mpsc::channel(KNOCKS_MAX);
        Self {
            room: Arc::new(Semaphore::new(KNOCKS_MAX)),
            tasks: Tasks::new(),
            tell,
            refused,
        }
    }

    fn begin(&self, name: NodeName, address: SocketAddr) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return;
        };
        let tell = self.tell.clone();
        self.tasks.spawn_until_stopped(async move {
            let _room = room;
            if knock::is_refused(address, KNOCK_WAIT).await {
                let _ = tell.send((name, address)).await;
            }
        });
    }
}

/// Knocks at once. Beyond: there is none, until the next answer is overdue.
const KNOCKS_MAX: usize = 16;

/// How long a host may take to say that a port is closed, the round trip included.
const KNOCK_WAIT: Duration = Duration::from_millis(500);

/// The pause between looks at the view, which may be large and change often.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How long to sleep while there is nothing to do.
const IDLE: Duration = Duration::from_secs(3_600);
