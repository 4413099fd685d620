//! One connection of a server: settings, streams, heartbeats, drain.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::wire::{ControlEvent, ErrorCode, GoAway, Header, Load, Settings, StreamKind};
use rpcnet_proto::{Code, Method, Origin, Status};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::Shared;
use super::batch;
use super::budget::ReplyBudget;
use super::call::{self, CallMeter, Verdict};
use super::calls::{Calls, Place, Places};
use super::roster::Listed;
use super::router::Route;
use super::shutdown::CUT_FLUSH;
use super::streams::{Taken, TakenStream};
use crate::config::Batching;
use crate::context::{CallContext, Ending, Peer};
use crate::limits::Limits;
use crate::metrics::{Reason, ServerFigures};
use crate::task::Tasks;
use crate::transport::control::{ControlFailure, ControlReceiver, ControlSender};
use crate::transport::events;
use crate::transport::keep_alive::Rhythm;
use crate::transport::quic::{
    self, Acceptor, ENDED_STREAMS_KEPT, QuicConnection, STREAMS_PER_CALL,
};
use crate::transport::{RecvHalf, SendHalf, corked_polls};

/// Time that the peer of a drained connection has to close it, before we do.
const LINGER: Duration = Duration::from_secs(1);

/// Time for the last word of a taker of streams that has left.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the calls of one connection share.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    quic: QuicConnection,
    pub(super) since: Instant,
    pub(crate) peer: Arc<Peer>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) reply_budget: ReplyBudget,
    pub(crate) request_budget: Arc<Semaphore>,
    places: Arc<Places>,
    /// The longest message that the client accepts.
    message_bytes_max: AtomicU64,
    /// Who takes the streams of another kind, as our SETTINGS say.
    taken: Option<Taken>,
    /// Whether the client takes streams of that kind too.
    is_mutual: AtomicBool,
}

