//! One established connection: what the server announced, and the calls on it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rpcnet_proto::wire::{Cancel, ControlEvent, ErrorCode, GoAway, Settings, StreamKind};
use rpcnet_proto::{CallId, Method};
use tokio::sync::{Semaphore, TryAcquireError};

use super::batcher::Batcher;
use super::habits::Habits;
use crate::config::{Batching, RpcConfig};
use crate::transport::control::{ControlFailure, ControlReceiver, ControlSender};
use crate::transport::keep_alive::Rhythm;
use crate::transport::quic::{self, Acceptor, ConnectionEnd, QuicConnection};
use crate::transport::{Interrupted, RecvHalf, SendHalf};

/// Most calls on one connection at once, whatever a server announces.
const CALLS_CEILING: u64 = 1 << 16;

/// Calls on a connection before the server's SETTINGS: every server that takes calls at all
/// takes one.
const CALLS_BEFORE_SETTINGS: usize = 1;

/// A connection, which counts as made once the server's SETTINGS have arrived (W-42).
#[derive(Debug)]
pub(crate) struct ClientConnection {
    pub(crate) quic: QuicConnection,
    /// What the server announced; until then there is room for one call.
    announced: OnceLock<Announced>,
    control: ControlSender,
    /// A place for each call that the server is willing to run.
    places: Semaphore,
    is_over: AtomicBool,
    batching: Batching,
    pub(super) habits: Habits,
}

/// What follows from a server's SETTINGS.
#[derive(Debug)]
struct Announced {
    settings: Settings,
    places_max: usize,
    /// Where calls wait for company, if the server takes batches.
    batcher: Option<Arc<Batcher>>,
}

impl ClientConnection {
    /// Tells the server our settings, on a connection whose handshake has just ended.
    pub(crate) async fn introduce(
        quic: QuicConnection,
        config: &RpcConfig,
    ) -> Result<Arc<Self>, ControlFailure> {
        let ours = quic.open_control().await.map_err(Interrupted::from);
        let control = match ours {
            Ok(ours) => ControlSender::open(ours, &settings(config)).await,
            Err(lost) => Err(lost),
        };
        Ok(Arc::new(Self {
            quic,
            announced: OnceLock::new(),
            control: control.map_err(ControlFailure::Interrupted)?,
            places: Semaphore::new(CALLS_BEFORE_SETTINGS),
            is_over: AtomicBool::new(false),
            batching: config.batching,
            habits: Habits::default(),
        }))
    }

    /// Waits for the server's settings.
    ///
    /// A server that refuses our certificate does so only now: the handshake is
    /// over for the client before the server has looked at it.
    pub(crate) async fn settle(
        &self,
        acceptor: &mut Acceptor,
    ) -> Result<ControlReceiver, ControlFailure> {
        let mut receiver = ControlReceiver::accept(&mut acceptor.controls).await?;
        let settings = receiver.settings().await?;
        let places_max = settings.concurrent_calls_max.clamp(1, CALLS_CEILING);
        let places_max = usize::try_from(places_max).unwrap_or(1);
        // W-54.
        let batches = settings.accepts(StreamKind::Batch) && self.batching != Batching::Never;
        let announced = Announced {
            settings,
            places_max,
            batcher: batches.then(Arc::default),
        };
        if self.announced.set(announced).is_ok() {
            self.places.add_permits(places_max - CALLS_BEFORE_SETTINGS);
        }
        Ok(receiver)
    }

    /// Whether the server's settings are here.
    pub(crate) fn is_settled(&self) -> bool {
        self.announced.get().is_some()
    }

    /// What the server accepts; before it has said so, what the protocol has for one that says
    /// nothing (W-45).
    pub(crate) fn settings(&self) -> Settings {
        let announced = self.announced.get();
        announced.map_or_else(Settings::default, |it| it.settings)
    }

    /// Where calls wait for company, if the server takes batches.
    pub(super) fn batcher(&self) -> Option<&Arc<Batcher>> {
        self.announced.get()?.batcher.as_ref()
    }

    /// Returns true where new calls may start here.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }

    /// Returns true where a call can start here without waiting for another to end.
    pub(crate) fn has_place(&self) -> bool {
        self.is_usable() && self.places.available_permits() > 0
    }

    /// Starts no more calls here (W-48); those that wait for a place move on.
    pub(crate) fn retire(&self) {
        self.is_over.store(true, Ordering::Release);
        self.places.close();
    }

    /// Starts no more calls here, and ends those under way.
    pub(crate) fn close(&self) {
        self.retire();
        self.quic.close(ErrorCode::NoError);
    }

