//! [`ClusterMembership`]: this node's place in its cluster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpcnet_proto::swim::{NodeName, QuorumView};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::counters::ClusterCounters;
use super::driver::Command;
use super::error::{ClusterError, JoinError};
use super::event::ClusterEvent;
use super::links::Links;
use super::member::{DRAINING_TAG, Member};
use super::observers::Observers;
use super::seeds::Seed;
use super::subscription::ClusterEvents;
use super::view::ClusterView;
use crate::server::WeakServer;
use crate::task::Tasks;

/// This node's place in its cluster: who else is there, what they say, what happens.
///
/// Made by [`RpcServer::enable_cluster`](crate::RpcServer::enable_cluster) for a node that
/// serves calls, or by [`new`](Self::new) for one that does not. It takes part from then
/// on; [`join`](Self::join) finds the others, unless they find it.
///
/// One that a server made lives until [`leave`](Self::leave), or until the server and all
/// handles are gone; one made by [`new`](Self::new) until its last handle is dropped. A
/// node that goes without leaving is taken for failed by the others.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), rpcnet::RpcError> {
/// use rpcnet::cluster::ClusterConfig;
/// use rpcnet::{RpcConfig, RpcServer};
///
/// let config = RpcConfig::new("certs/worker-1.pem", "0.0.0.0:8080")
///     .with_key_path("certs/worker-1-key.pem")
///     .with_ca_path("certs/ca.pem");
/// let mut server = RpcServer::new(config);
/// let quic_server = server.bind()?;
/// let cluster = server.enable_cluster(ClusterConfig::lan()).await?;
/// let serving = server.clone();
/// tokio::spawn(async move { serving.start(quic_server).await });
///
/// cluster.join(["director.internal:8080"]).await?;
/// cluster.set_tag("role", "worker").await?;
/// for member in cluster.view().live() {
///     println!("{member}");
/// }
/// cluster.leave().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClusterMembership {
    /// This node as it started.
    first: Member,
    local_addr: SocketAddr,
    server: WeakServer,
    board: Arc<Board>,
    links: Links,
    commands: mpsc::Sender<Command>,
    leaving: CancellationToken,
    tasks: Arc<Tasks>,
    leave_delay: Duration,
    drain_notice: Duration,
    observers: Observers,
}

/// What a handle is made of.
#[derive(Debug)]
pub(super) struct Handles {
    pub(super) first: Member,
    pub(super) local_addr: SocketAddr,
    pub(super) server: WeakServer,
    pub(super) board: Arc<Board>,
    pub(super) links: Links,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) leaving: CancellationToken,
    pub(super) tasks: Arc<Tasks>,
    pub(super) leave_delay: Duration,
    pub(super) drain_notice: Duration,
}

impl ClusterMembership {
    pub(super) fn from_handles(handles: Handles) -> Self {
        Self {
            first: handles.first,
            local_addr: handles.local_addr,
            server: handles.server,
            board: handles.board,
            links: handles.links,
            commands: handles.commands,
            leaving: handles.leaving,
            tasks: handles.tasks,
            leave_delay: handles.leave_delay,
            drain_notice: handles.drain_notice,
            observers: Observers::default(),
        }
    }

    /// Finds the cluster of the seeds, addresses or `host:port`, and becomes part of it.
    ///
    /// Returns when the first of them has answered; all are asked, at most 64. Names are
    /// looked up again while nobody answers, so that one that stands for all nodes, such as
    /// a headless service, is enough. The addresses of the snapshot are asked too, where
    /// there is one; with it, `seeds` may be empty.
    ///
    /// A seed that is this node itself is left out; where it is the only one, this node is
    /// the first of its cluster, and joining succeeds at once.
    ///
    /// # Errors
    ///
    /// [`JoinError::InvalidSeed`] and [`JoinError::NoSeeds`] where there is nobody to ask;
    /// [`JoinError::NoAnswer`] after the join timeout, with what became of each seed. Asking
    /// then goes on in the background, for as long as this node has nobody.
    /// [`JoinError::Closed`] once this node leaves.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. Dropping the future does not stop the joining.
    pub async fn join<I>(&self, seeds: I) -> Result<(), JoinError>
    where
        I: IntoIterator,
        I::Item: ToString,
    {
        let parse = |seed: I::Item| Seed::parse(&seed.to_string());
        let seeds = seeds.into_iter().map(parse).collect::<Result<_, _>>()?;
        let (reply, joined) = oneshot::channel();
        let command = Command::Join { seeds, reply };
        self.ask(command, joined)
            .await
            .unwrap_or(Err(JoinError::Closed))
    }

