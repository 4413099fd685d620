//! What all links of a membership share: the table, the dials, the way of a message.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use rpcnet_proto::swim::{Message, NodeName};
use rpcnet_proto::wire::{self, ErrorCode, GossipEvent, Hello};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::counters::{LinkCounters, Tally};
use super::dial::{self, DialFailure, Dialled};
use super::dials::{Asked, Dials, Target};
use super::link::Link;
use super::openings::Openings;
use super::outgoing::{self, Outgoing};
use super::reading::{Cut, Reading};
use super::shares::Shares;
use super::table::{LinkId, Table};
use super::{Inbound, LinksSetup, Sign};
use crate::cluster::ClusterLimits;
use crate::cluster::proof::Gate;
use crate::config::RpcConfig;
use crate::error::RpcError;
use crate::task::Tasks;
use crate::transport::quic::{Dialer, QuicConnection};

/// Signs that wait for a listener; the oldest are lost to it.
const SIGNS_MAX: usize = 1024;

/// Messages on streams of their own that all links have open at once.
const STREAMS_MAX: usize = 128;

/// Silence on a link after which a message that has to arrive is worth a fresh dial: the
/// member may have restarted, and this side not know it yet.
pub(super) const LINK_SILENCE_MAX: Duration = Duration::from_secs(1);

/// Time for what was sent last on a link that closes.
const CLOSE_FLUSH: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) cluster: NodeName,
    pub(super) gate: Arc<Gate>,
    pub(super) rpc: RpcConfig,
    pub(super) limits: ClusterLimits,
    /// Gone once the links are closed.
    pub(super) dialer: ArcSwapOption<Dialer>,
    pub(super) openings: Arc<Openings>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) tally: Tally,
    pub(super) signs: broadcast::Sender<Sign>,
    name: NodeName,
    inbound: mpsc::Sender<Inbound>,
    shares: Shares,
    tasks: Arc<Tasks>,
    stop: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    table: Table<Arc<Link>>,
    dials: Dials<Outgoing>,
    is_closed: bool,
}

impl Shared {
    pub(super) fn new(setup: LinksSetup) -> Result<Self, RpcError> {
        let cluster = NodeName::new(&setup.cluster)
            .map_err(|error| RpcError::config(format!("cluster name: {error}")))?;
        let dialer = Dialer::for_members(&setup.rpc, &setup.tls)?;
        let state = State {
            table: Table::new(setup.limits.links_max),
            dials: Dials::new(&setup.limits),
            is_closed: false,
        };
        Ok(Self {
            cluster,
            gate: setup.gate,
            rpc: setup.rpc,
            limits: setup.limits,
            dialer: ArcSwapOption::from_pointee(dialer),
            openings: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            tally: Tally::default(),
            signs: broadcast::Sender::new(SIGNS_MAX),
            name: setup.name,
            inbound: setup.inbound,
            shares: Shares::default(),
            stop: setup.tasks.token().child_token(),
            tasks: setup.tasks,
            state: Mutex::new(state),
        })
    }

    pub(super) fn hello(&self, is_link: bool) -> Hello {
        Hello {
            cluster: self.cluster.clone(),
            node: self.name.clone(),
            is_link,
        }
    }

