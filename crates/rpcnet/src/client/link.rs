//! The way to one server: the current connection, and how it is re-established.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::backoff::Backoff;
use super::connection::{self as established, ClientConnection};
use super::endpoint::Endpoint;
use crate::config::RpcConfig;
use crate::error::{ConnectionError, ConnectionErrorKind, HandlerRan, RpcError};
use crate::identity::PeerIdentity;
use crate::metrics::ClientFigures;
use crate::task::Tasks;
use crate::transport::control::ControlFailure;
use crate::transport::interrupted::{Interrupted, connection_error, wire_error};
use crate::transport::keep_alive::Rhythm;
use crate::transport::quic::ConnectionEnd;
use crate::transport::{HeldBack, events, held_back};

/// The name a server's certificate must carry where the configuration names none.
const DEFAULT_SERVER_NAME: &str = "localhost";

/// Attempts under way at once: the first, which suits a slow path, and the latest
/// ones, which suit a server that has just come back.
const ATTEMPTS_AT_ONCE_MAX: usize = 3;

/// Connects to one address, once at a time, and keeps the connection for all calls.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) config: RpcConfig,
    pub(crate) server_name: String,
    pub(crate) endpoint: Arc<Endpoint>,
    target: SocketAddr,
    current: ArcSwapOption<ClientConnection>,
    /// The run of attempts under way, which every call that needs it waits for.
    run: Mutex<Run>,
    pub(crate) tasks: Tasks,
    figures: Arc<ClientFigures>,
    own: Weak<Self>,
}

#[derive(Debug)]
struct Run {
    outcome: Option<watch::Receiver<Option<Outcome>>>,
    /// The call that may go out before the server's settings are here.
    first_call: Option<oneshot::Sender<ForACall>>,
    backoff: Backoff,
    /// Until then a failed run's outcome stands, so that calls that come fast do
    /// not turn into handshakes that come fast.
    stands_until: Option<Instant>,
}

type Outcome = Result<Arc<ClientConnection>, ConnectFailure>;

/// Where the first call gets the connection of an attempt that has come as far as that.
type First = oneshot::Receiver<ForACall>;

/// A connection that a call may use, and what is to leave together with the first.
type ForACall = (Arc<ClientConnection>, Option<HeldBack>);

/// Why a run of attempts failed; shared by all who waited for it.
#[derive(Debug, Clone)]
enum ConnectFailure {
    NoAnswer,
    Lost(ConnectionEnd),
    Wire(rpcnet_proto::wire::WireError),
    Closed,
}