    /// Says goodbye and stops: others see that this node left, and do not take it for
    /// failed. Returns once they were told, or after the leave delay and 2 seconds.
    ///
    /// The view stays what it was last; the events end. To come back, make a new
    /// membership.
    ///
    /// # Errors
    ///
    /// None at present; a node that has left already has left.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. Dropping the future does not stop the leaving.
    pub async fn leave(&self) -> Result<(), ClusterError> {
        self.leaving.cancel();
        let patience = self.leave_delay + LEAVE_MARGIN;
        if timeout(patience, self.board.ended()).await.is_err() {
            tracing::warn!("leaving the cluster takes too long, not waited for");
        }
        Ok(())
    }

    /// Sets a tag of this node; others learn of it within a few rounds of gossip.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Tag`] where it breaks a rule, [`ClusterError::Left`] after leaving.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, the tag may be set or not.
    pub async fn set_tag(&self, key: &str, value: &str) -> Result<(), ClusterError> {
        let (reply, set) = oneshot::channel();
        let (key, value) = (key.to_owned(), value.to_owned());
        let command = Command::SetTag { key, value, reply };
        match self.ask(command, set).await {
            Some(result) => Ok(result?),
            None => Err(ClusterError::Left),
        }
    }

    /// Removes a tag of this node, where it has it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Left`] after leaving.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, the tag may be there or not.
    pub async fn remove_tag(&self, key: &str) -> Result<(), ClusterError> {
        let (reply, removed) = oneshot::channel();
        let key = key.to_owned();
        let command = Command::RemoveTag { key, reply };
        let removed = self.ask(command, removed).await;
        removed.ok_or(ClusterError::Left)
    }

    /// Says to all members that this node wants no more work, or that it does again: sets
    /// or removes the tag [`DRAINING_TAG`]. What chooses among workers leaves out those
    /// [that drain](Member::is_draining); the node itself refuses nothing.
    ///
    /// A server that [shuts down](crate::RpcServer::shutdown) says it by itself.
    ///
    /// # Errors
    ///
    /// As [`set_tag`](Self::set_tag) and [`remove_tag`](Self::remove_tag).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, it may be said or not.
    pub async fn set_draining(&self, is_draining: bool) -> Result<(), ClusterError> {
        if is_draining {
            self.set_tag(DRAINING_TAG, DRAINING).await
        } else {
            self.remove_tag(DRAINING_TAG).await
        }
    }

    /// All members at this moment. Takes no lock and copies no member.
    #[must_use]
    pub fn view(&self) -> ClusterView {
        self.board.view()
    }