    pub(super) fn counters(&self) -> LinkCounters {
        let links = self.state().table.len();
        self.tally.read(links)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Spawns a task that ends with the links.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = future => {}
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends to whoever is dialled at the target, on a link where there is a good one.
    pub(super) fn route(self: &Arc<Self>, target: &Target, out: Outgoing) {
        let state = self.state();
        let link = match &target.name {
            Some(name) => state.table.best(name),
            None => state.table.dialled(target.address),
        };
        let link = link.cloned();
        if let Some(link) = &link
            && !(out.is_reliable() && link.silence() > LINK_SILENCE_MAX)
        {
            drop(state);
            return self.send_on(link, out);
        }
        if link.is_none()
            && let (Outgoing::Message { .. }, Some(name)) = (&out, &target.name)
        {
            self.sign(|| Sign::Asked(name.clone()));
        }
        let refused = self.ask(state, target, Some(out));
        match (link, refused) {
            (Some(link), Some(out)) => self.send_on(&link, out),
            (None, Some(_)) => self.tally.dropped_no_way.add(1),
            (_, None) => {}
        }
    }

    /// Sends to whoever is on a link already.
    pub(super) fn answer(self: &Arc<Self>, name: &NodeName, out: Outgoing) {
        let link = self.state().table.best(name).cloned();
        match link {
            Some(link) => self.send_on(&link, out),
            None => self.tally.dropped_no_way.add(1),
        }
    }

    /// Dials the target, with nothing to send yet.
    pub(super) fn begin(self: &Arc<Self>, target: &Target) {
        let state = self.state();
        self.ask(state, target, None);
    }

    /// Lets a message wait for a dial; returns it where there is none to wait for.
    fn ask(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        target: &Target,
        out: Option<Outgoing>,
    ) -> Option<Outgoing> {
        if state.is_closed {
            return out;
        }
        let asked = state.dials.ask(Instant::now(), target, out);
        drop(state);
        match asked {
            Asked::Begin => {
                self.tally.dials.add(1);
                self.spawn(self.clone().dial(target.clone()));
                None
            }
            Asked::Waits { dropped } => {
                self.tally
                    .dropped_queue_full
                    .add(usize::from(dropped.is_some()));
                None
            }
            Asked::Refused(out) => {
                self.tally.dials_suppressed.add(1);
                out
            }
        }
    }

    async fn dial(self: Arc<Self>, target: Target) {
        match dial::dial(&self, target.address).await {
            Ok(dialled) => self.dialled(target, dialled).await,
            Err(failure) => self.dial_failed(target, &failure).await,
        }
    }

    async fn dial_failed(&self, target: Target, failure: &DialFailure) {
        let dropped = self.state().dials.finish(&target).len();
        self.tally.dials_failed.add(1);
        self.tally.dropped_dial_failed.add(dropped);
        self.tally
            .streams_refused
            .add(usize::from(matches!(failure, DialFailure::Refused)));
        let address = target.address;
        tracing::debug!(%address, name = ?target.name, %failure, "a dial failed");
        if target.name.is_none() {
            let reason = failure.to_string();
            self.tell(Inbound::SeedFailed { address, reason }).await;
        }
    }

    /// Serves a link that this side has dialled, until it is over.
    async fn dialled(self: Arc<Self>, target: Target, dialled: Dialled) {
        let Dialled {
            link,
            reading,
            attendant,
        } = dialled;
        let name = link.name.clone();
        // First the link is there, then nothing waits for it any more.
        let knot = self.tie(link.clone());
        let waiting = {
            let mut state = self.state();
            state.dials.proven(Instant::now(), &name, target.address);
            state.dials.finish(&target)
        };
        if target.name.is_some_and(|wanted| wanted != name) {
            self.tally.dropped_wrong_name.add(waiting.len());
        } else {
            waiting.into_iter().for_each(|out| self.send_on(&link, out));
        }
        let address = target.address;
        self.tell(Inbound::Proven { name, address }).await;
        let mut attending = std::pin::pin!(attendant.attend(self.clone()));
        let serving = async {
            self.serve(knot, reading).await;
            link.flush(CLOSE_FLUSH).await;
        };
        tokio::select! {
            biased;
            () = &mut attending => {}
            () = serving => {}
        }
    }

    /// Puts a link into the table; those that give way to it end.
    pub(super) fn tie(self: &Arc<Self>, link: Arc<Link>) -> Knot {
        let mut state = self.state();
        let (id, gone) = state.table.insert(&link.name, link.clone());
        let is_closed = state.is_closed;
        drop(state);
        self.tally.links_evicted.add(gone.len());
        gone.iter().for_each(|link| link.over.cancel());
        if is_closed {
            link.over.cancel();
        }
        Knot {
            shared: self.clone(),
            link,
            id,
        }
    }

    /// Reads a link until it is over.
    pub(super) async fn serve(&self, knot: Knot, mut reading: Reading) {
        let link = &knot.link;
        let ended = tokio::select! {
            biased;
            () = link.over.cancelled() => Ok(()),
            ended = self.read_link(link, &mut reading) => ended,
        };
        let code = match ended {
            Ok(()) => ErrorCode::NoError,
            Err(cut) => {
                let code = self.note(&cut);
                link.reset(code);
                code
            }
        };
        reading.stop(code);
    }

    async fn read_link(&self, link: &Link, reading: &mut Reading) -> Result<(), Cut> {
        while let Some(event) = reading.next().await? {
            link.hear();
            match event {
                GossipEvent::Message(body) => self.deliver(&link.name, body).await?,
                // W-66.
                GossipEvent::Beat(wire::Beat::Question { nonce }) => {
                    self.sign(|| Sign::Heard(link.name.clone()));
                    let answer = outgoing::beat(wire::Beat::Answer { nonce });
                    if !link.push(answer) {
                        self.tally.dropped_no_room.add(1);
                    }
                }
                GossipEvent::Beat(wire::Beat::Answer { nonce }) => {
                    let from = link.name.clone();
                    self.sign(|| Sign::Answer { from, nonce });
                }
                // W-60: the reader lets no second one through.
                GossipEvent::Hello(_) => {}
            }
        }
        Ok(())
    }

    /// The member was heard on this connection, beside its link.
    pub(super) fn hear(&self, name: &NodeName, quic: &QuicConnection) {
        let state = self.state();
        let links = state.table.of(name);
        links
            .filter(|link| link.quic.is(quic))
            .for_each(|link| link.hear());
    }

    /// Hands a message to the membership; waits while it has no room, or none for this
    /// member, which holds the peer's stream back.
    pub(super) async fn deliver(&self, from: &NodeName, body: Bytes) -> Result<(), Cut> {
        let len = body.len();
        // W-67.
        let message = Message::decode(body).map_err(|_| Cut::NoMessage)?;
        self.tally.messages_received.add(1);
        self.tally.bytes_received.add(len);
        self.sign(|| Sign::Heard(from.clone()));
        let patience = self.rpc.limits().stall_timeout;
        let entered = timeout(patience, self.shares.enter(from)).await;
        let Ok(Some(place)) = entered else {
            return Err(Cut::Stalled);
        };
        let from = from.clone();
        let inbound = Inbound::Message {
            from,
            message,
            place,
        };
        if self.tell(inbound).await {
            Ok(())
        } else {
            Err(Cut::Stalled)
        }
    }

    /// False where the membership is gone or does not keep up.
    async fn tell(&self, inbound: Inbound) -> bool {
        let patience = self.rpc.limits().stall_timeout;
        let told = timeout(patience, self.inbound.send(inbound)).await;
        matches!(told, Ok(Ok(())))
    }

    /// Counts why a stream ended, and says what to tell the peer.
    pub(super) fn note(&self, cut: &Cut) -> ErrorCode {
        self.tally.malformed.add(usize::from(cut.is_malformed()));
        self.tally
            .streams_refused
            .add(usize::from(cut.is_refusal()));
        cut.code()
    }

    /// Tells whoever listens; costs nothing where nobody does.
    pub(super) fn sign(&self, sign: impl FnOnce() -> Sign) {
        if self.signs.receiver_count() > 0 {
            // Fails only where the last listener has just gone.
            let _ = self.signs.send(sign());
        }
    }

    fn send_on(self: &Arc<Self>, link: &Arc<Link>, out: Outgoing) {
        if matches!(out, Outgoing::Message { .. }) {
            self.sign(|| Sign::Asked(link.name.clone()));
        }
        match out {
            Outgoing::Message {
                frame,
                reliable: true,
            } if link.takes_streams => self.send_on_stream(link, frame),
            Outgoing::Message { frame, .. } => {
                let len = frame.len();
                if link.push(frame) {
                    self.count_sent(len);
                } else {
                    self.tally.dropped_no_room.add(1);
                }
            }
            Outgoing::Beat { frame } => {
                if !link.push(frame) {
                    self.tally.dropped_no_room.add(1);
                }
            }
        }
    }

    pub(super) fn count_sent(&self, len: usize) {
        self.tally.messages_sent.add(1);
        self.tally.bytes_sent.add(len);
    }

    /// Ends all links after a flush, and what else runs.
    pub(super) fn close(self: &Arc<Self>) {
        let links = {
            let mut state = self.state();
            state.is_closed = true;
            state.table.clear()
        };
        let shared = self.clone();
        self.tasks.spawn(async move {
            let flushing = Tasks::new();
            for link in links {
                flushing.spawn(async move { link.flush(CLOSE_FLUSH).await });
            }
            flushing.wait().await;
            shared.stop.cancel();
            shared.dialer.store(None);
        });
    }
}

/// A link's place in the table, given up on drop.
#[derive(Debug)]
pub(super) struct Knot {
    shared: Arc<Shared>,
    link: Arc<Link>,
    id: LinkId,
}

impl Drop for Knot {
    fn drop(&mut self) {
        let state = &mut self.shared.state();
        state.table.remove(&self.link.name, self.id);
    }
}