impl Link {
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        target: SocketAddr,
        config: RpcConfig,
        figures: Arc<ClientFigures>,
    ) -> Arc<Self> {
        let server_name = config
            .server_name
            .clone()
            .unwrap_or_else(|| DEFAULT_SERVER_NAME.to_owned());
        let (first, longest) = config.reconnect_backoff;
        Arc::new_cyclic(|own| Self {
            server_name,
            endpoint,
            target,
            current: ArcSwapOption::empty(),
            run: Mutex::new(Run {
                outcome: None,
                first_call: None,
                backoff: Backoff::new(first, longest),
                stands_until: None,
            }),
            tasks: Tasks::new(),
            figures,
            config,
            own: own.clone(),
        })
    }

    /// The current connection, or a fresh one.
    ///
    /// Waits for at most the connect timeout, which all calls that need the
    /// connection share.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the attempts go on for the other calls.
    pub(crate) async fn connection(&self) -> Result<Arc<ClientConnection>, RpcError> {
        if let Some(connection) = self.usable() {
            return Ok(connection);
        }
        // Boxed: most calls find a connection.
        let (connection, _) = Box::pin(self.made(false)).await?;
        Ok(connection)
    }

    /// As [`connection`](Self::connection), for a call that may be the first: it can get a
    /// connection on which the server's settings have not arrived. Whether that comes to be one
    /// is then for the run of attempts to say, as for everybody else.
    pub(crate) async fn connection_for_a_call(&self) -> Result<ForACall, RpcError> {
        if let Some(connection) = self.usable() {
            return Ok((connection, None));
        }
        Box::pin(self.made(true)).await
    }

    /// The connection that a run of attempts makes.
    async fn made(&self, may_be_first: bool) -> Result<ForACall, RpcError> {
        let (mut outcome, first) = self.join_run(may_be_first);
        let finished = outcome.wait_for(Option::is_some);
        let finished = match first {
            None => finished.await,
            Some(first) => tokio::select! {
                biased;
                finished = finished => finished,
                Ok(lent) = first => return Ok(lent),
            },
        };
        let outcome = finished.ok().and_then(|it| it.clone());
        match outcome.unwrap_or(Err(ConnectFailure::Closed)) {
            Ok(connection) => Ok((connection, None)),
            Err(failure) => Err(self.error(failure)),
        }
    }

    fn usable(&self) -> Option<Arc<ClientConnection>> {
        self.current
            .load_full()
            .filter(|connection| connection.is_usable())
    }

    /// Whether there is a connection that takes calls.
    pub(crate) fn is_connected(&self) -> bool {
        let current = self.current.load();
        current.as_ref().is_some_and(|it| it.is_usable())
    }

    /// Whether there is a connection with a place for one more call.
    pub(crate) fn has_place(&self) -> bool {
        let current = self.current.load();
        current.as_ref().is_some_and(|it| it.has_place())
    }

    /// How many calls wait to be sent together.
    pub(crate) fn queued(&self) -> usize {
        let current = self.current.load();
        let batcher = current.as_ref().and_then(|it| it.batcher());
        batcher.map_or(0, |batcher| batcher.queued())
    }

    /// Ends the link: calls under way are cancelled, later ones refused.
    pub(crate) fn close(&self) {
        self.tasks.stop();
        if let Some(connection) = self.current.swap(None) {
            connection.close();
        }
    }

    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.usable().and_then(|it| it.quic.local_addr())
    }

    pub(crate) fn server_identity(&self) -> Option<PeerIdentity> {
        let connection = self.usable()?;
        events::peer_identity(connection.quic.handle()).ok()?
    }

    pub(crate) fn path_mtu(&self) -> Option<u16> {
        let connection = self.usable()?;
        events::path_mtu(connection.quic.handle())
    }

    pub(crate) fn target(&self) -> SocketAddr {
        self.target
    }

    /// The run under way, or a new one: of that, one call may be the first.
    fn join_run(&self, may_be_first: bool) -> (watch::Receiver<Option<Outcome>>, Option<First>) {
        let mut run = self.run();
        let stands = run.stands_until.is_some_and(|until| Instant::now() < until);
        if let Some(outcome) = &run.outcome
            && (stands || (outcome.borrow().is_none() && outcome.has_changed().is_ok()))
        {
            return (outcome.clone(), None);
        }
        run.stands_until = None;
        let (sender, outcome) = watch::channel(None);
        run.outcome = Some(outcome.clone());
        let (first_call, first) = may_be_first.then(oneshot::channel).unzip();
        run.first_call = first_call;
        if let Some(link) = self.own.upgrade()
            && !self.tasks.token().is_cancelled()
        {
            self.tasks.spawn_until_stopped(async move {
                let result = link.attempts().await;
                sender.send_replace(Some(result));
            });
        }
        (outcome, first)
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attempts until one succeeds, the connect timeout passes or TLS says no.
    async fn attempts(self: Arc<Self>) -> Outcome {
        if let Some(connection) = self.usable() {
            return Ok(connection);
        }
        let deadline = Instant::now() + self.config.connect_timeout;
        let mut attempts: Vec<Pin<Box<dyn Future<Output = Outcome> + Send>>> = Vec::new();
        let mut last = ConnectFailure::NoAnswer;
        loop {
            if attempts.len() == ATTEMPTS_AT_ONCE_MAX {
                drop(attempts.remove(1));
            }
            attempts.push(Box::pin(self.clone().attempt()));
            let pause = self.next_pause();
            match self.race(&mut attempts, pause, deadline, &mut last).await {
                Step::Connected(connection) => {
                    self.current.store(Some(connection.clone()));
                    self.reset_backoff();
                    return Ok(connection);
                }
                Step::Again => {}
                Step::GiveUp => {
                    self.figures.given_up.one();
                    self.let_failure_stand();
                    return Err(last);
                }
            }
        }
    }

    /// Polls all attempts until one succeeds, the pause is over or time is up.
    async fn race(
        &self,
        attempts: &mut Vec<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
        pause: Duration,
        deadline: Instant,
        last: &mut ConnectFailure,
    ) -> Step {
        let pause = sleep(pause);
        tokio::pin!(pause);
        let first_success = poll_fn(|cx| {
            let mut index = 0;
            while let Some(attempt) = attempts.get_mut(index) {
                match attempt.as_mut().poll(cx) {
                    Poll::Pending => index += 1,
                    Poll::Ready(Ok(connection)) => return Poll::Ready(Step::Connected(connection)),
                    Poll::Ready(Err(failure)) => {
                        drop(attempts.remove(index));
                        let is_final = self.is_final(&failure);
                        *last = failure;
                        if is_final {
                            return Poll::Ready(Step::GiveUp);
                        }
                    }
                }
            }
            pause.as_mut().poll(cx).map(|()| Step::Again)
        });
        timeout_at(deadline, first_success)
            .await
            .unwrap_or(Step::GiveUp)
    }

    /// One handshake and exchange of settings.
    async fn attempt(self: Arc<Self>) -> Outcome {
        self.figures.attempts.one();
        let dialled = self
            .endpoint
            .dialer
            .dial(self.target, &self.server_name)
            .await;
        let (quic, mut acceptor) = dialled.map_err(ConnectFailure::Lost)?;
        let failed = |failure| match failure {
            ControlFailure::Interrupted(Interrupted::Lost(error)) => ConnectFailure::Lost(error),
            ControlFailure::Wire(error) => ConnectFailure::Wire(error),
            _ => ConnectFailure::NoAnswer,
        };
        let introduced = pin!(ClientConnection::introduce(quic.clone(), &self.config));
        let (connection, ours) = held_back(introduced).await;
        let connection = connection.map_err(failed)?;
        let receiver = {
            let _lent = self.lend(&connection, ours);
            connection.settle(&mut acceptor).await.map_err(failed)?
        };
        self.figures.made.one();
        let rhythm = Rhythm::new(&self.config, &connection.settings());
        let weak = Arc::downgrade(&connection);
        let own = self.own.clone();
        let let_go = move |retired: &Arc<ClientConnection>| {
            if let Some(link) = own.upgrade() {
                link.let_go(retired);
            }
        };
        if let Some(batcher) = connection.batcher() {
            let batcher = batcher.clone();
            let limits = self.config.limits().of_frames();
            let server_name = Arc::from(self.server_name.as_str());
            let exchanges = batcher.exchange(quic.clone(), limits, server_name);
            self.tasks.spawn_until_stopped(exchanges);
        }
        let patience = self.config.limits().header_timeout;
        self.tasks.spawn_until_stopped(established::follow(
            weak, let_go, quic, receiver, acceptor, rhythm, patience,
        ));
        Ok(connection)
    }

    /// Lends a connection without settings to the first call, where one waits for it.
    ///
    /// Our settings are held back until they can leave with the call.
    fn lend(&self, connection: &Arc<ClientConnection>, ours: HeldBack) -> Option<Lent<'_>> {
        let first_call = self.run().first_call.take()?;
        first_call.send((connection.clone(), Some(ours))).ok()?;
        let connection = Arc::downgrade(connection);
        Some(Lent {
            link: self,
            connection,
        })
    }

    /// Gives up our hold on a connection that takes no more calls: it closes with its
    /// last one, for which a server that drains is waiting.
    fn let_go(&self, retired: &Arc<ClientConnection>) {
        let current = self.current.load();
        if current.as_ref().is_some_and(|it| Arc::ptr_eq(it, retired)) {
            self.current.compare_and_swap(&current, None);
        }
        drop(current);
        // The run that made it keeps its outcome.
        let mut run = self.run();
        run.outcome.take_if(|outcome| match &*outcome.borrow() {
            Some(Ok(made)) => Arc::ptr_eq(made, retired),
            _ => false,
        });
    }

    /// Returns true where another attempt would end the same way.
    fn is_final(&self, failure: &ConnectFailure) -> bool {
        matches!(self.error(failure.clone()), RpcError::TlsError(_))
            || matches!(failure, ConnectFailure::Wire(_))
    }

    fn error(&self, failure: ConnectFailure) -> RpcError {
        let plain =
            |kind| RpcError::ConnectionError(ConnectionError::new(kind, HandlerRan::No, None));
        match failure {
            ConnectFailure::NoAnswer => plain(ConnectionErrorKind::NoAnswer),
            ConnectFailure::Closed => plain(ConnectionErrorKind::ClientClosed),
            ConnectFailure::Lost(error) => {
                connection_error(error, HandlerRan::No, &self.server_name)
            }
            ConnectFailure::Wire(error) => wire_error(error, HandlerRan::No),
        }
    }

    fn next_pause(&self) -> Duration {
        self.run().backoff.next_pause()
    }

    fn let_failure_stand(&self) {
        let mut run = self.run();
        let pause = run.backoff.next_pause();
        run.stands_until = Some(Instant::now() + pause);
    }

    fn reset_backoff(&self) {
        self.run().backoff.reset();
    }
}

/// A connection that the first call has before the link does.
///
/// An attempt that is given up leaves the call alone, which may be answered all the same; but
/// not where the link is closed, which knows no connection before it is made.
struct Lent<'a> {
    link: &'a Link,
    connection: Weak<ClientConnection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if self.link.tasks.token().is_cancelled()
            && let Some(connection) = self.connection.upgrade()
        {
            connection.close();
        }
    }
}

enum Step {
    Connected(Arc<ClientConnection>),
    Again,
    GiveUp,
}