    /// All members at this moment, gone ones and this node included, sorted by name.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.view().members().to_vec()
    }

    /// This node, as it is shown to others.
    #[must_use]
    pub fn local(&self) -> Member {
        let view = self.view();
        view.local().unwrap_or(&self.first).clone()
    }

    /// This node's name.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        self.first.name()
    }

    /// The address that this node is bound to; others use that of
    /// [`local`](Self::local).
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How much of the cluster is in reach, and how sure that is.
    #[must_use]
    pub fn quorum(&self) -> QuorumView {
        *self.view().quorum()
    }

    /// Waits until the view meets a condition, which is tried on the present one first and
    /// then on each that follows. Without end where that never comes: put a timeout around
    /// it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_until(&self, mut condition: impl FnMut(&ClusterView) -> bool) -> ClusterView {
        let mut revisions = self.board.revisions();
        loop {
            revisions.borrow_and_update();
            let view = self.view();
            if condition(&view) {
                return view;
            }
            // Its sender lives as long as this handle.
            let _ = revisions.changed().await;
        }
    }

    /// What happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> ClusterEvents {
        self.board.subscribe()
    }

    /// What this membership did so far, and how much waits in it now.
    #[must_use]
    pub fn counters(&self) -> ClusterCounters {
        ClusterCounters::new(self.board.counted(), self.links.counters())
    }

    /// Has a member probed out of turn, such as after a call to it failed. Whether it has
    /// failed is for the probes to find. Of many reports at once, some are left out.
    pub fn report_failure(&self, name: &str) {
        if let Ok(name) = NodeName::new(name) {
            let _ = self.commands.try_send(Command::Doubt(name));
        }
    }

    /// Claims this node's name from another node that has it, after a
    /// [`NameConflict`](ClusterEvent::NameConflict) that this node yields to; otherwise
    /// does nothing.
    pub fn take_over(&self) {
        if let Err(TrySendError::Full(command)) = self.commands.try_send(Command::TakeOver) {
            let commands = self.commands.clone();
            self.tasks.spawn_until_stopped(async move {
                let _ = commands.send(command).await;
            });
        }
    }

    /// Forgets a member that failed or left, so that it no longer counts in
    /// [`quorum`](Self::quorum). Returns whether there was one. Other nodes remember it
    /// until they are told the same.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is dropped, the member may be forgotten or not.
    pub async fn forget(&self, name: &str) -> bool {
        let Ok(name) = NodeName::new(name) else {
            return false;
        };
        let (reply, forgotten) = oneshot::channel();
        let command = Command::Forget { name, reply };
        self.ask(command, forgotten).await.unwrap_or(false)
    }

    /// Sends a command and waits for its reply; `None` where the driver has ended or
    /// leaves. The driver answers each within a turn, joining within its timeout.
    async fn ask<T>(&self, command: Command, reply: oneshot::Receiver<T>) -> Option<T> {
        if self.leaving.is_cancelled() {
            return None;
        }
        self.commands.send(command).await.ok()?;
        reply.await.ok()
    }

    /// Who else in this process looks at the members.
    pub(crate) const fn observers(&self) -> &Observers {
        &self.observers
    }

    pub(crate) const fn links(&self) -> &Links {
        &self.links
    }

    /// Tells subscribers what another part of the membership has found.
    pub(crate) fn publish(&self, event: ClusterEvent) {
        self.board.tell(event);
    }

    /// A member was heard by other means than a message of the protocol. Of many at once,
    /// some are left out.
    pub(crate) fn heard(&self, name: &NodeName) {
        let _ = self.commands.try_send(Command::Heard(name.clone()));
    }

    /// Says that this node drains, and waits until that may have got about: for as long as
    /// this, unless the node leaves or cannot say it.
    pub(crate) async fn announce_drain(&self, notice: Duration) {
        let said = async {
            match self.set_draining(true).await {
                Ok(()) => self.board.ended().await,
                Err(error) => tracing::warn!(%error, "cannot tell the cluster of the drain"),
            }
        };
        // Time that passes is what is waited for.
        let _ = timeout(notice, said).await;
    }

    pub(crate) const fn drain_notice(&self) -> Duration {
        self.drain_notice
    }

    pub(super) const fn leave_delay(&self) -> Duration {
        self.leave_delay
    }

    /// Begins to leave; does not wait.
    pub(super) fn begin_leave(&self) {
        self.leaving.cancel();
    }

    /// The server at whose port this node is reached.
    pub(super) const fn server(&self) -> &WeakServer {
        &self.server
    }

    pub(super) const fn board(&self) -> &Arc<Board> {
        &self.board
    }

    pub(crate) const fn tasks(&self) -> &Arc<Tasks> {
        &self.tasks
    }
}

impl Drop for ClusterMembership {
    fn drop(&mut self) {
        self.tasks.stop();
        self.links.close();
    }
}

/// The value of the tag, which is there for people: that there is one says it.
const DRAINING: &str = "true";

/// How much longer than the leave delay leaving may take.
const LEAVE_MARGIN: Duration = Duration::from_secs(2);