    /// Waits for a place among the calls the server runs.
    ///
    /// `None` where the connection was retired meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn place(self: &Arc<Self>) -> Option<Place> {
        let permit = match self.places.try_acquire() {
            Ok(permit) => permit,
            Err(TryAcquireError::Closed) => return None,
            // Boxed: most calls need not wait.
            Err(TryAcquireError::NoPermits) => Box::pin(self.places.acquire()).await.ok()?,
        };
        // Given back with the place.
        permit.forget();
        Some(Place(self.clone()))
    }

    /// How many calls have a place.
    fn taken(&self) -> usize {
        let announced = self.announced.get();
        let places_max = announced.map_or(CALLS_BEFORE_SETTINGS, |it| it.places_max);
        places_max.saturating_sub(self.places.available_permits())
    }

    /// Opens a stream for a call that has its place.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place and opens nothing.
    pub(crate) async fn open(
        &self,
        call_id: CallId,
        place: Place,
    ) -> Result<OpenCall, ConnectionEnd> {
        let (send, recv) = self.quic.open_call().await?;
        let guard = CallGuard::new(call_id, place);
        Ok(OpenCall { send, recv, guard })
    }

    /// As [`place`](Self::place) and [`open`](Self::open) in one.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        call_id: CallId,
    ) -> Option<Result<OpenCall, ConnectionEnd>> {
        let place = self.place().await?;
        Some(self.open(call_id, place).await)
    }

    /// Where a unary call that has its place finds company: `None` where it is alone, or its
    /// reply is expected to hold up others.
    pub(crate) fn company(&self, method: &Method) -> Option<&Arc<Batcher>> {
        let batcher = self.batcher()?;
        let is_alone = self.batching != Batching::Always && self.taken() <= 1;
        (!is_alone && !self.habits.is_long(method)).then_some(batcher)
    }

    fn is_busy(&self) -> bool {
        self.taken() > 0
    }
}

/// A call's place on its connection, which lives at least as long.
#[derive(Debug)]
pub(crate) struct Place(Arc<ClientConnection>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.add_permits(1);
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        // Every call holds the connection, so nothing that matters is cut off.
        self.quic.close(ErrorCode::NoError);
    }
}

/// A stream that was opened for a call.
#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) send: SendHalf,
    pub(crate) recv: RecvHalf,
    pub(crate) guard: CallGuard,
}

/// A call in flight; dropping it before [`complete`](Self::complete) cancels the call.
///
/// The stream halves reset themselves; a handler that neither reads nor writes would
/// not notice, which is why CANCEL also goes over the control stream.
#[derive(Debug)]
pub(crate) struct CallGuard {
    place: Place,
    call_id: CallId,
    is_complete: bool,
}

impl CallGuard {
    pub(super) fn new(call_id: CallId, place: Place) -> Self {
        Self {
            place,
            call_id,
            is_complete: false,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The call has ended on both sides; there is nothing left to cancel.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if !self.is_complete {
            let cancel = Cancel {
                call_id: self.call_id,
                code: ErrorCode::Cancelled,
            };
            if !self.place.0.control.cancel(&cancel) {
                tracing::debug!(
                    call_id = self.call_id.get(),
                    "cancel not sent, its deadline ends it"
                );
            }
        }
    }
}

/// What this client accepts, as it tells the server.
fn settings(config: &RpcConfig) -> Settings {
    Settings {
        message_bytes_max: config.limits().message_bytes_max as u64,
        header_bytes_max: config.limits().header_bytes_max as u64,
        concurrent_calls_max: 0,
        keep_alive: config.keep_alive,
        ..Settings::default()
    }
}

/// Follows a connection until it is gone: reads the control stream, sends heartbeats.
///
/// Holds the connection weakly: the last call and the last client end it. One that takes
/// no more calls is given to `let_go`, so that it ends with the last call alone.
pub(crate) fn follow(
    connection: Weak<ClientConnection>,
    let_go: impl Fn(&Arc<ClientConnection>),
    quic: QuicConnection,
    mut receiver: ControlReceiver,
    acceptor: Acceptor,
    rhythm: Rhythm,
    patience: Duration,
) -> impl Future<Output = ()> {
    let Acceptor {
        mut calls,
        mut controls,
    } = acceptor;
    // A block, which holds what it is given once; see that of a server.
    async move {
        let batcher = connection.upgrade();
        let batcher = batcher.and_then(|it| it.batcher().cloned());
        let retire = || {
            if let Some(connection) = connection.upgrade() {
                connection.retire();
                let_go(&connection);
            }
        };
        let is_busy = || connection.upgrade().is_some_and(|it| it.is_busy());
        let events = async {
            loop {
                match receiver.next().await {
                    Ok(ControlEvent::GoAway(GoAway { .. })) => retire(),
                    // W-52: a server has nothing to cancel here.
                    Ok(_) => {}
                    // A server that ends its control stream is leaving, as with GOAWAY.
                    Err(ControlFailure::Finished) => {
                        retire();
                        std::future::pending::<()>().await;
                    }
                    Err(failure) => return failure,
                }
            }
        };
        // W-5: a server opens no calls; other kinds belong to peers of a later version.
        let refuse_calls = async {
            while let Ok(Some((mut send, mut recv))) = quic::accept_call(&mut calls).await {
                send.reset(ErrorCode::UnknownStreamKind);
                recv.stop(ErrorCode::UnknownStreamKind);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            failure = events => reject(&quic, &failure),
            () = rhythm.keep(&quic, is_busy) => {}
            () = refuse_calls => {}
            failure = ControlReceiver::refuse_more(&mut controls, patience) => reject(&quic, &failure),
        }
        retire();
        if let Some(batcher) = batcher {
            batcher.close();
        }
    }
}

/// Closes a connection whose server does not speak the protocol.
fn reject(quic: &QuicConnection, failure: &ControlFailure) {
    if let Some(code) = failure.close_code() {
        tracing::debug!(?failure, "the server's control stream ended, closing");
        quic.close(code);
    }
}