impl Connection {
    fn new(shared: Arc<Shared>, quic: QuicConnection) -> Self {
        let taken = shared.taken().clone();
        let limits = shared.config.limits();
        let identity = events::peer_identity(quic.handle()).unwrap_or_else(|error| {
            tracing::warn!(%error, "a verified certificate cannot be read, taking it for none");
            None
        });
        Self {
            peer: Arc::new(Peer {
                address: quic.remote_addr(),
                identity,
            }),
            calls: Arc::default(),
            reply_budget: ReplyBudget::new(limits.queued_reply_bytes_max),
            request_budget: Arc::new(Semaphore::new(limits.queued_request_bytes_max)),
            places: Arc::new(Places::new(limits.calls_per_connection_max)),
            message_bytes_max: AtomicU64::new(0),
            taken,
            is_mutual: AtomicBool::new(false),
            since: Instant::now(),
            quic,
            shared,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.shared.config.limits()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// How many of its calls run.
    pub(super) fn running(&self) -> usize {
        self.places.taken()
    }

    /// Keeps in mind that a call failed, where somebody wants to know.
    pub(super) fn note(&self, method: &str, verdict: &Verdict) {
        self.shared.failures.note(&self.peer, method, verdict);
    }

    /// What serves a call, or why it is refused.
    pub(crate) fn find(&self, header: &Header) -> Result<Arc<Route>, Verdict> {
        let found = self.shared.router.find(header);
        found.map_err(|(reason, status)| {
            self.shared.figures.refuse(reason);
            Verdict::Status(status, Origin::Refused)
        })
    }

    /// What is counted of calls that are not let in.
    pub(crate) fn figures(&self) -> &ServerFigures {
        &self.shared.figures
    }

    /// Tells everybody who wants to know how a call ended that was let in.
    pub(super) fn end(&self, context: &CallContext, meter: &mut CallMeter, verdict: &Verdict) {
        verdict.trace(context);
        meter.end(verdict.outcome());
        self.failed(context, verdict);
    }

    /// Takes note of a call that was let in, if it has failed.
    pub(super) fn failed(&self, context: &CallContext, verdict: &Verdict) {
        self.judge(verdict);
        self.note(context.method(), verdict);
    }

    /// Counts a call whose header cannot be read, unless it was none.
    pub(super) fn count_unreadable(&self, verdict: &Verdict) {
        if matches!(verdict, Verdict::Status(..)) {
            self.judge(verdict);
            self.count_refused(None, verdict);
        }
    }

    /// Takes note of why a call failed that was let in, or could not be read.
    fn judge(&self, verdict: &Verdict) {
        let Verdict::Status(status, origin) = verdict else {
            return;
        };
        let reason = match (status.code, origin) {
            (Code::PermissionDenied | Code::Unauthenticated, _) => Reason::Permission,
            (Code::ResourceExhausted, Origin::Refused) => Reason::TooLarge,
            (Code::InvalidArgument, Origin::Refused) => Reason::Malformed,
            _ => return,
        };
        self.shared.figures.refuse(reason);
    }

    /// Counts a call that was refused before anything of it ran.
    pub(super) fn count_refused(&self, method: Option<&Method>, verdict: &Verdict) {
        let Some(code) = verdict.outcome() else {
            return;
        };
        let known = method.and_then(|method| self.shared.router.cell(method));
        if let Some(cell) = known.as_ref().or(self.shared.figures.unknown()) {
            cell.refuse(code);
        }
    }

    /// Whether the connection is not for calls alone.
    fn is_shared(&self) -> bool {
        let taken = self.taken.as_ref();
        taken.is_some_and(|taken| taken.taker.may_open(&self.peer))
    }

    /// Whether streams of this kind, which is not that of a call, are accepted.
    pub(crate) fn takes(&self, kind: StreamKind) -> bool {
        match kind {
            StreamKind::Batch => self.shared.config.batching != Batching::Never,
            other => self.taken.as_ref().is_some_and(|taken| taken.kind == other),
        }
    }

    /// Gives a stream to whoever takes its kind. It is no longer a part of the connection's
    /// own work, and does not hold up its end.
    fn hand_over(&self, send: SendHalf, recv: RecvHalf, rest: Bytes) {
        let Some(taken) = &self.taken else { return };
        taken.taker.take(TakenStream {
            peer: self.peer.clone(),
            quic: self.quic.clone(),
            send,
            recv,
            rest,
            is_mutual: self.is_mutual.load(Ordering::Relaxed),
        });
    }

    /// Takes a place on this connection and on the server.
    pub(crate) fn places(&self) -> Result<call::Places, Verdict> {
        let of = |places: &Arc<Places>, whose: &str, reason| -> Result<Place, Verdict> {
            places.take().ok_or_else(|| {
                self.shared.figures.refuse(reason);
                let message = format!("{} calls run on this {whose}, its limit", places.limit());
                self.refuse_for_now(Code::ResourceExhausted, message)
            })
        };
        Ok((
            of(&self.places, "connection", Reason::ConnectionLimit)?,
            of(&self.shared.places, "server", Reason::ServerLimit)?,
        ))
    }

    /// Refuses a call of which nothing has run, and says when to try again.
    pub(crate) fn refuse_for_now(&self, code: Code, message: impl Into<String>) -> Verdict {
        let status = Status::new(code, message).with_retry_after(self.limits().retry_after);
        Verdict::Status(status, Origin::Refused)
    }

    /// How busy the server is, for a caller that wants to know it.
    pub(crate) fn load(&self, wanted: bool) -> Option<Load> {
        wanted.then(|| self.shared.load())
    }

    /// A reply that the client would not accept is not sent.
    pub(crate) fn refuse_long_reply(&self, len: usize) -> Option<Verdict> {
        let limit = self.message_bytes_max.load(Ordering::Relaxed);
        (len as u64 > limit).then(|| {
            let message = format!(
                "a reply of {len} bytes exceeds the client's limit of {limit}; \
                 raise it there with RpcConfig::with_max_message_bytes"
            );
            Verdict::Status(
                Status::new(Code::ResourceExhausted, message),
                Origin::Server,
            )
        })
    }
}

/// Serves a connection until it is gone, the server stops or has drained.
///
/// `tasks` is where its calls run; it stops with the `start` that accepted it.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    quic: QuicConnection,
    acceptor: Acceptor,
    tasks: Tasks,
) {
    let connection = Arc::new(Connection::new(shared, quic.clone()));
    let _listed = Listed::new(connection.shared.clone(), &connection);
    let busy = connection.shared.shutdown.busy.subscribe();
    let is_late = connection.is_draining();
    // While it drains, a server takes connections for the sake of its cluster only.
    if is_late && !connection.is_shared() {
        return quic.close(ErrorCode::Refused);
    }
    let tasks = Arc::new(tasks);
    // Calls come in on a task of their own, so that accepting one polls nothing else.
    // The other ends when the connection does, and ends the connection when it has to.
    let attendance = Tasks::new();
    // The answer to a call that came along with the client's settings leaves with ours.
    // Boxed, since the connection lives on for long without it.
    let mut settled = Box::pin(async {
        let (attendant, incoming) = settle(&connection, acceptor, busy, is_late).await?;
        attendance.spawn_until_stopped(attendant.attend(tasks.clone()));
        Some(incoming)
    });
    let Some(mut incoming) = corked_polls(settled.as_mut()).await else {
        return;
    };
    drop(settled);
    accept_calls(&connection, &tasks, &mut incoming).await;
    connection.calls.close(Ending::ConnectionLost);
    attendance.stop();
    attendance.wait().await;
}

/// Exchanges settings; `None` where that closed the connection.
async fn settle(
    connection: &Arc<Connection>,
    mut acceptor: Acceptor,
    busy: watch::Receiver<()>,
    is_late: bool,
) -> Option<(Attendant, quic::CallAcceptor)> {
    let exchange = exchange_settings(connection, &mut acceptor);
    // W-41: no call is accepted before the client's settings are here.
    let Ok(exchanged) = timeout(connection.limits().header_timeout, exchange).await else {
        tracing::debug!(peer = ?connection.peer.address, "no settings in time, closing");
        connection.quic.close(ErrorCode::SettingsMissing);
        return None;
    };
    let (sender, receiver, settings) = exchanged
        .inspect_err(|failure| reject(connection, failure))
        .ok()?;
    connection
        .message_bytes_max
        .store(settings.message_bytes_max, Ordering::Relaxed);
    if let Some(taken) = &connection.taken {
        let is_mutual = settings.accepts(taken.kind);
        connection.is_mutual.store(is_mutual, Ordering::Relaxed);
    }
    let attendant = Attendant {
        connection: connection.clone(),
        sender,
        receiver,
        controls: acceptor.controls,
        rhythm: Rhythm::new(&connection.shared.config, &settings),
        busy,
        is_late,
    };
    Some((attendant, acceptor.calls))
}

/// What a connection needs beside its calls.
struct Attendant {
    connection: Arc<Connection>,
    sender: ControlSender,
    receiver: ControlReceiver,
    controls: quic::ControlAcceptor,
    rhythm: Rhythm,
    /// Held until no call of the connection runs or may begin.
    busy: watch::Receiver<()>,
    /// The server was draining when the connection came.
    is_late: bool,
}

impl Attendant {
    /// Reads the control stream, sends heartbeats and drains; closes the connection where
    /// one of them says so.
    ///
    /// A block, which holds what it is given once: each connection has one of these, for as long as
    /// it lives, and a function would hold it twice.
    fn attend(mut self, tasks: Arc<Tasks>) -> impl Future<Output = ()> + Send {
        let patience = self.connection.limits().header_timeout;
        async move {
            let connection = &self.connection;
            let is_busy = || !connection.calls.is_empty();
            // A member need not be told, and a caller that were would come again at once, with a
            // handshake each time: its calls are refused instead.
            let sender = (!self.is_late).then_some(&self.sender);
            tokio::select! {
                biased;
                () = tasks.token().cancelled() => {
                    connection.calls.close(Ending::ConnectionLost);
                    connection.quic.close(ErrorCode::Shutdown);
                }
                () = drained(connection, sender, &tasks, self.busy) => {}
                failure = follow_control(connection, &mut self.receiver) => {
                    reject(connection, &failure);
                }
                failure = ControlReceiver::refuse_more(&mut self.controls, patience) => {
                    reject(connection, &failure);
                }
                () = self.rhythm.keep(&connection.quic, is_busy) => {}
            }
        }
    }
}

async fn exchange_settings(
    connection: &Connection,
    acceptor: &mut Acceptor,
) -> Result<(ControlSender, ControlReceiver, Settings), ControlFailure> {
    let lost = |error: quic::ConnectionEnd| ControlFailure::Interrupted(error.into());
    let limits = connection.limits();
    let ours = Settings {
        message_bytes_max: limits.message_bytes_max as u64,
        header_bytes_max: limits.header_bytes_max as u64,
        concurrent_calls_max: limits.calls_per_connection_max as u64,
        keep_alive: connection.shared.config.keep_alive,
        ..Settings::default()
    };
    let ours = match connection.takes(StreamKind::Batch) {
        true => ours.accepting(StreamKind::Batch),
        false => ours,
    };
    let ours = match &connection.taken {
        Some(taken) => ours.accepting(taken.kind),
        None => ours,
    };
    let half = connection.quic.open_control().await.map_err(lost)?;
    let control = ControlSender::open(half, &ours)
        .await
        .map_err(ControlFailure::Interrupted)?;
    let mut receiver = ControlReceiver::accept(&mut acceptor.controls).await?;
    let settings = receiver.settings().await?;
    Ok((control, receiver, settings))
}

/// Ends a connection whose peer does not speak the protocol.
fn reject(connection: &Connection, failure: &ControlFailure) {
    if let Some(code) = failure.close_code() {
        tracing::debug!(peer = ?connection.peer.address, ?failure, "control stream ended, closing");
        connection.quic.close(code);
    }
}

async fn accept_calls(
    connection: &Arc<Connection>,
    tasks: &Arc<Tasks>,
    incoming: &mut quic::CallAcceptor,
) {
    let tasks_max = connection.limits().calls_per_connection_max * STREAMS_PER_CALL;
    let mut ended = VecDeque::new();
    loop {
        let Ok(Some((mut send, mut recv))) = quic::accept_call(incoming).await else {
            return;
        };
        // A peer that opens and resets gets its credit back at once; what it left
        // behind here is bounded all the same.
        if tasks.len() >= tasks_max {
            send.reset(ErrorCode::Refused);
            recv.stop(ErrorCode::Refused);
        } else {
            let (connection, all) = (connection.clone(), tasks.clone());
            let mut recv = Some(recv);
            // Borrowed by the call, so that the task's future holds them once.
            let mut call = Box::pin(async move {
                let other = call::serve(&connection, &mut send, &mut recv).await;
                let (Some((kind, first)), Some(mut rest)) = (other, recv.take()) else {
                    return Some((send, recv));
                };
                if kind == StreamKind::Batch {
                    Box::pin(batch::serve(&connection, &all, &mut send, &mut rest, first)).await;
                    return Some((send, Some(rest)));
                }
                connection.hand_over(send, rest, first);
                None
            });
            // A quick call ends here; one that waits moves to a task of its own.
            match call::contain_panic(call::poll_once(call.as_mut())).await {
                Ok(Some(over)) => {
                    ended.extend(over);
                    if ended.len() > ENDED_STREAMS_KEPT {
                        ended.pop_front();
                    }
                }
                Ok(None) => tasks.spawn(async move { drop(call.await) }),
                Err(_panicked) => {}
            }
        }
        tokio::task::coop::consume_budget().await;
    }
}

async fn follow_control(connection: &Connection, receiver: &mut ControlReceiver) -> ControlFailure {
    loop {
        match receiver.next().await {
            Ok(ControlEvent::Cancel(cancel)) => connection.calls.cancel(cancel.call_id),
            Ok(_) => {}
            // A client that ends its control stream is leaving: what runs goes on.
            Err(ControlFailure::Finished) => std::future::pending().await,
            Err(failure) => return failure,
        }
    }
}

/// Waits for the server to drain, then for the calls and for the peer to leave.
async fn drained(
    connection: &Connection,
    control: Option<&ControlSender>,
    tasks: &Tasks,
    busy: watch::Receiver<()>,
) {
    let shutdown = &connection.shared.shutdown;
    let Some(drain) = shutdown
        .drain
        .subscribe()
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|it| it.clone())
    else {
        return std::future::pending().await;
    };
    let grace = drain.deadline.saturating_duration_since(Instant::now());
    let message = "the server is shutting down".to_owned();
    if let Some(control) = control {
        control.go_away(&GoAway {
            grace,
            retry_after: connection.limits().retry_after,
            message,
        });
    }
    if timeout_at(drain.deadline, tasks.wait()).await.is_err() {
        drain.count_cut(connection.calls.close(Ending::Shutdown));
        // Whatever does not end now ends with the connection.
        let _ = timeout(CUT_FLUSH, tasks.wait()).await;
    }
    drop(busy);
    // A client closes once its calls are done, and then has all its replies. One
    // that does not is closed; what it has not read by then, it did not want.
    let lingered = Instant::now() + LINGER;
    if connection.is_shared() {
        shutdown.door.cancelled().await;
        sleep(FAREWELL).await;
    }
    sleep_until(lingered).await;
    connection.quic.close(ErrorCode::Shutdown);
}
